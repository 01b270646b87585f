"""Runs a guest, a WASI command that needs only stdin and stdout, on Wasmer through its Python SDK.

    python run_wasmer.py MODULE
    python run_wasmer.py --serve

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.

With `--serve` it takes jobs, one JSON object a line on stdin, and answers each in one line on
stdout: {id, module, stdin, stdout, stderr, output_bytes, reuse} -> {id, end, code, text, cpu_s}.
The SDK has threads, so jobs cannot be forked: each is a new instance in this process.
"""

# ruff: noqa: N818, PTH123 - an end is no error; a small script needs no pathlib

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any, NoReturn

from wasmer_sdk import ExitReason, Wasmer, WasmerError

VERSION = version("wasmer-sdk")
WASI = "wasi_snapshot_preview1"
IMPORTS = ("fd_read", "fd_write", "proc_exit")
CHUNK_BYTES = 1 << 16
TEXT_MAX = 4096
SANDBOXES_MAX = 16
UNLIMITED = 1 << 62


class Trap(Exception):
    """The guest trapped."""


class Rejected(Exception):
    """The module is not accepted."""


class TooMuch(Exception):
    """The guest wrote more than it may."""


CODES = {Trap: ("trap", 134), Rejected: ("rejected", 126), TooMuch: ("limit", -signal.SIGXFSZ)}


class Host:
    """Wasmer, with a sandbox for each module that came by, the oldest first.

    It keeps compiled code in `folder`, which is new each time: no run may see another's code.
    """

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="wasmer-")
        self.wasmer = Wasmer(cache_root=self.folder, output_bytes=UNLIMITED)
        self.commands: dict[bytes, Any] = {}

    def leave(self, code: int) -> NoReturn:
        """End the process at once: the SDK aborts when torn down, a thread may wait for stdin."""
        shutil.rmtree(self.folder, ignore_errors=True)
        sys.stderr.flush()
        os._exit(code)

    async def run(self, path: str, fds: tuple[int, ...], output_bytes: int = UNLIMITED) -> int:
        """Run the module in file `path` on `fds` to its end; returns the guest's exit code."""
        sandbox, package = await self._prepare(path)
        try:
            guest = await sandbox.command(package).spawn(stdin="pipe", output_bytes=UNLIMITED)
        except WasmerError as error:  # instantiation may trap, too
            raise (Trap if "RuntimeError: " in str(error) else Rejected)(error) from None
        feeding = asyncio.ensure_future(feed(fds[0], guest.stdin))
        try:
            await drain(guest, fds, output_bytes)
            return exit_code(await guest.wait())
        except WasmerError as error:
            raise Trap(error) from None
        finally:
            feeding.cancel()

    async def _prepare(self, path: str) -> Any:
        """A sandbox and in it the package that the module in file `path` is."""
        with open(path, "rb") as file:
            module = file.read()
        key = hashlib.sha256(module).digest()
        if key not in self.commands:
            refuse_surplus_imports(module)
            try:
                package = await self.wasmer.packages.load(module)
                sandbox = await self.wasmer.sandboxes.create(packages=[package])
            except WasmerError as error:
                raise Rejected(error) from None
            self.commands[key] = sandbox, package
        if len(self.commands) > SANDBOXES_MAX:
            del self.commands[next(iter(self.commands))]
        return self.commands[key]


def exit_code(output: Any) -> int:
    """The exit code of a guest that did not trap; one that no process can have is a trap."""
    if output.reason is not ExitReason.EXITED:
        raise RuntimeError(output.reason.value)
    if not 0 <= output.exit_code <= 125:
        raise Trap(f"exit code {output.exit_code} is not in 0..125")
    return int(output.exit_code)


async def feed(fd: int, stdin: Any) -> None:
    """Write what comes on `fd` to the guest, until either has enough."""
    loop = asyncio.get_event_loop()
    try:
        while data := await loop.run_in_executor(None, os.read, fd, CHUNK_BYTES):
            await stdin.write(data)
        await stdin.close()
    except WasmerError:
        pass  # the guest has ended, or reads no more


async def drain(guest: Any, fds: tuple[int, ...], output_bytes: int) -> None:
    """Write what the guest writes to `fds`, at most `output_bytes`."""
    room = output_bytes

    async def copy(stream: Any, fd: int) -> None:
        nonlocal room
        async for data in stream:
            room -= len(data)
            if room < 0:
                await guest.kill()
                raise TooMuch("output")
            write_all(fd, data)

    await asyncio.gather(copy(guest.stdout, fds[1]), copy(guest.stderr, fds[2]))


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`."""
    while data:
        data = data[os.write(fd, data) :]


def refuse_surplus_imports(module: bytes) -> None:
    """Raise `Rejected` unless `module` imports at most the three functions."""
    if module[:4] != b"\0asm":
        raise Rejected("not a wasm module: no magic number")
    try:
        at = 8
        while at < len(module):
            size, start = leb(module, at + 1)
            if module[at] == 2:
                check_imports(module, start)
            at = start + size
    except IndexError:
        raise Rejected("not a wasm module: cut short") from None


def check_imports(module: bytes, at: int) -> None:
    """Look at each entry of the import section that starts at `at`."""
    count, at = leb(module, at)
    for _ in range(count):
        source, at = name(module, at)
        field, at = name(module, at)
        if source != WASI or field not in IMPORTS or module[at] != 0:
            raise Rejected(f"imports {source}.{field}")
        _, at = leb(module, at + 1)


def name(module: bytes, at: int) -> tuple[str, int]:
    """The name at `at`, and where it ends."""
    size, at = leb(module, at)
    return module[at : at + size].decode("utf-8", "replace"), at + size


def leb(module: bytes, at: int) -> tuple[int, int]:
    """The unsigned number in LEB128 at `at`, and where it ends."""
    value = shift = 0
    while module[at] & 128:
        value |= (module[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | module[at] << shift, at + 1


async def attempt(work: Coroutine[Any, Any, int]) -> tuple[str, int, str]:
    """How `work` ended: end, code and text."""
    try:
        return "exit", await work, ""
    except Exception as error:
        end, code = CODES.get(type(error), ("host", 127))
        text = repr(error) if end == "host" else str(error)
        return end, code, " ".join(text.split())[:TEXT_MAX]


async def filter_once(path: str) -> NoReturn:
    """Run the module in file `path` on this process's stdio."""
    host = Host()
    end, code, text = await attempt(host.run(path, (0, 1, 2)))
    if end != "exit":
        write_all(2, f"\n{end}: {text}\n".encode())
    host.leave(code)


async def serve() -> NoReturn:
    """Answer jobs until the end of stdin."""
    host = Host()
    say({"ready": True, "version": VERSION})
    for line in sys.stdin:
        job, before_s = json.loads(line), time.process_time()
        end, code, text = await attempt(run_job(host, job))
        cpu_s = time.process_time() - before_s
        say({"id": job["id"], "end": end, "code": code, "text": text, "cpu_s": cpu_s})
    host.leave(0)


async def run_job(host: Host, job: Any) -> int:
    """Run one job on its files."""
    with ExitStack() as stack:
        modes = (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))
        files = [stack.enter_context(open(job[name], mode)) for name, mode in modes]
        fds = tuple(file.fileno() for file in files)
        return await host.run(job["module"], fds, job["output_bytes"])


def say(answer: Any) -> None:
    """Write one line of the control stream."""
    write_all(1, json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Run the module that the command line names, or serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("module", nargs="?")
    args = parser.parse_args()
    asyncio.run(serve() if args.serve else filter_once(args.module))


if __name__ == "__main__":
    main()

"""Runs a guest, a WASI command that needs only stdin and stdout, on wasm3.

    python run_wasm3.py MODULE

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.
"""

# ruff: noqa: N818, PTH123 - an end is no error; a small script needs no pathlib

from __future__ import annotations

import argparse
import os
import struct
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import wasm3  # type: ignore[import-not-found, unused-ignore]

VERSION = version("pywasm3")
TIERS = ("default",)
WASI = "wasi_snapshot_preview1"
IMPORTS = ("fd_read", "fd_write", "proc_exit")
STACK_BYTES = 1 << 18  # wasm3's own stack ends before the C stack does, and so with a trap
CALLS: dict[str, Any] = {"fd_read": (os.readv, (0,)), "fd_write": (os.writev, (1, 2))}


class Trap(Exception):
    """The guest trapped."""


class Rejected(Exception):
    """The module is not accepted."""


class Exit(Exception):
    """The guest called `proc_exit`."""


def prepare(module: bytes, _tier: str) -> bytes:
    """Check the imports: wasm3 finds out only when one is called. The artifact is the module."""
    refuse_surplus_imports(module)
    return module


def run(artifact: bytes, _tier: str) -> int:
    """Run `_start` to its end and return the guest's exit code."""
    environment = wasm3.Environment()
    runtime = environment.new_runtime(STACK_BYTES)
    try:
        module = environment.parse_module(artifact)
        runtime.load(module)
        _link(module, runtime)
        start = runtime.find_function("_start")
    except RuntimeError as error:
        raise (Trap if "[trap]" in str(error) else Rejected)(error) from None
    try:
        start()
    except Exit as end:
        return int(end.args[0])
    except RuntimeError as error:
        raise Trap(error) from None
    return 0


def _link(module: Any, runtime: Any) -> None:
    def define(name: str, signature: str, function: Callable[..., Any]) -> None:
        try:
            module.link_function(WASI, name, signature, function)
        except RuntimeError as error:
            if "function lookup failed" not in str(error):  # a module need not import all three
                raise

    for name, call in CALLS.items():
        define(name, "i(iiii)", _callback(runtime, call))
    define("proc_exit", "v(i)", proc_exit)


def _callback(runtime: Any, call: Any) -> Callable[..., int]:
    def callback(*arguments: int) -> int:
        unsigned = [argument & 0xFFFFFFFF for argument in arguments]
        return transfer(runtime.get_memory(0), call, *unsigned)

    return callback


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


# From here on the same in every Python host that answers WASI itself; a test compares them.


def proc_exit(code: int) -> None:
    """End the guest; a code that a process cannot tell from a trap's is a trap."""
    if not 0 <= code <= 125:
        raise Trap(f"exit code {code} is not in 0..125")
    raise Exit(code)


def transfer(memory: memoryview, call: Any, fd: int, vectors: int, count: int, result: int) -> int:
    """`fd_read` or `fd_write`: check everything, then do it once; returns WASI's errno."""
    syscall, fds = call
    if fd not in fds:
        return 8  # badf
    if vectors + 8 * count > len(memory) or result + 4 > len(memory):
        return 21  # fault
    parts = []
    for base, size in struct.iter_unpack("<II", memory[vectors : vectors + 8 * count]):
        if base + size > len(memory):
            return 21
        if size:
            parts.append(memory[base : base + size])
    try:
        done = syscall(fd, parts[:1024]) if parts else 0  # IOV_MAX; the rest is a short transfer
    except OSError:
        return 29  # io
    memory[result : result + 4] = done.to_bytes(4, "little")
    return 0


def main() -> int:
    """Run the module that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tier", choices=TIERS, default=TIERS[0])
    parser.add_argument("module")
    args = parser.parse_args()
    try:
        with open(args.module, "rb") as file:
            return run(prepare(file.read(), args.tier), args.tier)
    except Trap as trap:
        return say(134, "trap", trap)
    except Rejected as reason:
        return say(126, "rejected", reason)
    except Exception as fault:
        return say(127, "host", repr(fault))


def say(code: int, word: str, text: object) -> int:
    """Write why there is no exit code of the guest, on one line."""
    sys.stderr.write(f"\n{word}: {' '.join(str(text).split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

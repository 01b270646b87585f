"""One child process under supervision: fed and drained at once, limited, ended as a whole tree.

No threads: whoever wants output turns the loop. A child may be started, turned and ended by any
thread, by one at a time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NoReturn

import msgspec

from lockstep.errors import LockstepError
from lockstep.execute import machine

READ_BYTES = 1 << 16
COMPLAINT_BYTES = 16 << 10
OPEN_FILES = 256
TICK_MS = 50
GRACE_S = 5.0

EndKind = Literal[
    "exit", "trap", "crash", "hang", "memory limit", "output limit", "rejected", "host"
]


class Ended(msgspec.Struct, frozen=True):
    """How a process ended; `code` is an exit code or a negated signal, `text` is for people."""

    kind: EndKind
    code: int = 0
    text: str = ""


class Limits(msgspec.Struct, frozen=True):
    """What a run may use; `wall_s` is for a whole batch, or for each answer of a live process."""

    wall_s: float = 60.0
    cpu_s: float | None = None
    memory_bytes: int = 2 << 30
    output_bytes: int = 256 << 20


class Run(msgspec.Struct, frozen=True):
    """What a guest wrote, and how it ended; `cpu_s` is that of its whole process tree.

    Where the process was started for this run alone, the start (and 10 ms of launcher) count too.
    """

    output: bytes
    end: Ended
    cpu_s: float
    wall_s: float


class EarlyEnd(LockstepError):  # noqa: N818 - an answer more often than an error
    """A process ended, or had to be ended, before it gave the answer that was asked for."""

    def __init__(self, end: Ended) -> None:
        super().__init__(f"{end.kind}: {end.text}" if end.text else end.kind)
        self.end = end


class Child:
    """A confined process, started at once.

    `folder` is its working folder and the only one it can write to. `stdin` is a file to read, or
    None for a pipe. `output` is what it wrote and nobody took yet, `complaint` the tail of its
    stderr, `ended` whether all of its output has been seen, `stopped` why it had to be ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        limits: Limits,
        stdin: Path | None = None,
    ) -> None:
        self.limits = limits
        self.output = bytearray()
        self.complaint = b""
        self.ended = False
        self.stopped: Ended | None = None
        self.started_s = self._next_check_s = time.monotonic()
        self.deadline_s = self.started_s + limits.wall_s
        self._launch(command, env, folder, stdin)
        self.cpu_s = self.wall_s = 0.0
        self._code: int | None = None
        self._rest = memoryview(b"")
        self._last = False
        self._poll = select.poll()
        self._poll.register(self.stdout, select.POLLIN)
        self._poll.register(self._stderr, select.POLLIN)
        with _LOCK:
            _LIVE.add(self)

    def _launch(
        self, command: Sequence[str], env: Mapping[str, str], folder: Path, stdin: Path | None
    ) -> None:
        options = [*machine.confinement(), f"--parent={os.getpid()}", f"--writable={folder}"]
        options += [f"--files={OPEN_FILES}", f"--file_bytes={self.limits.output_bytes}"]
        if self.limits.cpu_s is not None:
            options.append(f"--cpu_s={max(1, round(self.limits.cpu_s))}")
        try:
            with stdin.open("rb") if stdin else contextlib.nullcontext(subprocess.PIPE) as source:
                self._process = subprocess.Popen(
                    [*machine.LAUNCHER, *options, "--", *command],
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env={"HOME": str(folder), "TMPDIR": str(folder), **env},
                    start_new_session=True,
                    bufsize=0,
                )
        except OSError as error:
            raise LockstepError(f"cannot start {command[0]}: {error}") from None
        self.pid = self._process.pid
        assert self._process.stdout and self._process.stderr
        self.stdout = self._process.stdout.fileno()
        self._stderr = self._process.stderr.fileno()
        self.stdin = -1
        if self._process.stdin:
            self.stdin = self._process.stdin.fileno()
            os.set_blocking(self.stdin, False)

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Write `data`: at once what fits, the rest as the loop turns; after the `last`, close."""
        if self.ended:
            return
        self._last = last
        self._rest = memoryview(bytes(self._rest) + data if self._rest else data)
        self._write()
        if self._rest:
            self._poll.register(self.stdin, select.POLLOUT)

    def _write(self) -> None:
        try:
            self._rest = self._rest[os.write(self.stdin, self._rest) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._rest = memoryview(b"")
        if self._last and not self._rest:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self.stdin = -1

    def turn(self) -> None:
        """Wait a tick at most, read and write what can be; raises `EarlyEnd` at a limit."""
        for fd, _ in self._poll.poll(TICK_MS):
            if fd == self.stdout:
                self._drain()
            elif fd == self._stderr:
                if not self._listen():
                    self._poll.unregister(fd)
            else:
                self._write()
                if not self._rest:
                    self._poll.unregister(fd)
        if time.monotonic() >= self._next_check_s:
            self._check()

    def _drain(self) -> None:
        data = os.read(self.stdout, READ_BYTES)
        self.output += data
        if not data:
            self.ended = True
            self._poll.unregister(self.stdout)
        elif len(self.output) > self.limits.output_bytes:
            self._stop(Ended("output limit", text=f"over {self.limits.output_bytes} bytes"))

    def _listen(self) -> bool:
        data = os.read(self._stderr, READ_BYTES)
        self.complaint = (self.complaint + data)[-COMPLAINT_BYTES:]
        return bool(data)

    def _check(self) -> None:
        now = time.monotonic()
        self._next_check_s = now + TICK_MS / 1000
        if now >= self.deadline_s:
            self._stop(Ended("hang", text=f"no end within {self.limits.wall_s:g} s"))
        if machine.tree_bytes(self.pid) > self.limits.memory_bytes:
            self._stop(Ended("memory limit", text=f"over {self.limits.memory_bytes} bytes"))

    def _stop(self, end: Ended) -> NoReturn:
        self.stopped = end
        self.close()
        raise EarlyEnd(end)

    def close(self) -> int:
        """End the whole tree, if it has not ended, and free everything. May be called again.

        Returns the exit code; a negative one is a signal.
        """
        if self._code is None:
            if not self.ended:
                self._end_tree()
            with _LOCK:
                _LIVE.discard(self)
            _, status, usage = os.wait4(self.pid, 0)
            self._code = self._process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_s = usage.ru_utime + usage.ru_stime
            self.wall_s = time.monotonic() - self.started_s
            self._close_pipes()
            self.ended = True
        return self._code

    def interrupt(self) -> None:
        """Ask the launcher to end the tree."""
        os.kill(self.pid, signal.SIGTERM)

    def _end_tree(self) -> None:
        self.interrupt()
        poll = select.poll()
        poll.register(self.stdout, select.POLLIN)
        until_s = time.monotonic() + GRACE_S
        while time.monotonic() < until_s:
            if poll.poll(TICK_MS) and not os.read(self.stdout, READ_BYTES):
                return
        os.kill(self.pid, signal.SIGKILL)

    def _close_pipes(self) -> None:
        self._close_stdin()
        os.set_blocking(self._stderr, False)
        with contextlib.suppress(BlockingIOError):
            while self._listen():
                pass
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()


_LIVE: set[Child] = set()
_LOCK = threading.Lock()


def end_all() -> None:
    """End every child of this process, from any thread: whoever turns its loop sees it end."""
    with _LOCK:
        for child in _LIVE:
            child.interrupt()

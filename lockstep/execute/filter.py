"""A guest as a filter: one process, events on its stdin, observations on its stdout."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from lockstep.execute import machine
from lockstep.execute.process import Child, EarlyEnd, Ended, Limits, Run
from lockstep.execute.scratch import new_scratch

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

TRAP_CODE, REJECTED_CODE, HOST_CODE = 134, 126, 127
TEXT_CHARACTERS = 2000
ANSWER_BYTES_MAX = 64 << 20
DEFAULTS = Limits()


def interpret(runtime: Runtime, code: int, complaint: bytes) -> Ended:
    """What an exit code (negative: a signal) and the tail of stderr mean.

    A host of ours has codes that no guest can give; a plain command line shares them with the
    guest, so there the trap texts of the runtime's row decide.
    """
    text = complaint.decode("utf-8", "replace").strip()[-TEXT_CHARACTERS:]
    line = text.rpartition("\n")[2]
    if code < 0:
        return _signalled(-code, text)
    if code == TRAP_CODE and line.startswith("trap: "):
        return Ended("trap", code, line.removeprefix("trap: "))
    if code == REJECTED_CODE:
        return Ended("rejected", code, line.removeprefix("rejected: "))
    if code == HOST_CODE:
        return Ended("host", code, line.removeprefix("host: "))
    if code != 0 and runtime.serve_command() is None and runtime.trap_kinds(text):
        return Ended("trap", code, text)
    return Ended("crash", code, text) if code > HOST_CODE else Ended("exit", code)


def _signalled(number: int, text: str) -> Ended:
    if number == signal.SIGXCPU:
        return Ended("hang", -number, "CPU time is over")
    if number == signal.SIGXFSZ:
        return Ended("output limit", -number, "a file is too large")
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return Ended("crash", -number, f"{name} {text}".strip())


class FilterProcess:
    """A live guest; where it ends instead of answering, `EarlyEnd` says how."""

    def __init__(
        self, runtime: Runtime, module: Path, limits: Limits = DEFAULTS, stdin: Path | None = None
    ) -> None:
        command = runtime.filter_command(module.absolute())
        self.runtime = runtime
        self._folder = new_scratch()
        self.child = Child(command, runtime.env, self._folder, limits, stdin)
        self._output = self.child.output

    def step(self, frame: bytes) -> bytes:
        """Send one event, wait for its observation; both are whole frames."""
        child = self.child
        child.deadline_s = time.monotonic() + child.limits.wall_s
        child.send(frame)
        return self.answer()

    def answer(self) -> bytes:
        """Wait for the next whole frame of output."""
        output = self._output
        while True:
            if len(output) >= 4:
                end = 4 + int.from_bytes(output[:4], "little")
                if len(output) >= end:
                    frame = bytes(output[:end])
                    del output[:end]
                    return frame
                if end > ANSWER_BYTES_MAX or time.monotonic() > self._doubt_s():
                    self._give_up()
            if self.child.ended:
                raise EarlyEnd(self.end())
            self.child.turn()

    def _doubt_s(self) -> float:
        """When half a frame is not the begin of an answer any more."""
        return self.child.deadline_s - self.child.limits.wall_s / 2

    def _give_up(self) -> NoReturn:
        """What came is no frame, so how the guest ends by itself is what it has to say."""
        self.child.send(b"", last=True)
        self.drain()
        raise EarlyEnd(self.end())

    def drain(self) -> None:
        """Wait for the end of output."""
        while not self.child.ended:
            self.child.turn()

    def end(self) -> Ended:
        """How the process ended; it is ended first where it has not."""
        code = self.child.close()
        return self.child.stopped or interpret(self.runtime, code, self.child.complaint)

    def close(self) -> None:
        """End the process and remove its scratch folder."""
        self.child.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_filter(
    runtime: Runtime, module: Path, stdin: bytes | Path, limits: Limits = DEFAULTS
) -> Run:
    """Run a guest to its end on `stdin`, given as bytes or as a file."""
    file = stdin if isinstance(stdin, Path) else None
    with FilterProcess(runtime, module, limits, file) as process:
        if isinstance(stdin, bytes):
            process.child.send(stdin, last=True)
        with contextlib.suppress(EarlyEnd):
            process.drain()
        return _run(process)


def run_stepped(
    runtime: Runtime,
    module: Path,
    frames: Sequence[bytes],
    prefix: int,
    limits: Limits = DEFAULTS,
) -> Run:
    """Run a guest to its end: the first `prefix` events as a batch, then one at a time.

    Each is sent when all before it are answered, so what was answered before an early end does not
    depend on how anybody cut reads or batches. The last one of `frames`, which may be a part of an
    event, is sent with the end of input behind it.
    """
    batch = min(prefix, len(frames) - 1)
    with machine.on_one_cpu(), FilterProcess(runtime, module, limits) as process:
        answers: list[bytes] = []
        with contextlib.suppress(EarlyEnd):
            if batch > 0:
                process.child.send(b"".join(frames[:batch]))
                for _ in range(batch):
                    answers.append(process.answer())
            for frame in frames[max(batch, 0) : -1]:
                process.child.send(frame)
                answers.append(process.answer())
            process.child.send(b"".join(frames[-1:]), last=True)
            process.drain()
        return _run(process, b"".join(answers))


def _run(process: FilterProcess, before: bytes = b"") -> Run:
    end, child = process.end(), process.child
    return Run(before + bytes(child.output), end, child.cpu_s, child.wall_s)

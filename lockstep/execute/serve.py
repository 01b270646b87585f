"""A host that takes jobs: one JSON line each on its stdin, one line back when the job has ended."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from lockstep.execute.filter import interpret
from lockstep.execute.process import Child, EarlyEnd, Ended, Limits, Run

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

START_S = 60.0
LINE_BYTES = 64 << 10
JOBS_MAX = 1000  # then a fresh host: bindings leak, and a leak must not look like a guest's


class Ready(msgspec.Struct, frozen=True):
    """The first line of a host."""

    ready: Literal[True]
    version: str


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to run, with the three files of the guest's stdio and its limits.

    With an `artifact` nothing is run: the host takes the compiled code of the module from that
    file, or compiles it and leaves the code there.
    """

    id: int
    module: str
    stdin: str
    stdout: str
    stderr: str
    cpu_s: int
    output_bytes: int
    reuse: bool
    artifact: str = ""


class Answer(msgspec.Struct, frozen=True):
    """How a job ended; `code` is an exit code or a negated signal; a `limit`'s text names it."""

    id: int
    end: Literal["exit", "trap", "rejected", "crash", "limit", "host"]
    code: int = 0
    text: str = ""
    cpu_s: float = 0.0


Line = TypeVar("Line", Ready, Answer)


class ServeHost:
    """A runtime's host, started when the first job comes and again after it had to be ended.

    `scratch` is a folder of its own, the only one that the host can write to.
    """

    def __init__(self, runtime: Runtime, scratch: Path) -> None:
        self._runtime = runtime
        self._scratch = scratch
        self._child: Child | None = None
        self._failed: Ended | None = None
        self._numbers = itertools.count(1)
        self._jobs = 0
        self._billed_s = 0.0
        self._loaded: set[str] = set()

    def has(self, module: Path) -> bool:
        """Whether the next job finds `module` loaded."""
        return self._jobs < JOBS_MAX and str(module.absolute()) in self._loaded

    def load(self, module: Path, code: bytes | None, limits: Limits) -> tuple[Ended, bytes]:
        """Have `module` compiled, or `code` taken for it; how that ended, and what was compiled.

        Only for a host that gives its code away. The guest has not run then.
        """
        artifact = self._scratch / f"artifact-{next(self._numbers)}"
        if code is not None:
            artifact.write_bytes(code)
        nothing = Path(os.devnull)
        end, _ = self.finish(self.start(module, nothing, limits, artifact=artifact))
        found = _take(artifact, limits.output_bytes)
        return end, found if code is None and end.kind == "exit" else b""

    def run(self, module: Path, stdin: Path, limits: Limits, *, reuse: bool = True) -> Run:
        """Run one job; `reuse` says that the module will come again. A bad host never raises."""
        job = self.start(module, stdin, limits, reuse=reuse)
        started_s = time.monotonic()
        end, cpu_s = self.finish(job)
        output = _take(Path(job.stdout), limits.output_bytes)
        _take(Path(job.stderr), 0)
        return Run(output, end, cpu_s, time.monotonic() - started_s)

    def start(
        self,
        module: Path,
        stdin: Path,
        limits: Limits,
        *,
        reuse: bool = True,
        stdout: Path | None = None,
        artifact: Path | None = None,
    ) -> Job:
        """Send one job, which says where its stdout goes; a host that fails is told by `finish`."""
        job = self._job(module, stdin, stdout, limits, reuse)
        job = msgspec.structs.replace(job, artifact=str(artifact or ""))
        self._failed = None
        try:
            child = self._ready()
            child.limits = limits
            child.deadline_s = time.monotonic() + limits.wall_s
            child.send(msgspec.json.encode(job) + b"\n")
        except EarlyEnd as early:
            self._failed = early.end
        return job

    def finish(self, job: Job) -> tuple[Ended, float]:
        """Wait for the end of `job`; how it ended, and its CPU seconds."""
        try:
            if self._failed or self._child is None:
                raise EarlyEnd(self._failed or Ended("host", text="the host is not running"))
            answer = self._read(self._child, Answer)
            if answer.id != job.id:
                raise EarlyEnd(Ended("host", text=f"answered job {answer.id}, not {job.id}"))
        except EarlyEnd as early:
            return early.end, self._stop()
        self._billed_s += answer.cpu_s
        if job.reuse:
            self._loaded.add(job.module)
        return _ended(answer), answer.cpu_s

    @property
    def child(self) -> Child | None:
        """The host's process, while there is one."""
        return self._child

    def close(self) -> None:
        """End the host."""
        self._stop()

    def _job(
        self, module: Path, stdin: Path, stdout: Path | None, limits: Limits, reuse: bool
    ) -> Job:
        number = next(self._numbers)
        return Job(
            id=number,
            module=str(module.absolute()),
            stdin=str(stdin.absolute()),
            stdout=str(stdout or self._scratch / f"out-{number}"),
            stderr=str(self._scratch / f"err-{number}"),
            cpu_s=max(1, round(limits.cpu_s or limits.wall_s)),
            output_bytes=limits.output_bytes,
            reuse=reuse,
        )

    def _ready(self) -> Child:
        if self._child and self._jobs >= JOBS_MAX:
            self._stop()
        self._jobs += 1
        if self._child is None:
            command = self._runtime.serve_command()
            if command is None:
                raise EarlyEnd(Ended("host", text=f"{self._runtime.spec} takes no jobs"))
            limits = Limits(wall_s=START_S)
            self._child = Child(command, self._runtime.env, self._scratch, limits)
            try:
                self._read(self._child, Ready)
            except EarlyEnd as early:
                text = f"the host did not start: {early.end.text or early.end.code}"
                raise EarlyEnd(Ended("host", early.end.code, text)) from None
        return self._child

    def _read(self, child: Child, kind: type[Line]) -> Line:
        """The next line of the host, as a `kind`; raises `EarlyEnd` for anything else."""
        while b"\n" not in child.output:
            if len(child.output) > LINE_BYTES:
                raise EarlyEnd(Ended("host", text="an endless line"))
            if child.ended:
                raise EarlyEnd(_died(self._runtime, child))
            child.turn()
        line, _, rest = bytes(child.output).partition(b"\n")
        child.output[:] = rest
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.MsgspecError as error:
            raise EarlyEnd(Ended("host", text=f"{error}: {line[:100]!r}")) from None

    def _stop(self) -> float:
        """End the host; CPU seconds that no job has been billed for."""
        child, self._child = self._child, None
        billed_s, self._billed_s, self._jobs = self._billed_s, 0.0, 0
        self._loaded.clear()
        if child is None:
            return 0.0
        child.close()
        return max(0.0, child.cpu_s - billed_s)


def _died(runtime: Runtime, child: Child) -> Ended:
    """How a host ended that should have answered: a code of its own is its own fault."""
    end = interpret(runtime, child.close(), child.complaint)
    if end.kind != "exit":
        return end
    return Ended("host", end.code, child.complaint.decode("utf-8", "replace").strip()[-500:])


def _ended(answer: Answer) -> Ended:
    if answer.end != "limit":
        return Ended(answer.end, answer.code, answer.text)
    if answer.text == "output":
        return Ended("output limit", answer.code, "it wrote too much")
    return Ended("hang", answer.code, f"the {answer.text} limit")


def _take(path: Path, most: int) -> bytes:
    """What is in the file, at most `most` bytes; the file is removed."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""
    finally:
        path.unlink(missing_ok=True)

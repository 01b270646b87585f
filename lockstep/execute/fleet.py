"""Many runtimes at once: warm hosts, stdin from files, limits learned from each runtime itself."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from lockstep.errors import OutputError
from lockstep.execute import process
from lockstep.execute.filter import run_filter, run_stepped
from lockstep.execute.pace import Pace, count_events
from lockstep.execute.process import Limits, Run
from lockstep.execute.scratch import new_scratch
from lockstep.execute.serve import ServeHost

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

FRESH_PATIENCE = 10.0


class Usage(msgspec.Struct):
    """What one runtime has done so far."""

    traces: int = 0
    events: int = 0
    cpu_s: float = 0.0


class How(msgspec.Struct, frozen=True):
    """How to run.

    `reuse` says that the module will come again; `patience` multiplies the time limit; `cost` is
    the work of an event relative to the cheapest (`protocol.OptionValue.cost`), so that what is
    learned from one kind of trace holds for another.
    """

    reuse: bool = True
    patience: float = 1.0
    cost: float = 1.0


USUAL = How()


class Fleet:
    """Runs guests on `runtimes`, `jobs` at a time; a context manager."""

    def __init__(
        self, runtimes: Sequence[Runtime], *, jobs: int | None = None, scratch: Path | None = None
    ) -> None:
        self.usage: dict[Runtime, Usage] = {runtime: Usage() for runtime in runtimes}
        self._scratch = new_scratch(scratch)
        self._pool = ThreadPoolExecutor(jobs or os.cpu_count() or 1, "lockstep")
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._idle: dict[Runtime, list[ServeHost]] = {}
        self._paces: dict[Runtime, Pace] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:  # nobody wants the results any more
            self._pool.shutdown(wait=False, cancel_futures=True)
            process.end_all()
        self.close()

    def close(self) -> None:
        """Wait for what is running, end all hosts, remove all scratch files."""
        self._pool.shutdown(cancel_futures=True)
        for hosts in self._idle.values():
            for host in hosts:
                host.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def run(self, runtime: Runtime, module: Path, stdin: bytes, how: How = USUAL) -> Run:
        """Run once, by a warm host where the runtime has one."""
        return self.run_all([runtime], module, stdin, how)[runtime]

    def run_all(
        self, runtimes: Sequence[Runtime], module: Path, stdin: bytes, how: How = USUAL
    ) -> dict[Runtime, Run]:
        """Run the same on each of `runtimes`, the slowest started first."""
        events = count_events(stdin)
        order = sorted(runtimes, key=lambda runtime: -self._pace(runtime).expect_s(events))
        with self._file(stdin) as path:
            futures = {
                runtime: self._pool.submit(self._job, runtime, module, path, events, how)
                for runtime in order
            }
            return {runtime: futures[runtime].result() for runtime in runtimes}

    def run_many(
        self, runtime: Runtime, module: Path, stdins: Sequence[bytes], how: How = USUAL
    ) -> list[Run]:
        """Run many on one runtime, as many at a time as there are jobs."""

        def one(stdin: bytes) -> Run:
            with self._file(stdin) as path:
                return self._job(runtime, module, path, count_events(stdin), how)

        return list(self._pool.map(one, stdins))

    def fresh(
        self,
        runtime: Runtime,
        module: Path,
        stdin: bytes,
        *,
        patience: float = FRESH_PATIENCE,
        cost: float = 1.0,
    ) -> Run:
        """Run once in a process of its own: what confirms a find."""
        events = count_events(stdin)
        limits = self._limits(runtime, events, How(patience=patience, cost=cost))
        with self._file(stdin) as path:
            run = run_filter(runtime, module, path, limits)
        return self._count(runtime, run, events)

    def stepped(
        self,
        runtime: Runtime,
        module: Path,
        frames: Sequence[bytes],
        prefix: int,
        *,
        patience: float = FRESH_PATIENCE,
        cost: float = 1.0,
    ) -> Run:
        """Run once in a process of its own: `prefix` events as a batch, then one at a time."""
        limits = self._limits(runtime, len(frames), How(patience=patience, cost=cost))
        run = run_stepped(runtime, module, frames, prefix, limits)
        return self._count(runtime, run, len(frames))

    def stable(self, runtime: Runtime, module: Path, stdin: bytes) -> bool:
        """Whether two runs of the same give the same bytes and the same end."""
        one, other = self.run_many(runtime, module, [stdin, stdin])
        return (one.output, one.end.kind, one.end.code) == (
            other.output,
            other.end.kind,
            other.end.code,
        )

    def _job(self, runtime: Runtime, module: Path, stdin: Path, events: int, how: How) -> Run:
        limits = self._limits(runtime, events, how)
        if runtime.serve_command() is None:
            run = run_filter(runtime, module, stdin, limits)
        else:
            host = self._host(runtime)
            run = host.run(module, stdin, limits, reuse=how.reuse)
            self._idle[runtime].append(host)
        with self._lock:
            self._pace(runtime).note(run, events * how.cost)
        return self._count(runtime, run, events)

    def _host(self, runtime: Runtime) -> ServeHost:
        with self._lock:
            idle = self._idle.setdefault(runtime, [])
            if idle:
                return idle.pop()
        return ServeHost(runtime, new_scratch(self._scratch))

    def _pace(self, runtime: Runtime) -> Pace:
        return self._paces.setdefault(runtime, Pace(runtime.speed))

    def _limits(self, runtime: Runtime, events: int, how: How) -> Limits:
        wall_s = how.patience * self._pace(runtime).limit_s(events * how.cost)
        return Limits(wall_s=wall_s, cpu_s=2 * wall_s)

    def _count(self, runtime: Runtime, run: Run, events: int) -> Run:
        with self._lock:
            usage = self.usage.setdefault(runtime, Usage())
            usage.traces += 1
            usage.events += events
            usage.cpu_s += run.cpu_s
        return run

    @contextlib.contextmanager
    def _file(self, data: bytes) -> Iterator[Path]:
        path = self._scratch / f"in-{next(self._numbers)}"
        try:
            path.write_bytes(data)
        except OSError as error:
            raise OutputError(path, error.strerror or str(error)) from None
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

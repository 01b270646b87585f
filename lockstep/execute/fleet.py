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
from lockstep.execute.load import load, load_s
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


def same(one: Run, other: Run) -> bool:
    """Whether both gave the same bytes and ended in the same way."""
    keys = [(run.output, run.end.kind, run.end.code) for run in (one, other)]
    return keys[0] == keys[1]


class Fleet:
    """Runs guests on `runtimes`, `jobs` at a time; a context manager.

    With `keeps` hosts take compiled code from disk and leave it there; `cold` ones compile for
    each job anew. Processes of their own always do.
    """

    def __init__(
        self,
        runtimes: Sequence[Runtime],
        *,
        jobs: int | None = None,
        scratch: Path | None = None,
        keeps: bool = False,
        cold: bool = False,
    ) -> None:
        self._keeps, self._cold = keeps and not cold, cold
        self.usage: dict[Runtime, Usage] = {runtime: Usage() for runtime in runtimes}
        self._scratch = new_scratch(scratch)
        self._pool = ThreadPoolExecutor(jobs or os.cpu_count() or 1, "lockstep")
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._idle: dict[Runtime, list[ServeHost]] = {}
        self._paces: dict[tuple[Runtime, bool], Pace] = {}

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
        order = sorted(runtimes, key=lambda runtime: -self._pace(runtime, how).expect_s(events))
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
        how = How(patience=patience, cost=cost)
        limits = self._limits(runtime, events, how, load_s(runtime, module))
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
        how = How(patience=patience, cost=cost)
        limits = self._limits(runtime, len(frames), how, load_s(runtime, module))
        run = run_stepped(runtime, module, frames, prefix, limits)
        return self._count(runtime, run, len(frames))

    def _job(self, runtime: Runtime, module: Path, stdin: Path, events: int, how: How) -> Run:
        reuse = how.reuse and not self._cold
        loads_s = load_s(runtime, module)
        if runtime.serve_command() is None:
            run = run_filter(runtime, module, stdin, self._limits(runtime, events, how, loads_s))
        else:
            module = runtime.module(module)
            host = self._host(runtime)
            unable = load(host, runtime, module, keeps=self._keeps) if reuse else None
            if unable is not None:
                self._idle[runtime.host].append(host)
                return Run(b"", unable, 0.0, 0.0)
            loads_s = 0.0 if host.has(module) else loads_s
            # A large module also starts slowly, and how slowly only the first run tells.
            known = self._pace(runtime, how).known
            patience_s = loads_s if known or not reuse else load_s(runtime, module)
            limits = self._limits(runtime, events, how, patience_s)
            run = host.run(module, stdin, limits, reuse=reuse)
            self._idle[runtime.host].append(host)
        with self._lock:
            if not loads_s:  # else it is not the time of the events
                self._pace(runtime, how).note(run, events * how.cost)
        return self._count(runtime, run, events)

    def _host(self, runtime: Runtime) -> ServeHost:
        """A host for `runtime`, whichever variants of it have used that host before."""
        with self._lock:
            idle = self._idle.setdefault(runtime.host, [])
            if idle:
                return idle.pop()
        return ServeHost(runtime, new_scratch(self._scratch))

    def _pace(self, runtime: Runtime, how: How) -> Pace:
        """What runs once takes the time of its compiler, what runs often that of its events."""
        return self._paces.setdefault((runtime, how.reuse), Pace(runtime.speed))

    def _limits(self, runtime: Runtime, events: int, how: How, loads_s: float) -> Limits:
        wall_s = how.patience * self._pace(runtime, how).limit_s(events * how.cost) + loads_s
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

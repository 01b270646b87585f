"""Worker processes that do jobs, and their results in the order of the indices.

A worker dies with its parent; what it started dies with it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from types import TracebackType

from lockstep.campaign.job import Bench
from lockstep.campaign.plan import Plan
from lockstep.campaign.result import Result
from lockstep.errors import LockstepError

_PR_SET_PDEATHSIG = 1
_TICK_S = 0.2


class WorkerError(LockstepError):
    """A worker process failed by a fault of ours."""


class Crew:
    """`plan.jobs` worker processes; each has a bench of its own."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes = []
        self._idle: list[Connection] = []
        self._busy: dict[Connection, int] = {}
        for _ in range(plan.jobs):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(plan, there), daemon=True)
            process.start()
            there.close()
            self._processes.append(process)
            self._idle.append(here)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in (*self._idle, *self._busy):
            connection.close()
        for process in self._processes:
            process.join(timeout=5)
            if process.is_alive():
                process.terminate()
                process.join()

    def results(self, go_on: Callable[[int], bool], first: int = 0) -> Iterator[Result]:
        """Do jobs `first`, `first` + 1, … while `go_on(index)`; give the results in that order."""
        upcoming = yielded = first
        ready: dict[int, Result] = {}
        while True:
            while self._idle and go_on(upcoming):
                self._give(upcoming)
                upcoming += 1
            if not self._busy:
                return
            for result in self._collect():
                ready[result.index] = result
            while yielded in ready:
                yield ready.pop(yielded)
                yielded += 1

    def _give(self, index: int) -> None:
        connection = self._idle.pop()
        connection.send(index)
        self._busy[connection] = index

    def _collect(self) -> Iterator[Result]:
        for connection in wait(list(self._busy), timeout=_TICK_S):
            assert isinstance(connection, Connection)
            index = self._busy.pop(connection)
            try:
                found = connection.recv()
            except EOFError:
                raise WorkerError(f"the worker of index {index} died") from None
            self._idle.append(connection)
            if isinstance(found, LockstepError):
                raise found
            yield found


def _work(plan: Plan, connection: Connection) -> None:
    """The life of a worker: read an index, send a result, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    bench: Bench | None = None
    try:
        while True:
            index = connection.recv()
            try:
                bench = bench or Bench(plan)
                connection.send(bench.run(index))
            except LockstepError as error:
                connection.send(error)
            except Exception:
                connection.send(WorkerError(f"index {index}: {traceback.format_exc()}"))
    except (EOFError, ConnectionError):
        pass  # the campaign is over
    finally:
        if bench is not None:
            bench.__exit__(None, None, None)

"""The live guest of a simulation: one runtime that answers events one by one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lockstep.execute import machine
from lockstep.execute.filter import FilterProcess
from lockstep.execute.live import LiveGuest
from lockstep.execute.process import EarlyEnd, Limits
from lockstep.protocol import Event

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

STEP_LIMITS = Limits(wall_s=20.0)


class Driver:
    """A live guest; a context manager. It is started when first needed, and after an early end.

    `renew` begins a new guest from nothing: what a trace is must not depend on those before it.
    """

    def __init__(self, runtime: Runtime, module: Path, limits: Limits = STEP_LIMITS) -> None:
        self.runtime, self._module, self._limits = runtime, module, limits
        self._live: LiveGuest | None = None
        self._process: FilterProcess | None = None
        if runtime.serve_command() is not None:
            self._live = LiveGuest(runtime, module, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def step(self, event: Event) -> bytes:
        """The whole frame that answers `event`; raises `EarlyEnd` when the guest ends instead."""
        if self._live is not None:
            return self._live.step(event.encode())
        if self._process is None:
            self._process = FilterProcess(self.runtime, self._module, self._limits)
        try:
            return self._process.step(event.encode())
        except EarlyEnd:
            self.renew()
            raise

    def close_by(self) -> AbstractContextManager[None]:
        """For the time of a conversation, keep the guest on the CPU of this thread."""
        if self._live is not None:
            return machine.on_one_cpu(self._live.pid)
        return machine.on_one_cpu(self._process.child.pid if self._process else None)

    def renew(self) -> None:
        """End the guest; the next event goes to one that knows nothing."""
        if self._live is not None:
            self._live.renew()
        if self._process is not None:
            self._process.close()
            self._process = None

    def close(self) -> None:
        """End the guest and what it ran on."""
        self.renew()
        if self._live is not None:
            self._live.close()

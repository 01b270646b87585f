"""What a campaign is asked to do, and who judges which of its traces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lockstep.runtimes.model import Runtime

DRIVERS = ("wasmtime:cranelift", "v8:default", "wasmer:cranelift", "wasm3:default")
"""Who runs the simulation: the first of these that takes part, else the first that takes part."""

EVERY = {"jit": 1, "interpreter": 4, "referee": 16}
"""One trace in how many a runtime judges, by its speed: the slow never hold the fast."""

COSTLY = 10
"""From this cost on (CPU per event, relative) a trace counts as costly for the slow."""


class Plan(msgspec.Struct, frozen=True):
    """A campaign. `specs` name the runtimes, `own` are those of the settings.

    `max_runs` and `max_time_s` may be None, for no bound. `output` is where finds go.
    """

    guest: str
    module: Path
    sha256: str
    seed: int
    specs: tuple[str, ...]
    driver: str
    own: Mapping[str, Any] = {}
    jobs: int = 1
    max_runs: int | None = None
    max_time_s: float | None = None
    keep_going: bool = False
    output: Path = Path(".lockstep/finds")
    max_candidates: int = 20_000


def every(runtime: Runtime) -> int:
    """One trace in how many `runtime` judges."""
    return EVERY[runtime.speed]


def takes_part(runtime: Runtime, index: int, cost: int) -> bool:
    """Whether `runtime` judges trace `index`: a function of these three alone."""
    rate = every(runtime)
    if rate > 1 and cost >= COSTLY:
        rate *= 4
    return index % rate == 0


def driver_of(runtimes: Iterable[Runtime]) -> Runtime:
    """The runtime that runs the simulation."""
    by_name = {runtime.name: runtime for runtime in runtimes}
    for name in DRIVERS:
        if name in by_name:
            return by_name[name]
    return next(iter(by_name.values()))

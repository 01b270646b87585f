"""What a campaign is asked to do, and who judges which of its traces."""

from __future__ import annotations

import zlib
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
SHORT_MIN = 40
"""No beginning of a costly trace has fewer events."""


class Plan(msgspec.Struct, frozen=True):
    """A campaign. `specs` name the runtimes, `own` are those of the settings.

    `max_runs` and `max_time_s` may be None, for no bound. `output` is where finds go. `cold` has
    everything compiled anew for each trace. With `programs` most jobs are about generated programs.
    Job `first` is the first one.
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
    cold: bool = False
    programs: bool = True
    first: int = 0


ROUND = 4
"""With programs one job in so many is a scenario, the first of each round."""


def is_program(plan: Plan, index: int) -> bool:
    """Whether job `index` is about a program."""
    return plan.programs and index % ROUND > 0


def turn_of(plan: Plan, index: int) -> int:
    """The number of job `index` among those of its kind."""
    if not plan.programs:
        return index
    whole, part = divmod(index, ROUND)
    return whole if part == 0 else whole * (ROUND - 1) + part - 1


def every(runtime: Runtime, among: Iterable[Runtime]) -> int:
    """One trace in how many `runtime` judges; the fastest of those it is `among` judge all."""
    return EVERY[runtime.speed] // min(EVERY[other.speed] for other in among)


def takes_part(runtime: Runtime, among: Iterable[Runtime], turn: int) -> bool:
    """Whether `runtime` judges trace number `turn`: a function of these three alone.

    The slow ones take turns, so that no trace has to wait for all of them; all judge the first.
    """
    rate = every(runtime, among)
    return turn == 0 or turn % rate == zlib.crc32(runtime.name.encode()) % rate


def share_of(runtime: Runtime, among: Iterable[Runtime], cost: int) -> int:
    """`runtime` judges the beginning of a trace of that cost: one event in so many of it."""
    rate = every(runtime, among)
    return 1 if cost < COSTLY or rate == 1 else 2 * rate


def driver_of(runtimes: Iterable[Runtime]) -> Runtime:
    """The runtime that runs the simulation."""
    by_name = {runtime.name: runtime for runtime in runtimes}
    for name in DRIVERS:
        if name in by_name:
            return by_name[name]
    return next(iter(by_name.values()))

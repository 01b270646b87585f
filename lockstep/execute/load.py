"""Large modules: a compiler gets its time before anything is timed, and its code is kept."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.execute import compiled
from lockstep.execute.pace import FIRST_S
from lockstep.execute.process import Ended, Limits
from lockstep.execute.serve import ServeHost

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

LARGE_BYTES = 1 << 20
LOAD_S_PER_BYTE = 30.0 / LARGE_BYTES
"""What any compiler may take, on a busy machine, for each byte that a module is larger than
`LARGE_BYTES`: five seconds a MiB were seen of an optimizing one that had a core to itself."""

OURS = ("hang", "memory limit")
"""Ends that our limits make."""


def load_s(runtime: Runtime, module: Path) -> float:
    """The seconds that a process of `runtime` may take until `module` runs, beyond the usual."""
    with contextlib.suppress(OSError):
        beyond = module.stat().st_size - LARGE_BYTES
        return runtime.load_s + LOAD_S_PER_BYTE * max(0, beyond)
    return runtime.load_s


def load(host: ServeHost, runtime: Runtime, module: Path, *, keeps: bool) -> Ended | None:
    """Have `module` compiled by `host`, where that takes long and is not done.

    With `keeps` its code is taken from disk, and left there. Gives why the runtime is not to judge
    this module: what a compiler may use is our limit, and passing it says nothing about the guest.
    """
    loads_s = load_s(runtime, module)
    if not loads_s or host.has(module):
        return None
    limits = Limits(wall_s=FIRST_S + loads_s)
    if not runtime.place.compiles:
        return _refusal(host.run(module, Path(os.devnull), limits).end)
    if not keeps:
        return _refusal(host.load(module, None, limits)[0])
    path = compiled.path_of(runtime, module)
    with compiled.alone(path):
        return _kept(host, module, path, limits)


def _kept(host: ServeHost, module: Path, path: Path, limits: Limits) -> Ended | None:
    if reason := compiled.refused(path):
        return Ended("host", text=reason)
    end, made = host.load(module, compiled.fetch(path), limits)
    if made:
        compiled.keep(path, made)
    refusal = _refusal(end)
    if refusal is not None:
        compiled.refuse(path, refusal.text)
    return refusal


def _refusal(end: Ended) -> Ended | None:
    if end.kind not in OURS:
        return None
    return Ended("host", end.code, f"it cannot load this module: {end.kind}, {end.text}")

"""The same guest made in other ways, which must behave the same: N versions along the module.

small.generic        compiled by Zig in another mode, for another instruction set
mutate.7.30          rewritten by the first 30 mutations of chain 7, see `chain.py`
opt.O3               rewritten by `wasm-opt -O3`
small.mvp.no_lock    compiled with a deliberate mistake, to see that it would be noticed

What is compiled anew needs the sources of the guest; what is rewritten needs its module alone.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from lockstep.errors import GuestError, UnknownNameError
from lockstep.guest import build, catalog, rewrite
from lockstep.guest.chain import chained
from lockstep.scenario.choices import Stream

MODES = {
    "fast": "ReleaseFast",
    "safe": "ReleaseSafe",
    "small": "ReleaseSmall",
    "debug": "Debug",
}
BASE = "fast.mvp"
"""How guests are shipped."""
NAMES = tuple(
    name
    for mode in ("fast", "small", "safe")
    for cpu in build.CPUS
    if (name := f"{mode}.{cpu}") != BASE
)
"""The compiled variants of a campaign."""
MUTATE, OPT = "mutate", "opt"
CHAINS, LENGTH = 4, 30
"""How many chains a campaign has, and of how many mutations each."""
LEVELS = ("O1", "O2", "O3", "O4", "Oz")
"""The levels of `wasm-opt` in a campaign."""
PATTERN = (
    rf"({'|'.join(MODES)})\.[a-z0-9_]+(\.[a-z0-9_]+)?"
    rf"|{MUTATE}\.\d{{1,10}}\.\d{{1,4}}"
    rf"|{OPT}\.({'|'.join(rewrite.LEVELS)})"
)


def drawn(seed: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The variants of the campaign with that seed: what makes them, and their names."""
    draws = Stream(seed, 0, "chains")
    seeds = [draws.integer(0, 999_999) for _ in range(CHAINS)]
    yield "Zig builds", NAMES
    yield "mutation chains", tuple(f"{MUTATE}.{one}.{LENGTH}" for one in seeds)
    yield "wasm-opt levels", tuple(f"{OPT}.{level}" for level in LEVELS)


def variant(name: str, module: Path) -> Path:
    """The variant `name` of the guest in `module`.

    Raises `GuestError` where it is to be compiled and `module` is no shipped guest, `UsageError`
    where what makes it is not here, `LockstepError` where that fails.
    """
    if chain := chain_of(name):
        return chained(module, *chain)
    mode, cpu, *flaw = name.split(".")
    if mode == OPT:
        return rewrite.optimized(module, cpu)
    if mode not in MODES:
        raise UnknownNameError("mode of a variant", mode, (*MODES, MUTATE, OPT))
    return _compiled(
        shipped_name(module), MODES[mode], cpu, next(iter(flaw), None), catalog.cache_dir()
    )


def chain_of(name: str) -> tuple[int, int] | None:
    """Seed and length of the chain that `name` is; None for another kind of variant."""
    kind, *rest = name.split(".")
    return (int(rest[0]), int(rest[1])) if kind == MUTATE else None


def rewritten(name: str) -> bool:
    """Whether a variant uses no feature that the guest does not."""
    return name.split(".")[0] in (MUTATE, OPT)


@functools.cache
def _compiled(guest: str, mode: str, cpu: str, flaw: str | None, _cache: Path) -> Path:
    """Asked for each job, and so looked for once in a process: that reads all the sources."""
    return build.build(guest, mode=mode, cpu=cpu, flaw=flaw)


def shipped_name(module: Path, what: str = "other build") -> str:
    """The name of the shipped guest that `module` is.

    Raises `GuestError` for another, which says that there is no `what` of it.
    """
    try:
        wanted = hashlib.sha256(module.read_bytes()).digest()
    except OSError as error:
        raise GuestError(module, f"cannot read: {error.strerror}") from None
    for name, path in catalog.shipped().items():
        if hashlib.sha256(path.read_bytes()).digest() == wanted:
            return name
    raise GuestError(module, f"has no {what}, it is not a guest that lockstep ships")

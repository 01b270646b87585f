"""Chains of mutations: a guest rewritten step by step, each step small and keeping what it means.

`mutate.SEED.LENGTH` is a guest after LENGTH mutations by `wasm-tools mutate --preserve-semantics`.
The first mutations of a longer chain are those of a shorter one of the same seed: that is what lets
a find on a chain be bisected (`campaign/expose.py`).

A mutation is drawn until one fits: a quarter of the seeds of `wasm-tools` apply nowhere, and what
brings in a feature that the guest does not use would only run on some runtimes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from lockstep import files
from lockstep.errors import GuestError, LockstepError
from lockstep.guest import audit
from lockstep.guest.rewrite import bare, flags, kept, used
from lockstep.guest.tools import Tool, find
from lockstep.guest.wasm import read_file
from lockstep.scenario.choices import Stream

MUTATOR = "wasm-tools"
DRAWS_MAX = 100
SEED_MAX = 2**32 - 1
_REFUSED = 2  # the tool cannot read the module, or does not know an option

_FEATURES = {
    "bulk-memory": ("bulk-memory",),
    "multi-value": ("multi-value",),
    "mutable-globals": ("mutable-global",),
    "reference-types": ("reference-types",),
    "saturating-float-to-int": ("saturating-float-to-int",),
    "sign-extension": ("sign-extension",),
    "simd": ("simd",),
    "tail-call": ("tail-call",),
}
"""The features, as `wasm-tools validate` calls them."""


class Mutation(msgspec.Struct, frozen=True):
    """One step of a chain: the seed that `wasm-tools` was given, and the module that it gave."""

    number: int
    seed: int
    module: bytes


def chained(module: Path, seed: int, length: int) -> Path:
    """The guest in `module` after `length` mutations of chain `seed`, made once.

    Raises `UsageError` where the tool is not here, `LockstepError` where no mutation fits.
    """
    tool, guest = find(MUTATOR), read_file(module)

    def place(number: int) -> Path:
        return kept(guest, tool, f"mutate.{seed}.{number}")

    path = place(length)
    if path.exists():
        return path
    done = next((number for number in range(length, 0, -1) if place(number).exists()), 0)
    state = place(done).read_bytes() if done else bare(guest)
    for number in range(done + 1, length + 1):
        state = mutated(guest, state, seed, number).module
    files.write_atomically(path, state)
    return path


def mutated(guest: bytes, before: bytes, seed: int, number: int) -> Mutation:
    """Step `number` of chain `seed` of `guest`, which makes of `before` what comes next."""
    tool, draws = find(MUTATOR), Stream(seed, number, "mutation")
    allowed = ",".join(["wasm1", *flags(used(guest), _FEATURES)])
    with tempfile.TemporaryDirectory(prefix="lockstep-") as scratch:
        source = Path(scratch) / "before.wasm"
        source.write_bytes(before)
        for _ in range(DRAWS_MAX):
            drawn = draws.integer(0, SEED_MAX)
            after = _tried(tool, source, drawn, allowed)
            if after is not None and after != before:
                return Mutation(number, drawn, after)
    raise LockstepError(f"none of {DRAWS_MAX} mutations fits at step {number} of chain {seed}")


def _tried(tool: Tool, source: Path, seed: int, allowed: str) -> bytes | None:
    """What one mutation makes of a module; None where it does not fit.

    Raises `LockstepError` where none would.
    """
    target = source.with_name("after.wasm")
    done = tool.run(
        *("mutate", "--preserve-semantics", "--seed", str(seed)),
        *(str(source), "-o", str(target)),
    )
    if done.returncode == _REFUSED:
        said = done.stderr.strip()[-500:]
        raise LockstepError(f"`{tool.path} mutate --seed {seed}` fails on the guest: {said}")
    if done.returncode != 0:
        return None
    if tool.run("validate", f"--features={allowed}", str(target)).returncode != 0:
        return None
    after = bare(read_file(target))
    try:
        audit.require_guest(after)
    except GuestError:
        return None
    return after

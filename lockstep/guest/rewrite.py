"""What is common to rewritten guests: what they may become, and where they are kept.

A rewritten guest is for every runtime that can run the guest itself: it uses no feature that the
guest does not, and has no custom sections.
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lockstep import files
from lockstep.errors import GuestError, LockstepError
from lockstep.guest import audit, catalog
from lockstep.guest.tools import Tool, find
from lockstep.guest.wasm import Module, SectionId, read_file
from lockstep.guest.wasm import features as features_of

OPTIMIZER = "wasm-opt"
LEVELS = ("O1", "O2", "O3", "O4", "Os", "Oz")

_FLAGS = {
    "bulk-memory": ("bulk-memory", "bulk-memory-opt"),
    "multi-value": ("multivalue",),
    "mutable-globals": ("mutable-globals",),
    "reference-types": ("reference-types",),
    "saturating-float-to-int": ("nontrapping-float-to-int",),
    "sign-extension": ("sign-ext",),
    "simd": ("simd",),
    "tail-call": ("tail-call",),
}
"""The features, as `wasm-opt` calls them."""


def optimized(module: Path, level: str) -> Path:
    """The guest in `module`, rewritten by `wasm-opt -LEVEL`.

    Raises `UsageError` where that tool is not here, `LockstepError` where it fails.
    """
    tool = find(OPTIMIZER)
    before = read_file(module)
    path = kept(before, tool, f"opt.{level}")
    if not path.exists():
        files.write_atomically(path, _optimized(before, level, tool))
    return path


def kept(guest: bytes, tool: Tool, name: str) -> Path:
    """Where the variant `name` of a guest lies: named by all that makes it what it is."""
    told = hashlib.sha256(guest).hexdigest(), tool.sha256, tool.version, name
    key = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return catalog.cache_dir() / "rewritten" / f"{name}.{key}.wasm"


def bare(module: bytes) -> bytes:
    """A module without its custom sections."""
    opened = Module.decode(module)
    sections = tuple(s for s in opened.sections if s.id is not SectionId.CUSTOM)
    return Module(opened.path, sections).encode()


@functools.lru_cache(maxsize=4)
def used(guest: bytes) -> tuple[str, ...]:
    """The features of a guest, read once."""
    return features_of(Module.decode(guest, "guest"))


def flags(names: tuple[str, ...], words: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What a tool calls the features `names`."""
    return [word for name in names for word in words[name]]


def _optimized(before: bytes, level: str, tool: Tool) -> bytes:
    allowed = [f"--enable-{word}" for word in flags(used(before), _FLAGS)]
    with tempfile.TemporaryDirectory(prefix="lockstep-") as scratch:
        source, target = Path(scratch) / "before.wasm", Path(scratch) / "after.wasm"
        source.write_bytes(bare(before))
        done = tool.run("--mvp-features", *allowed, f"-{level}", str(source), "-o", str(target))
        if done.returncode != 0:
            said = done.stderr.strip()[-500:]
            raise LockstepError(f"`{tool.path} -{level}` fails on the guest: {said}")
        after = bare(read_file(target))
    try:
        audit.require_guest(after)
    except GuestError as error:
        raise LockstepError(f"`{tool.path} -{level}`: {error.message}") from None
    return after

"""Which instruction sets a guest needs, read once a machine: a large one takes seconds to read."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from lockstep import files
from lockstep.errors import OutputError
from lockstep.guest import catalog
from lockstep.guest.catalog import Guest
from lockstep.guest.wasm import Module, features

_VERSION = 1  # of what `features` finds; a new number forgets what was found before


def needs(guest: Guest) -> frozenset[str]:
    """The features beyond the first version of WebAssembly, as `features` names them.

    Raises `GuestError` for a module with an instruction that is not in WebAssembly 2.0.
    """
    path = catalog.cache_dir() / "needs" / str(_VERSION) / f"{guest.sha256}.json"
    known = _read(path)
    if known is not None:
        return known
    found = frozenset(features(Module.decode(guest.module, guest.path)))
    with contextlib.suppress(OutputError):
        files.write_atomically(path, msgspec.json.encode(sorted(found)))
    return found


def _read(path: Path) -> frozenset[str] | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=frozenset[str])
    except (OSError, msgspec.MsgspecError):
        return None

"""The same guest compiled in other ways, which must behave the same: N versions along the module.

A variant is named `MODE.CPU`, as in `small.generic`: a mode and an instruction set of Zig.
`MODE.CPU.FLAW` is a build with a deliberate mistake, to see that it would be noticed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from lockstep.errors import GuestError, UnknownNameError
from lockstep.guest import build, catalog

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
"""The variants of a campaign."""
PATTERN = rf"({'|'.join(MODES)})\.[a-z0-9_]+(\.[a-z0-9_]+)?"


def variant(name: str, module: Path) -> Path:
    """The build `name` of the shipped guest that `module` is.

    Raises `GuestError` for a module that is no shipped guest, `UsageError` for what cannot be
    built here.
    """
    mode, cpu, *flaw = name.split(".")
    if mode not in MODES:
        raise UnknownNameError("mode of a variant", mode, MODES)
    return build.build(shipped_name(module), mode=MODES[mode], cpu=cpu, flaw=next(iter(flaw), None))


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

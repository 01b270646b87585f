"""What a module imports, exports and needs, and whether that is what a guest may.

A guest imports three functions of WASI preview 1 and nothing else, exports `_start` and `memory`,
and is no larger than 64 MiB. Whether it speaks the protocol shows only when it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from lockstep.errors import GuestError
from lockstep.guest.wasm import (
    External,
    FunctionType,
    Limits,
    Module,
    SectionId,
    features,
    read_file,
)

APPLY: Final = "lockstep_apply"
WASI: Final = "wasi_snapshot_preview1"

_I32 = b"\x7f"
_CALL = FunctionType(_I32 * 4, _I32)
ALLOWED: Final = {
    (WASI, "fd_read"): _CALL,
    (WASI, "fd_write"): _CALL,
    (WASI, "proc_exit"): FunctionType(_I32, b""),
}
_START = FunctionType(b"", b"")
_SEAL_HINT = (
    "seal it: merge it with a small module that answers these imports deterministically"
    " (`wasm-merge` of binaryen does)"
)


class Audit(msgspec.Struct, frozen=True):
    """What was found. `surplus` are the imports that no guest may have, `missing` the exports that
    every guest must; `memory` counts pages of 64 KiB; `sections` are names and sizes in bytes.
    """

    size: int
    sha256: str
    sections: tuple[tuple[str, int], ...]
    customs: tuple[str, ...]
    imports: tuple[str, ...]
    surplus: tuple[str, ...]
    exports: tuple[str, ...]
    missing: tuple[str, ...]
    memory: Limits | None
    table: bool
    start: bool
    application: bool
    features: tuple[str, ...]

    @property
    def memory_fixed(self) -> bool:
        """Whether the memory can neither grow nor be imported larger."""
        return self.memory is not None and self.memory.minimum == self.memory.maximum

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people: a word and what is to be said of it."""
        yield "size", f"{self.size} bytes"
        yield "sha256", self.sha256
        yield "sections", _listed(f"{name} {size}" for name, size in self.sections)
        yield "custom sections", _listed(self.customs)
        yield "imports", _listed(self.imports)
        yield "surplus imports", _listed(self.surplus)
        yield "exports", _listed(self.exports)
        yield "missing exports", _listed(self.missing)
        yield "memory", _pages(self.memory)
        yield "table", _yes(self.table)
        yield "start function", _yes(self.start)
        yield "replaceable application", _yes(self.application)
        yield "features beyond MVP", _listed(self.features)


def audit(source: Path | bytes) -> Audit:
    """Read a whole module; raises `GuestError` for what is none."""
    path, data = _load(source)
    module = Module.decode(data, path)
    return Audit(
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sections=tuple((section.id.name.lower(), len(section.data)) for section in module.sections),
        customs=tuple(module.customs()),
        imports=tuple(f"{entry.module}.{entry.name}" for entry in module.imports()),
        surplus=tuple(_surplus(module)),
        exports=tuple(entry.name for entry in module.exports()),
        missing=tuple(_missing(module)),
        memory=next(iter(module.memories()), None),
        table=module.space(SectionId.TABLE) > 0,
        start=module.reader(SectionId.START) is not None,
        application=module.export(External.FUNCTION, APPLY) is not None,
        features=features(module),
    )


def require_guest(source: Path | bytes) -> None:
    """Refuse what no runtime could run as a guest: raises `GuestError` with the remedy.

    Reads no code, so that it takes no time.
    """
    path, data = _load(source)
    module = Module.decode(data, path)
    if surplus := list(_surplus(module)):
        raise GuestError(path, f"imports what no guest may: {_listed(surplus)}", hint=_SEAL_HINT)
    if missing := list(_missing(module)):
        raise GuestError(
            path,
            f"does not export {' and '.join(missing)}",
            hint="a guest is a WASI command: a program with `main`, not a library",
        )


def takes_programs(source: Path | bytes) -> bool:
    """Whether a generated program can be put in the place of the guest's application."""
    path, data = _load(source)
    return Module.decode(data, path).export(External.FUNCTION, APPLY) is not None


def _load(source: Path | bytes) -> tuple[Path | str, bytes]:
    return ("module", source) if isinstance(source, bytes) else (source, read_file(source))


def _surplus(module: Module) -> Iterator[str]:
    types = module.types()
    for entry in module.imports():
        name = f"{entry.module}.{entry.name}"
        allowed = ALLOWED.get((entry.module, entry.name))
        if allowed is None or entry.kind is not External.FUNCTION:
            yield name
        elif types[entry.type : entry.type + 1] != [allowed]:
            yield f"{name} with another signature"


def _missing(module: Module) -> Iterator[str]:
    start = module.export(External.FUNCTION, "_start")
    if start is None or module.signature(start.index) != _START:
        yield "a function `_start` without parameters and results"
    if module.export(External.MEMORY, "memory") is None:
        yield "a memory `memory`"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def _pages(memory: Limits | None) -> str:
    if memory is None:
        return "none"
    if memory.minimum == memory.maximum:
        return f"{memory.minimum} pages, fixed"
    end = "without end" if memory.maximum is None else f"up to {memory.maximum}"
    return f"{memory.minimum} pages, growing {end}"

"""A module as its sections; what is inside one is decoded when somebody asks.

Source: WebAssembly Core Specification 2.0, section 5.5.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from lockstep.errors import GuestError
from lockstep.guest.wasm import binary
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.declarations import (
    Body,
    Export,
    External,
    FunctionType,
    Import,
    Limits,
    member,
)

T = TypeVar("T")

MODULE_BYTES_MAX: Final = 64 << 20
HEADER: Final = b"\0asm\1\0\0\0"
_COMPONENT = b"\0asm\x0d\0\1\0"
_SECTIONS_MAX = 1000
_ENTRIES_MAX = 200_000  # more than a module of that size has in earnest
_CONVERT_HINT = "`wat2wasm` or `wasm-tools parse` makes a module of it"


class SectionId(IntEnum):
    """The sections, in the order that a module has them; custom ones may stand anywhere."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    DATA_COUNT = 12
    CODE = 10
    DATA = 11


ORDER: Final = tuple(SectionId)[1:]

_IMPORTABLE = {
    SectionId.FUNCTION: External.FUNCTION,
    SectionId.TABLE: External.TABLE,
    SectionId.MEMORY: External.MEMORY,
    SectionId.GLOBAL: External.GLOBAL,
}


class Section(msgspec.Struct, frozen=True):
    """One section; `data`, its contents, lies at byte `offset` of the module."""

    id: SectionId
    data: bytes
    offset: int = 0


class Module(msgspec.Struct, frozen=True):
    """The sections of the module at `path`, which only errors use.

    Every method that decodes raises `GuestError` with the byte offset of the fault.
    """

    path: Path | str
    sections: tuple[Section, ...]

    @classmethod
    def decode(cls, data: bytes, path: Path | str = "module") -> Module:
        """Cut `data` into sections; raises `GuestError` for what is no core module."""
        _check_header(data, path)
        reader = Reader(data, path)
        reader.take(len(HEADER))
        return cls(path, tuple(_sections(reader)))

    def encode(self) -> bytes:
        """The module's bytes; those it was decoded from, unless their sizes were oddly written."""
        parts = [bytes([section.id]) + binary.sized(section.data) for section in self.sections]
        return HEADER + b"".join(parts)

    def reader(self, id_: SectionId) -> Reader | None:
        """What reads the contents of the section, if there is one."""
        for section in self.sections:
            if section.id == id_:
                return Reader(section.data, self.path, section.offset)
        return None

    def count(self, id_: SectionId) -> int:
        """How many entries the section has."""
        reader = self.reader(id_)
        return reader.u32() if reader else 0

    def entries(self, id_: SectionId, read: Callable[[Reader], T]) -> list[T]:
        """Decode the section, one `read` an entry."""
        reader = self.reader(id_)
        if reader is None:
            return []
        count = reader.u32()
        if count > _ENTRIES_MAX:
            raise reader.fault(f"{count} entries are announced", reader.base)
        found = [read(reader) for _ in range(count)]
        reader.finish()
        return found

    def types(self) -> list[FunctionType]:
        """The signatures."""
        return self.entries(SectionId.TYPE, FunctionType.read)

    def imports(self) -> list[Import]:
        """The imports."""
        return self.entries(SectionId.IMPORT, Import.read)

    def functions(self) -> list[int]:
        """The type index of each function that the module defines."""
        return self.entries(SectionId.FUNCTION, Reader.u32)

    def memories(self) -> list[Limits]:
        """The memories, imported ones first."""
        imported = [entry.limits for entry in self.imports() if entry.kind is External.MEMORY]
        own = self.entries(SectionId.MEMORY, Limits.read)
        return [limits for limits in imported if limits] + own

    def exports(self) -> list[Export]:
        """The exports."""
        return self.entries(SectionId.EXPORT, Export.read)

    def export(self, kind: External, name: str) -> Export | None:
        """The export of that kind and name."""
        found = (entry for entry in self.exports() if entry.kind is kind and entry.name == name)
        return next(found, None)

    def imported(self, kind: External) -> int:
        """How many imports are of `kind`."""
        return sum(entry.kind is kind for entry in self.imports())

    def space(self, id_: SectionId) -> int:
        """How many indices there are of what the section defines: for imports, then for its own."""
        kind = _IMPORTABLE.get(id_)
        return self.count(id_) + (self.imported(kind) if kind is not None else 0)

    def signature(self, index: int) -> FunctionType | None:
        """The type of function `index`, imported or own; None where there is no such function."""
        imported = [entry.type for entry in self.imports() if entry.kind is External.FUNCTION]
        numbers, types = imported + self.functions(), self.types()
        if index < len(numbers) and numbers[index] < len(types):
            return types[numbers[index]]
        return None

    def bodies(self) -> list[Body]:
        """The bodies of the functions that the module defines."""
        found = self.entries(SectionId.CODE, Body.read)
        if len(found) != self.count(SectionId.FUNCTION):
            raise GuestError(self.path, f"{len(found)} bodies for another number of functions")
        return found

    def customs(self) -> list[str]:
        """The names of the custom sections."""
        customs = [section for section in self.sections if section.id is SectionId.CUSTOM]
        return [Reader(s.data, self.path, s.offset).name() for s in customs]

    def data_count(self) -> int | None:
        """The number of data segments, where it is announced."""
        reader = self.reader(SectionId.DATA_COUNT)
        return reader.u32() if reader else None


def read_file(path: Path) -> bytes:
    """The bytes of a module's file; raises `GuestError` where there are none, or too many."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise GuestError(path, "is not a regular file")
        with path.open("rb") as file:
            data = file.read(MODULE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise GuestError(path, f"cannot be read: {reason}") from None
    if len(data) > MODULE_BYTES_MAX:
        raise GuestError(path, f"is larger than a module may be ({MODULE_BYTES_MAX >> 20} MiB)")
    return data


def _check_header(data: bytes, path: Path | str) -> None:
    start = data[:8]
    if start == HEADER:
        return
    if not data:
        raise GuestError(path, "is empty, not a WebAssembly module")
    if start == _COMPONENT:
        hint = "build it as a core module (a command for `wasm32-wasip1`)"
        raise GuestError(path, "is a WebAssembly component, not a core module", hint=hint)
    if HEADER.startswith(start):
        raise GuestError(path, f"is cut short: a WebAssembly module of {len(data)} bytes")
    if start[:4] == HEADER[:4]:
        raise GuestError(path, f"is a WebAssembly module of another version ({start[4:].hex(' ')})")
    if data.lstrip()[:2] in (b"(m", b"(;", b";;", b"(c"):
        raise GuestError(path, "is WebAssembly text, not a binary module", hint=_CONVERT_HINT)
    raise GuestError(path, f"is not a WebAssembly module: it begins with {start!r}")


def _sections(reader: Reader) -> Iterator[Section]:
    """The sections, each at most once but the custom ones, and in their order."""
    last = 0
    for _ in range(_SECTIONS_MAX):
        if reader.done:
            return
        start = reader.offset
        id_ = member(reader, SectionId, "section")
        size = reader.u32()
        offset = reader.offset
        yield Section(id_, reader.take(size), offset)
        if id_ != SectionId.CUSTOM:
            if ORDER.index(id_) < last:
                raise reader.fault(f"the {id_.name.lower()} section is out of order", start)
            last = ORDER.index(id_) + 1
    if not reader.done:
        raise reader.fault(f"more than {_SECTIONS_MAX} sections")

"""What a module declares: signatures, limits, imports, exports and bodies."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import msgspec

from lockstep.guest.wasm import binary
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.opcodes import VALUE_TYPES, reference_type, value_type


class External(IntEnum):
    """What can be imported and exported."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3


class FunctionType(msgspec.Struct, frozen=True):
    """A signature, a byte each value type."""

    parameters: bytes
    results: bytes

    @classmethod
    def read(cls, reader: Reader) -> FunctionType:
        """Read a signature."""
        form = reader.byte()
        if form != 0x60:
            raise reader.fault(f"unknown type 0x{form:02x}", reader.offset - 1)
        return cls(_value_types(reader), _value_types(reader))


class Limits(msgspec.Struct, frozen=True):
    """Of a memory in pages of 64 KiB, of a table in entries."""

    minimum: int
    maximum: int | None = None

    @classmethod
    def read(cls, reader: Reader) -> Limits:
        """Read a memory's limits; shared and 64-bit ones are not in WebAssembly 2.0."""
        flags = reader.byte()
        if flags > 1:
            raise reader.fault(f"limits of an unknown kind ({flags})", reader.offset - 1)
        minimum = reader.u32()
        return cls(minimum, reader.u32() if flags else None)

    @classmethod
    def read_table(cls, reader: Reader) -> Limits:
        """Read a table's type and limits."""
        reference_type(reader)
        return cls.read(reader)

    def encode(self) -> bytes:
        """The limits as in a module."""
        if self.maximum is None:
            return b"\0" + binary.u32(self.minimum)
        return b"\1" + binary.u32(self.minimum) + binary.u32(self.maximum)


class Import(msgspec.Struct, frozen=True):
    """One import; `type` is a function's type index, `limits` those of a memory or table."""

    module: str
    name: str
    kind: External
    type: int = 0
    limits: Limits | None = None
    mutable: bool = False

    @classmethod
    def read(cls, reader: Reader) -> Import:
        """Read an import."""
        module, name = reader.name(), reader.name()
        kind = member(reader, External, "kind of import")
        match kind:
            case External.FUNCTION:
                return cls(module, name, kind, type=reader.u32())
            case External.TABLE:
                return cls(module, name, kind, limits=Limits.read_table(reader))
            case External.MEMORY:
                return cls(module, name, kind, limits=Limits.read(reader))
            case External.GLOBAL:
                value_type(reader)
                return cls(module, name, kind, mutable=reader.byte() != 0)


class Export(msgspec.Struct, frozen=True):
    """One export."""

    name: str
    kind: External
    index: int

    @classmethod
    def read(cls, reader: Reader) -> Export:
        """Read an export."""
        return cls(reader.name(), member(reader, External, "kind of export"), reader.u32())


class Body(msgspec.Struct, frozen=True):
    """A function's locals and code; `data` lies at byte `offset` of the module."""

    data: bytes
    offset: int

    @classmethod
    def read(cls, reader: Reader) -> Body:
        """Read a body without looking into it."""
        size = reader.u32()
        offset = reader.offset
        return cls(reader.take(size), offset)


E = TypeVar("E", bound=IntEnum)


def member(reader: Reader, enum: type[E], what: str) -> E:
    """Read a byte that must be one of `enum`; `what` it should be goes into the error."""
    code = reader.byte()
    try:
        return enum(code)
    except ValueError:
        raise reader.fault(f"unknown {what} {code}", reader.offset - 1) from None


def _value_types(reader: Reader) -> bytes:
    found = reader.sized()
    for code in set(found) - VALUE_TYPES.keys():
        place = reader.offset - len(found) + found.index(code)
        raise reader.fault(f"unknown value type 0x{code:02x}", place)
    return found

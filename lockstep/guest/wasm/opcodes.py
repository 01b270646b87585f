"""The instructions of WebAssembly 2.0 and tail calls: what follows each opcode, and since when.

Source: WebAssembly Core Specification 2.0, section 5.4, and the tail call proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from lockstep.guest.wasm.binary import Reader

BLOCK, LOOP, IF, END = 0x02, 0x03, 0x04, 0x0B
_PREFIXES = {0xFC, 0xFD}
_ALIGNMENT_MAX = 4

SIGN_EXTENSION: Final = "sign-extension"
SATURATING: Final = "saturating-float-to-int"
BULK_MEMORY: Final = "bulk-memory"
REFERENCE_TYPES: Final = "reference-types"
MULTI_VALUE: Final = "multi-value"
MUTABLE_GLOBALS: Final = "mutable-globals"
TAIL_CALL: Final = "tail-call"
SIMD: Final = "simd"

VALUE_TYPES = {0x7F: "", 0x7E: "", 0x7D: "", 0x7C: ""} | {
    0x7B: SIMD,
    0x70: REFERENCE_TYPES,
    0x6F: REFERENCE_TYPES,
}
"""The value types, each with the feature it needs beyond the first version."""


class Kind(StrEnum):
    """What an immediate is. Those up to DATA are indices into one of the module's spaces."""

    TYPE = "type"
    FUNCTION = "function"
    TABLE = "table"
    MEMORY = "memory"
    GLOBAL = "global"
    ELEMENT = "element segment"
    DATA = "data segment"
    BLOCK = "block type"
    LOCAL = "local"
    LABEL = "label"
    LABELS = "labels"
    MEMORY_ARGUMENT = "memory argument"
    I32 = "i32"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    V128 = "v128"
    LANE = "lane"
    REFERENCE = "reference type"
    FLAGS = "flags"
    VALUE_TYPES = "value types"


class Immediate(NamedTuple):
    """What follows an opcode, from `start` to `end` of the bytes it was read from.

    `value` is the index, the number, or the offset of a memory argument; of several labels or value
    types their count; 0 for what is only skipped. A block type that is no index is negative.
    """

    kind: Kind
    start: int
    end: int
    value: int


class Instruction(NamedTuple):
    """One instruction; a two-part opcode is `prefix << 16 | number`."""

    offset: int
    opcode: int
    immediates: tuple[Immediate, ...]


class Opcode(NamedTuple):
    """What is known of one opcode; `feature` is empty for the first version of WebAssembly."""

    immediates: tuple[Kind, ...] = ()
    feature: str = ""


class _Row(NamedTuple):
    first: int
    last: int
    opcode: Opcode = Opcode()


def _row(first: int, last: int, *immediates: Kind, feature: str = "") -> _Row:
    return _Row(first, last, Opcode(immediates, feature))


_CORE = (
    _row(0x00, 0x01),
    _row(BLOCK, IF, Kind.BLOCK),
    _row(0x05, 0x05),
    _row(END, END),
    _row(0x0C, 0x0D, Kind.LABEL),
    _row(0x0E, 0x0E, Kind.LABELS),
    _row(0x0F, 0x0F),
    _row(0x10, 0x10, Kind.FUNCTION),
    _row(0x11, 0x11, Kind.TYPE, Kind.TABLE),
    _row(0x12, 0x12, Kind.FUNCTION, feature=TAIL_CALL),
    _row(0x13, 0x13, Kind.TYPE, Kind.TABLE, feature=TAIL_CALL),
    _row(0x1A, 0x1B),
    _row(0x1C, 0x1C, Kind.VALUE_TYPES, feature=REFERENCE_TYPES),
    _row(0x20, 0x22, Kind.LOCAL),
    _row(0x23, 0x24, Kind.GLOBAL),
    _row(0x25, 0x26, Kind.TABLE, feature=REFERENCE_TYPES),
    _row(0x28, 0x3E, Kind.MEMORY_ARGUMENT),
    _row(0x3F, 0x40, Kind.MEMORY),
    _row(0x41, 0x41, Kind.I32),
    _row(0x42, 0x42, Kind.I64),
    _row(0x43, 0x43, Kind.F32),
    _row(0x44, 0x44, Kind.F64),
    _row(0x45, 0xBF),
    _row(0xC0, 0xC4, feature=SIGN_EXTENSION),
    _row(0xD0, 0xD0, Kind.REFERENCE, feature=REFERENCE_TYPES),
    _row(0xD1, 0xD1, feature=REFERENCE_TYPES),
    _row(0xD2, 0xD2, Kind.FUNCTION, feature=REFERENCE_TYPES),
)

_FC = (
    _row(0x00, 0x07, feature=SATURATING),
    _row(0x08, 0x08, Kind.DATA, Kind.MEMORY, feature=BULK_MEMORY),
    _row(0x09, 0x09, Kind.DATA, feature=BULK_MEMORY),
    _row(0x0A, 0x0A, Kind.MEMORY, Kind.MEMORY, feature=BULK_MEMORY),
    _row(0x0B, 0x0B, Kind.MEMORY, feature=BULK_MEMORY),
    _row(0x0C, 0x0C, Kind.ELEMENT, Kind.TABLE, feature=BULK_MEMORY),
    _row(0x0D, 0x0D, Kind.ELEMENT, feature=BULK_MEMORY),
    _row(0x0E, 0x0E, Kind.TABLE, Kind.TABLE, feature=BULK_MEMORY),
    _row(0x0F, 0x11, Kind.TABLE, feature=REFERENCE_TYPES),
)

_FD = (
    _row(0x00, 0x0B, Kind.MEMORY_ARGUMENT, feature=SIMD),
    _row(0x0C, 0x0D, Kind.V128, feature=SIMD),
    _row(0x0E, 0x14, feature=SIMD),
    _row(0x15, 0x22, Kind.LANE, feature=SIMD),
    _row(0x23, 0x53, feature=SIMD),
    _row(0x54, 0x5B, Kind.MEMORY_ARGUMENT, Kind.LANE, feature=SIMD),
    _row(0x5C, 0x5D, Kind.MEMORY_ARGUMENT, feature=SIMD),
    _row(0x5E, 0xFF, feature=SIMD),
)

_FD_UNUSED = (
    *(0x9A, 0xA2, 0xA5, 0xA6, 0xAF, 0xB0, 0xB2, 0xB3, 0xB4, 0xBB),
    *(0xC2, 0xC5, 0xC6, 0xCF, 0xD0, 0xD2, 0xD3, 0xD4, 0xE2, 0xEE),
)


def _table() -> dict[int, Opcode]:
    table: dict[int, Opcode] = {}
    for base, rows in ((0, _CORE), (0xFC0000, _FC), (0xFD0000, _FD)):
        for row in rows:
            table |= dict.fromkeys(range(base + row.first, base + row.last + 1), row.opcode)
    for number in _FD_UNUSED:
        del table[0xFD0000 + number]
    return table


OPCODES: Final = _table()


def instructions(reader: Reader) -> Iterator[Instruction]:
    """Walk an expression, up to and including the `end` that closes it."""
    depth = 1
    while depth:
        offset = reader.offset
        opcode = reader.byte()
        if opcode in _PREFIXES:
            opcode = opcode << 16 | reader.u32()
        known = OPCODES.get(opcode)
        if known is None:
            raise reader.fault(f"unknown instruction 0x{opcode:02x}", offset)
        found = tuple([immediate(reader, kind) for kind in known.immediates])
        yield Instruction(offset, opcode, found)
        if opcode <= END:
            depth += (BLOCK <= opcode <= IF) - (opcode == END)


def immediate(reader: Reader, kind: Kind) -> Immediate:
    """Read one immediate of `kind`."""
    start = reader.at
    value = _READ.get(kind, Reader.u32)(reader)
    return Immediate(kind, start, reader.at, value)


def value_type(reader: Reader) -> int:
    """Read a value type."""
    code = reader.byte()
    if code not in VALUE_TYPES:
        raise reader.fault(f"unknown value type 0x{code:02x}", reader.offset - 1)
    return code


def reference_type(reader: Reader) -> int:
    """Read a reference type."""
    code = reader.byte()
    if VALUE_TYPES.get(code) != REFERENCE_TYPES:
        raise reader.fault(f"unknown reference type 0x{code:02x}", reader.offset - 1)
    return code


def _block_type(reader: Reader) -> int:
    start = reader.offset
    value = reader.signed(33)
    if value < 0 and value != -64 and value + 128 not in VALUE_TYPES:
        raise reader.fault(f"unknown block type {value}", start)
    return value


def _labels(reader: Reader) -> int:
    count = reader.u32()
    for _ in range(count + 1):
        reader.u32()
    return count + 1


def _value_types(reader: Reader) -> int:
    count = reader.u32()
    for _ in range(count):
        value_type(reader)
    return count


def _memory_argument(reader: Reader) -> int:
    if reader.u32() > _ALIGNMENT_MAX:  # larger ones announce a second memory's index
        raise reader.fault("unknown alignment", reader.offset - 1)
    return reader.u32()


def _skip(size: int) -> Callable[[Reader], int]:
    def skip(reader: Reader) -> int:
        reader.take(size)
        return 0

    return skip


_READ: dict[Kind, Callable[[Reader], int]] = {
    Kind.BLOCK: _block_type,
    Kind.LABELS: _labels,
    Kind.MEMORY_ARGUMENT: _memory_argument,
    Kind.I32: lambda reader: reader.signed(32),
    Kind.I64: lambda reader: reader.signed(64),
    Kind.F32: _skip(4),
    Kind.F64: _skip(8),
    Kind.V128: _skip(16),
    Kind.LANE: Reader.byte,
    Kind.REFERENCE: reference_type,
    Kind.VALUE_TYPES: _value_types,
}

"""What the entries of each section refer to, so that they can be moved into another module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lockstep.guest.wasm import binary
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.declarations import FunctionType, Limits
from lockstep.guest.wasm.module import SectionId
from lockstep.guest.wasm.opcodes import Immediate, Kind, immediate, instructions, value_type

Walk = Callable[[Reader], Iterator[Immediate]]
"""Reads one entry to its end and gives what it holds of indices, flags and the like."""

Place = Callable[[Kind, int], int | None]
"""The new index for an old one of a kind; None for an index that there is not."""

INDICES: Final = {
    Kind.TYPE: SectionId.TYPE,
    Kind.FUNCTION: SectionId.FUNCTION,
    Kind.TABLE: SectionId.TABLE,
    Kind.MEMORY: SectionId.MEMORY,
    Kind.GLOBAL: SectionId.GLOBAL,
    Kind.ELEMENT: SectionId.ELEMENT,
    Kind.DATA: SectionId.DATA,
}
"""The kinds of immediate that are indices, and the section that each counts in."""


def moved(reader: Reader, walk: Walk, place: Place) -> bytes:
    """The entry at `reader`, with every index in it put through `place`."""
    result, copied = bytearray(), reader.at
    for found in walk(reader):
        is_type = found.kind is Kind.BLOCK and found.value >= 0
        if found.kind not in INDICES and not is_type:
            continue
        kind = Kind.TYPE if is_type else found.kind
        index = place(kind, found.value)
        if index is None:
            raise reader.fault(f"there is no {kind} {found.value}", reader.base + found.start)
        result += reader.data[copied : found.start]
        result += binary.signed(index) if is_type else binary.u32(index)
        copied = found.end
    return bytes(result + reader.data[copied : reader.at])


def local_types(reader: Reader) -> set[int]:
    """Read the locals of a body, up to its code; the types that occur among them."""
    found = set()
    for _ in range(reader.u32()):
        reader.u32()
        found.add(value_type(reader))
    return found


def body(reader: Reader) -> Iterator[Immediate]:
    """A function's body: its locals and its code, without its size."""
    local_types(reader)
    yield from _expression(reader)
    reader.finish()


def _expression(reader: Reader) -> Iterator[Immediate]:
    for instruction in instructions(reader):
        yield from instruction.immediates


def _flags(reader: Reader, maximum: int) -> Immediate:
    flags = immediate(reader, Kind.FLAGS)
    if flags.value > maximum:
        raise reader.fault(f"unknown flags {flags.value}", reader.offset - 1)
    return flags


def _type(reader: Reader) -> Iterator[Immediate]:
    FunctionType.read(reader)
    yield from ()


def _function(reader: Reader) -> Iterator[Immediate]:
    yield immediate(reader, Kind.TYPE)


def _table(reader: Reader) -> Iterator[Immediate]:
    Limits.read_table(reader)
    yield from ()


def _global(reader: Reader) -> Iterator[Immediate]:
    value_type(reader)
    yield _flags(reader, 1)
    yield from _expression(reader)


def _element(reader: Reader) -> Iterator[Immediate]:
    yield (flags := _flags(reader, 7))
    inactive, explicit, expressions = (flags.value >> bit & 1 for bit in range(3))
    if not inactive:
        if explicit:
            yield immediate(reader, Kind.TABLE)
        yield from _expression(reader)
    if inactive or explicit:
        reader.byte()  # the kind or type of what follows
    for _ in range(reader.u32()):
        if expressions:
            yield from _expression(reader)
        else:
            yield immediate(reader, Kind.FUNCTION)


def _data(reader: Reader) -> Iterator[Immediate]:
    yield (flags := _flags(reader, 2))
    if flags.value == 2:
        yield immediate(reader, Kind.MEMORY)
    if flags.value != 1:
        yield from _expression(reader)
    reader.sized()


WALKS: Final[dict[SectionId, Walk]] = {
    SectionId.TYPE: _type,
    SectionId.FUNCTION: _function,
    SectionId.TABLE: _table,
    SectionId.GLOBAL: _global,
    SectionId.ELEMENT: _element,
    SectionId.DATA: _data,
}
"""How to read one entry of each section that is more than a name and whose size is not given."""

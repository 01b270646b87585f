"""Cases as lines of text: `i32.div_s 0x80000000 -1 = trap integer overflow`.

Numbers are decimal, or bit patterns that begin with 0x, or floats as Python and C write them. A
vector is a shape and its lanes, lane 0 first: `i16x8:1,2,3,4,5,6,7,8`, or one for all: `i8x16:-1`.
"""

from __future__ import annotations

import re
import struct

from operand_guest import operand_types

from lockstep.program.instructions import INSTRUCTIONS, Immediate
from lockstep.program.numeric.floats import F32, F64
from lockstep.program.trap import Trap
from lockstep.program.tree import Type

LANES = {
    Immediate.NONE: 0,
    Immediate.MEMORY: 0,
    Immediate.LANE: 1,
    Immediate.MEMORY_LANE: 1,
    Immediate.LANES: 16,
}
BITS: dict[Type, int] = {"i32": 32, "i64": 64, "f32": 32, "f64": 64, "v128": 128}


def lines(text: str) -> list[str]:
    """The cases of a table; a line that begins with `=` goes on with the one before."""
    joined = re.sub(r"\n\s*= ", " = ", text)
    return [line for line in map(str.strip, joined.splitlines()) if line and line[0] != "#"]


def holds(line: str) -> None:
    """Assert that the table of instructions computes what a line says."""
    left, _, right = line.partition(" = ")
    name, *given = left.split()
    row = INSTRUCTIONS[name]
    types = operand_types(row)
    assert len(given) == len(types) + LANES[row.immediate], line
    operands = [pattern(type_, word) for type_, word in zip(types, given, strict=False)]
    lanes = [int(word) for word in given[len(types) :]]
    try:
        found = row.run(*operands, *lanes)
    except Trap as trap:
        assert f"trap {trap.kind}" == right.strip(), line
        assert trap.kind in row.traps, line
        return
    assert hex(found) == hex(pattern(row.gives[0], right.strip())), line


def pattern(type_: Type | int, word: str) -> int:
    """The bits that a word stands for; a load's own operand is a number of bytes."""
    if ":" in word:
        return _vector(word)
    if isinstance(type_, int):
        return int(word, 0) & (1 << type_ * 8) - 1
    bits = BITS[type_]
    if type_ in ("i32", "i64") or (word.startswith("0x") and "p" not in word):
        return int(word, 0) & (1 << bits) - 1
    of = F32 if type_ == "f32" else F64
    if word == "nan":
        return of.nan
    value = float.fromhex(word) if "0x" in word else float(word)
    packed = struct.pack("<f" if type_ == "f32" else "<d", value)
    if "0x" in word:
        assert struct.unpack("<f" if type_ == "f32" else "<d", packed)[0] == value
    return int.from_bytes(packed, "little")


def _vector(word: str) -> int:
    shape, _, text = word.partition(":")
    kind, count = shape[0], int(shape.partition("x")[2])
    bits = 128 // count
    lanes = text.split(",") * (count if "," not in text else 1)
    assert len(lanes) == count, word
    if kind == "f":
        values = [pattern("f32" if bits == 32 else "f64", lane) for lane in lanes]
    else:
        values = [int(lane, 0) & (1 << bits) - 1 for lane in lanes]
    return sum(value << at * bits for at, value in enumerate(values))

"""Operands where instructions go wrong: edges, halves, and what lies beside them."""

from __future__ import annotations

import math
from random import Random

from lockstep.program.instructions import Immediate, Instruction
from lockstep.program.numeric.floats import F32, F64, Float
from lockstep.program.tree import Type

WIDTHS: dict[Type, int] = {"i32": 32, "i64": 64, "f32": 32, "f64": 64, "v128": 128}
SHAPES: dict[str, Type | int] = {
    "i8x16": 8,
    "i16x8": 16,
    "i32x4": "i32",
    "i64x2": "i64",
    "f32x4": "f32",
    "f64x2": "f64",
}
_WHOLE = (7, 8, 15, 16, 22, 23, 24, 31, 32, 51, 52, 53, 62, 63, 64)
_SMALL = (-24, -53, -126, -127, -149, -150, -1021, -1022)


def _integers(bits: int) -> list[int]:
    powers = [1 << at for at in range(bits + 1) if at % 8 in (0, 1, 2, 7)]
    near = {power + d for power in powers for d in (-2, -1, 0, 1)}
    halves = {0x7FFFFF4000000001, 0x8000004000000001, 0x20000020000001, 0x1000001, 0x55555555}
    return sorted({sign * value & (1 << bits) - 1 for value in near | halves for sign in (1, -1)})


def _floats(of: Float) -> list[int]:
    """Edges of every conversion with their neighbours, of both signs; NaNs of several kinds."""
    values = [0.0, 0.1, 0.5, 1.0, 1.5, 2.5, 3.5, math.pi, 0.49999999999999994, 4503599627370495.5]
    values += [2147483647.5, 4294967295.5, 8388607.5, 2.0**127, 1e300, math.inf]
    values += [2.0**power for power in (*_WHOLE, *_SMALL)]
    found = {bits + d for bits in map(of.pattern, values) for d in (-1, 0, 1)}
    if of is F64:
        found |= {bits + d for bits in _halves() for d in (-1, 0, 1)}
    nans = {of.nan, of.nan | 1, of.infinity | 1, of.infinity | 0x5555}
    edges = {bits for bits in found if 0 <= bits <= of.infinity}
    return sorted({bits | sign for bits in edges | nans for sign in (0, of.sign)})


def _halves() -> set[int]:
    """Doubles in the middle between two singles."""
    singles = (0, 1, 2, 0x7FFFFE, 0x7FFFFF, 0x800000, 0x3F7FFFFF, 0x3F800000, 0x7F7FFFFE)
    return {F64.pattern((F32.value(a) + F32.value(a + 1)) / 2) for a in singles} | {
        F64.pattern(2.0**128 - 2.0**103)
    }


EDGES: dict[Type | int, list[int]] = {
    8: _integers(8),
    16: _integers(16),
    "i32": _integers(32),
    "i64": _integers(64),
    "f32": _floats(F32),
    "f64": _floats(F64),
}


def _special(type_: Type) -> list[int]:
    """The few that every pair is tried of."""
    if type_ in ("i32", "i64"):
        bits = WIDTHS[type_]
        return [0, 1, 2, bits - 1, bits, 1 << bits - 1, (1 << bits - 1) - 1, (1 << bits) - 1]
    of = F32 if type_ == "f32" else F64
    positive = [0, 1, of.pattern(1.0), of.infinity - 1, of.infinity, of.infinity | 1, of.nan]
    return [bits | sign for bits in positive for sign in (0, of.sign)]


SPECIAL: dict[Type, list[int]] = {t: _special(t) for t in ("i32", "i64", "f32", "f64")}


def value(random: Random, type_: Type, name: str = "") -> int:
    """Half are edges or special; vectors have lanes of the shapes that `name` speaks of."""
    if type_ == "v128":
        return _vector(random, name)
    drawn = random.random()
    if drawn < 0.5:
        return random.choice(SPECIAL[type_] if drawn < 0.25 else EDGES[type_])
    if type_ in ("f32", "f64") and random.random() < 0.5:
        of = F32 if type_ == "f32" else F64
        return of.pattern(random.choice((-1, 1)) * random.random() * 2.0 ** random.randint(-4, 68))
    bits = WIDTHS[type_]
    return random.getrandbits(random.randint(1, bits)) ^ random.choice((0, (1 << bits) - 1))


def _vector(random: Random, name: str) -> int:
    spoken = [shape for shape in SHAPES if shape in name]
    lane = SHAPES[random.choice(spoken or list(SHAPES))]
    bits = lane if isinstance(lane, int) else WIDTHS[lane]
    lanes = [
        random.choice(EDGES[lane]) if isinstance(lane, int) else value(random, lane)
        for _ in range(128 // bits)
    ]
    return sum(a << at * bits for at, a in enumerate(lanes))


def lanes(random: Random, row: Instruction) -> list[tuple[int, ...]]:
    """The lane immediates to try: each one, or some shuffles."""
    match row.immediate:
        case Immediate.LANE | Immediate.MEMORY_LANE:
            return [(lane,) for lane in range(row.lanes)]
        case Immediate.LANES:
            drawn = [tuple(random.randrange(row.lanes) for _ in range(16)) for _ in range(12)]
            return [*drawn, tuple(range(16)), tuple(range(16, 32)), (31,) * 16, tuple(range(8, 24))]
        case _:
            return [()]

"""Numbers worth trying: edges first, then anything. All are bit patterns."""

from __future__ import annotations

from lockstep.program.tree import Bits, Node, Type
from lockstep.scenario.choices import Choices

WIDTHS: dict[Type, int] = {"i32": 32, "i64": 64, "f32": 32, "f64": 64, "v128": 128}


def _edges(bits: int) -> list[int]:
    """Powers of two and their neighbours, shift counts about the width, small numbers."""
    mask = (1 << bits) - 1
    powers = [1 << k for k in (0, 1, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 52, 53, 63) if k < bits]
    near = [p + d for p in powers for d in (-1, 0, 1)]
    counts = [0, 5, 31, 32, 33, 63, 64, 65, 127, 128, 255]
    return sorted({value & mask for value in [*near, *(-v for v in near), *counts]})


def _floats(exponent_bits: int, fraction_bits: int) -> list[int]:
    """Zeros, halves and other halfway cases, limits of integers, subnormals, infinities, NaNs."""
    bias = (1 << (exponent_bits - 1)) - 1
    top = (1 << exponent_bits) - 1
    one, fraction = bias << fraction_bits, (1 << fraction_bits) - 1
    found = [0, 1, 2, fraction, fraction + 1, one, one - 1, one + 1]
    for power in (-2, -1, 1, 2, 7, 8, 15, 16, 22, 23, 24, 30, 31, 32, 51, 52, 53, 62, 63, 64):
        exponent = bias + power
        if 0 < exponent < top:
            at = exponent << fraction_bits
            found += [at, at - 1, at + 1, at | 1 << (fraction_bits - 1)]
    found += [(top - 1) << fraction_bits | fraction, top << fraction_bits]
    nans = [top << fraction_bits | 1 << (fraction_bits - 1), top << fraction_bits | 1]
    sign = 1 << (exponent_bits + fraction_bits)
    return [*found, *nans, *(value | sign for value in (*found, *nans))]


EDGES: dict[Type, list[int]] = {
    "i32": _edges(32),
    "i64": _edges(64),
    "f32": _floats(8, 23),
    "f64": _floats(11, 52),
}
LANES: tuple[tuple[Type | int, int], ...] = (
    (8, 16),
    (16, 8),
    ("i32", 4),
    ("i64", 2),
    ("f32", 4),
    ("f64", 2),
)
_NARROW = {8: _edges(8), 16: _edges(16)}
CANONICAL_NAN: dict[Type, int] = {"f32": 0x7FC00000, "f64": 0x7FF8000000000000}


def value(choices: Choices, type_: Type) -> Bits:
    """Some value: three in four are edges."""
    if type_ == "v128":
        return _vector(choices)
    if choices.chance(3, 4):
        return choices.pick(EDGES[type_])
    return choices.integer(0, (1 << WIDTHS[type_]) - 1)


def _vector(choices: Choices) -> Bits:
    """Lanes of one kind; often all the same."""
    lane, count = choices.pick(LANES)
    if isinstance(lane, int):
        width, options = lane, _NARROW[lane]
    else:
        width, options = WIDTHS[lane], EDGES[lane]
    lanes = [choices.pick(options)] * count
    if choices.chance(3, 4):
        lanes = [choices.pick(options) for _ in range(count)]
    return sum(bits << (width * at) for at, bits in enumerate(lanes))


def const(choices: Choices, type_: Type) -> Node:
    """A constant."""
    return Node(f"{type_}.const", (), (value(choices, type_),))

"""Floats where roundings, zeros, infinities and NaNs decide, from section 4.3.3."""

import math
import struct
from fractions import Fraction
from random import Random

import pytest
from boundaries import holds, lines

from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.numeric.floats import F32, F64, demote, promote

ARITHMETIC = lines("""
    f32.add 1.0 0x1p-24 = 1.0
    f32.add 0x1.000002p0 0x1p-24 = 0x1.000004p0
    f32.add 1.0 0x1.000002p-24 = 0x1.000002p0
    f32.add 0x1.fffffep127 0x1p102 = 0x1.fffffep127
    f32.add 0x1.fffffep127 0x1p103 = inf
    f32.add 0x1p-149 0x1p-149 = 0x1p-148
    f32.add -0.0 -0.0 = -0.0
    f32.add -0.0 0.0 = 0.0
    f32.add inf -inf = nan
    f32.add 0xffc00001 1.0 = nan
    f32.add 0x7f800001 1.0 = nan
    f32.sub 1.0 1.0 = 0.0
    f32.sub -0.0 0.0 = -0.0
    f32.sub 0.0 -0.0 = 0.0
    f32.sub inf inf = nan
    f32.sub 0x1p-126 0x0.fffffep-126 = 0x1p-149
    f32.mul 0x1p-75 0x1p-75 = 0.0
    f32.mul 0x1.000002p-75 0x1p-75 = 0x1p-149
    f32.mul -0x1p-75 0x1p-75 = -0.0
    f32.mul 0x1.8p-75 0x1p-74 = 0x1p-148
    f32.mul 0x1p64 0x1p64 = inf
    f32.mul 0x1p64 -0x1p64 = -inf
    f32.mul 0.0 inf = nan
    f32.mul -0.0 5.0 = -0.0
    f32.div 1.0 0.0 = inf
    f32.div 1.0 -0.0 = -inf
    f32.div -1.0 0.0 = -inf
    f32.div 0.0 0.0 = nan
    f32.div 0.0 -5.0 = -0.0
    f32.div inf inf = nan
    f32.div inf 0.0 = inf
    f32.div inf -0.0 = -inf
    f32.div 5.0 -inf = -0.0
    f32.div 0x7f800001 0.0 = nan
    f32.div 1.0 3.0 = 0x1.555556p-2
    f32.div 0x1p-149 2.0 = 0.0
    f32.div 0x1.8p-148 2.0 = 0x1p-148
    f32.sqrt -0.0 = -0.0
    f32.sqrt -0x1p-149 = nan
    f32.sqrt -inf = nan
    f32.sqrt inf = inf
    f32.sqrt 2.0 = 0x1.6a09e6p0
    f32.sqrt 0x1p-149 = 0x1.6a09e6p-75
    f32.sqrt 0xffc00000 = nan
    f64.add 1.0 0x1p-53 = 1.0
    f64.add 0x1.0000000000001p0 0x1p-53 = 0x1.0000000000002p0
    f64.add 0x1.fffffffffffffp1023 0x1p970 = inf
    f64.add 0x1.fffffffffffffp1023 0x1p969 = 0x1.fffffffffffffp1023
    f64.add inf -inf = nan
    f64.sub -0.0 0.0 = -0.0
    f64.mul 0x1p-537 0x1p-538 = 0.0
    f64.mul 0x1.0000000000001p-537 0x1p-538 = 0x1p-1074
    f64.mul 0x1p512 0x1p512 = inf
    f64.mul inf 0.0 = nan
    f64.div 1.0 -0.0 = -inf
    f64.div 0.0 0.0 = nan
    f64.div 0x1p-1074 2.0 = 0.0
    f64.div 0xfff8000000000001 0.0 = nan
    f64.sqrt -1.0 = nan
    f64.sqrt -0.0 = -0.0
    f64.sqrt 2.0 = 0x1.6a09e667f3bcdp0
    f64.sqrt inf = inf
""")

EXTREMES = lines("""
    f32.min 0.0 -0.0 = -0.0
    f32.min -0.0 0.0 = -0.0
    f32.min 0.0 0.0 = 0.0
    f32.min -inf 0x7fc00001 = nan
    f32.min 0x7f800001 -inf = nan
    f32.min 1.0 -1.0 = -1.0
    f32.max 0.0 -0.0 = 0.0
    f32.max -0.0 0.0 = 0.0
    f32.max -0.0 -0.0 = -0.0
    f32.max inf 0xffc00001 = nan
    f32.max -1.0 -2.0 = -1.0
    f64.min 0.0 -0.0 = -0.0
    f64.min -0.0 0.0 = -0.0
    f64.min inf 0x7ff0000000000001 = nan
    f64.min 1.0 inf = 1.0
    f64.max 0.0 -0.0 = 0.0
    f64.max -0.0 0.0 = 0.0
    f64.max 0xfff8000000000000 inf = nan
    f64.max -inf 0x1p-1074 = 0x1p-1074
""")

SIGNS = lines("""
    f32.abs 0xff800001 = 0x7f800001
    f32.abs -0.0 = 0.0
    f32.neg 0x7fc12345 = 0xffc12345
    f32.neg 0.0 = -0.0
    f32.copysign 0x7f800001 -0.0 = 0xff800001
    f32.copysign 1.0 0xff800001 = -1.0
    f32.copysign -1.0 0x7fc00000 = 1.0
    f64.abs 0xfff0000000000001 = 0x7ff0000000000001
    f64.neg 0x7ff8000000012345 = 0xfff8000000012345
    f64.copysign 0x7ff0000000000001 -1.0 = 0xfff0000000000001
    f64.copysign -inf 0.0 = inf
    i32.reinterpret_f32 0xff800001 = 0xff800001
    i64.reinterpret_f64 0xfff0000000000001 = 0xfff0000000000001
    f32.reinterpret_i32 0x7f800001 = 0x7f800001
    f64.reinterpret_i64 0x7ff0000000000001 = 0x7ff0000000000001
""")

INTEGRAL = lines("""
    f32.nearest 0.5 = 0.0
    f32.nearest -0.5 = -0.0
    f32.nearest 1.5 = 2.0
    f32.nearest 2.5 = 2.0
    f32.nearest -2.5 = -2.0
    f32.nearest 3.5 = 4.0
    f32.nearest 0x1.000002p-1 = 1.0
    f32.nearest 8388607.5 = 8388608.0
    f32.nearest 8388609.0 = 8388609.0
    f32.nearest 0x1p-149 = 0.0
    f32.nearest -inf = -inf
    f32.nearest 0xffc00001 = nan
    f32.ceil -0.5 = -0.0
    f32.ceil -0.0 = -0.0
    f32.ceil 0x1p-149 = 1.0
    f32.ceil -1.5 = -1.0
    f32.floor -0x1p-149 = -1.0
    f32.floor -0.0 = -0.0
    f32.floor 0.5 = 0.0
    f32.trunc -0.9 = -0.0
    f32.trunc 8388607.5 = 8388607.0
    f32.trunc inf = inf
    f32.trunc 0x7f800001 = nan
    f64.nearest 0.5 = 0.0
    f64.nearest -0.5 = -0.0
    f64.nearest 0.49999999999999994 = 0.0
    f64.nearest 1.5 = 2.0
    f64.nearest 4503599627370495.5 = 4503599627370496.0
    f64.nearest 4503599627370494.5 = 4503599627370494.0
    f64.nearest 4503599627370497.0 = 4503599627370497.0
    f64.nearest 9007199254740991.0 = 9007199254740991.0
    f64.ceil -0.9 = -0.0
    f64.ceil 4503599627370495.5 = 4503599627370496.0
    f64.floor 0.9 = 0.0
    f64.floor -4503599627370495.5 = -4503599627370496.0
    f64.trunc -0.9 = -0.0
    f64.trunc 0xfff0000000000001 = nan
""")

COMPARISONS = lines("""
    f32.eq 0.0 -0.0 = 1
    f32.eq nan nan = 0
    f32.ne nan nan = 1
    f32.ne 0.0 -0.0 = 0
    f32.lt -0.0 0.0 = 0
    f32.lt nan inf = 0
    f32.lt -inf 0x7f800001 = 0
    f32.gt inf 0x1.fffffep127 = 1
    f32.gt nan -inf = 0
    f32.le 0.0 -0.0 = 1
    f32.le nan nan = 0
    f32.ge -0.0 0.0 = 1
    f32.ge nan nan = 0
    f64.eq -0.0 0.0 = 1
    f64.ne nan 1.0 = 1
    f64.lt 0x0p0 0x1p-1074 = 1
    f64.gt 0x1p-1074 0.0 = 1
    f64.le nan inf = 0
    f64.ge 1.0 nan = 0
""")


@pytest.mark.parametrize("line", [*ARITHMETIC, *EXTREMES, *SIGNS, *INTEGRAL, *COMPARISONS])
def test_floats_are_what_the_specification_says(line: str) -> None:
    holds(line)


def nearest_single(exact: Fraction) -> int:
    """The pattern of the single that is nearest, found by looking at all neighbours."""
    guess = struct.unpack("<I", struct.pack("<f", min(float(abs(exact)), 3e38)))[0]
    near = [bits for bits in range(max(guess - 3, 0), guess + 4) if bits < F32.infinity]
    best = min(near, key=lambda b: (abs(Fraction(F32.value(b)) - abs(exact)), b & 1))
    return best | (F32.sign if exact < 0 else 0)


@pytest.mark.parametrize("name", ["f32.add", "f32.sub", "f32.mul", "f32.div"])
def test_singles_are_rounded_once_from_the_exact_value(name: str) -> None:
    random = Random(name)
    compute = {"add": Fraction.__add__, "sub": Fraction.__sub__, "mul": Fraction.__mul__}
    for _ in range(2000):
        center = random.choice((0, 20, 63, 64, 100))
        a, b = (
            random.randrange(2) << 31
            | max(0, center + random.randint(-20, 20)) << 23
            | random.choice((0, 1, 0x7FFFFF, random.getrandbits(23)))
            for _ in "ab"
        )
        x, y = Fraction(F32.value(a)), Fraction(F32.value(b))
        if name == "f32.div" and not y:
            continue
        exact = x / y if name == "f32.div" else compute[name[4:]](x, y)
        if exact:
            assert abs(exact) < 2**127
            assert INSTRUCTIONS[name].run(a, b) == nearest_single(exact), (hex(a), hex(b))


def test_roots_of_singles_are_rounded_once_from_the_exact_value() -> None:
    random = Random(1)
    for _ in range(2000):
        a = random.randrange(1, F32.infinity)
        x = Fraction(F32.value(a))
        root = INSTRUCTIONS["f32.sqrt"].run(a)
        below = (Fraction(F32.value(root - 1)) + Fraction(F32.value(root))) / 2
        above = (Fraction(F32.value(root + 1)) + Fraction(F32.value(root))) / 2
        assert below**2 < x < above**2


def test_doubles_take_every_single_and_give_it_back() -> None:
    random = Random(2)
    for _ in range(2000):
        bits = random.randrange(F32.infinity + 1) | random.randrange(2) << 31
        assert demote(promote(bits)) == bits
        assert F64.value(promote(bits)) == F32.value(bits)
        assert math.copysign(1, F64.value(promote(bits))) == math.copysign(1, F32.value(bits))

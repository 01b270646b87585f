"""Conversions at the edges of their ranges and in the middle between two floats: section 4.3.4."""

from fractions import Fraction
from random import Random

import pytest
from boundaries import holds, lines

from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.numeric.floats import F32, F64

TRUNCATIONS = lines("""
    i32.trunc_f32_s 2147483520.0 = 2147483520
    i32.trunc_f32_s 2147483648.0 = trap integer overflow
    i32.trunc_f32_s -2147483648.0 = 0x80000000
    i32.trunc_f32_s -2147483904.0 = trap integer overflow
    i32.trunc_f32_s -0.9 = 0
    i32.trunc_f32_s nan = trap invalid conversion to integer
    i32.trunc_f32_s 0xff800001 = trap invalid conversion to integer
    i32.trunc_f32_s inf = trap integer overflow
    i32.trunc_f32_s -inf = trap integer overflow
    i32.trunc_f32_u 4294967040.0 = 4294967040
    i32.trunc_f32_u 4294967296.0 = trap integer overflow
    i32.trunc_f32_u -0.9 = 0
    i32.trunc_f32_u -0x1.fffffep-1 = 0
    i32.trunc_f32_u -1.0 = trap integer overflow
    i32.trunc_f32_u nan = trap invalid conversion to integer
    i32.trunc_f64_s 2147483647.9 = 2147483647
    i32.trunc_f64_s 2147483648.0 = trap integer overflow
    i32.trunc_f64_s -2147483648.9 = 0x80000000
    i32.trunc_f64_s -2147483649.0 = trap integer overflow
    i32.trunc_f64_s 0x1p-1074 = 0
    i32.trunc_f64_u 4294967295.9 = 4294967295
    i32.trunc_f64_u 4294967296.0 = trap integer overflow
    i32.trunc_f64_u -0.9999999999999999 = 0
    i32.trunc_f64_u -1.0 = trap integer overflow
    i32.trunc_f64_u -inf = trap integer overflow
    i64.trunc_f32_s 9223371487098961920.0 = 9223371487098961920
    i64.trunc_f32_s 9223372036854775808.0 = trap integer overflow
    i64.trunc_f32_s -9223372036854775808.0 = 0x8000000000000000
    i64.trunc_f32_s -9223373136366403584.0 = trap integer overflow
    i64.trunc_f32_u 18446742974197923840.0 = 18446742974197923840
    i64.trunc_f32_u 18446744073709551616.0 = trap integer overflow
    i64.trunc_f32_u -1.0 = trap integer overflow
    i64.trunc_f64_s 9223372036854774784.0 = 9223372036854774784
    i64.trunc_f64_s 9223372036854775808.0 = trap integer overflow
    i64.trunc_f64_s -9223372036854775808.0 = 0x8000000000000000
    i64.trunc_f64_s -9223372036854777856.0 = trap integer overflow
    i64.trunc_f64_s nan = trap invalid conversion to integer
    i64.trunc_f64_u 18446744073709549568.0 = 18446744073709549568
    i64.trunc_f64_u 18446744073709551616.0 = trap integer overflow
    i64.trunc_f64_u -0.9999999999999999 = 0
    i64.trunc_f64_u -1.0 = trap integer overflow
""")

SATURATING = lines("""
    i32.trunc_sat_f32_s nan = 0
    i32.trunc_sat_f32_s 0xff800001 = 0
    i32.trunc_sat_f32_s 2147483648.0 = 0x7fffffff
    i32.trunc_sat_f32_s -2147483904.0 = 0x80000000
    i32.trunc_sat_f32_s inf = 0x7fffffff
    i32.trunc_sat_f32_s -inf = 0x80000000
    i32.trunc_sat_f32_u -1.0 = 0
    i32.trunc_sat_f32_u -inf = 0
    i32.trunc_sat_f32_u 4294967296.0 = -1
    i32.trunc_sat_f64_s 2147483647.9 = 0x7fffffff
    i32.trunc_sat_f64_s -2147483649.0 = 0x80000000
    i32.trunc_sat_f64_u 4294967295.9 = -1
    i32.trunc_sat_f64_u -0.9 = 0
    i32.trunc_sat_f64_u nan = 0
    i64.trunc_sat_f32_s 9223372036854775808.0 = 0x7fffffffffffffff
    i64.trunc_sat_f32_s -inf = 0x8000000000000000
    i64.trunc_sat_f32_u 18446744073709551616.0 = -1
    i64.trunc_sat_f32_u -1.0 = 0
    i64.trunc_sat_f64_s nan = 0
    i64.trunc_sat_f64_s 1e300 = 0x7fffffffffffffff
    i64.trunc_sat_f64_s -9223372036854777856.0 = 0x8000000000000000
    i64.trunc_sat_f64_u 18446744073709549568.0 = 18446744073709549568
    i64.trunc_sat_f64_u inf = -1
    i64.trunc_sat_f64_u -0x1p-1074 = 0
""")

ROUNDINGS = lines("""
    # once, from the exact integer: by way of a double these go astray
    f32.convert_i64_s 0x7fffff4000000001 = 0x5effffff
    f32.convert_i64_s 0x8000004000000001 = 0xdeffffff
    f32.convert_i64_s 0x0020000020000001 = 0x5a000001
    f32.convert_i64_u 0x8000008000000001 = 0x5f000001
    f32.convert_i64_u 0x8000008000000000 = 0x5f000000
    f32.convert_i64_u 0x8000018000000000 = 0x5f000002
    f32.convert_i64_u 0xfffffe8000000001 = 0x5f7fffff
    f32.convert_i64_u 0xffffff7fffffffff = 0x5f7fffff
    f32.convert_i64_u 0xffffff8000000000 = 0x5f800000
    f32.convert_i64_u -1 = 0x5f800000
    f32.convert_i64_s -1 = -1.0
    f32.convert_i64_s 0x8000000000000000 = -0x1p63
    f32.convert_i64_s 0x7fffffffffffffff = 0x1p63
    f32.convert_i32_s 16777217 = 16777216.0
    f32.convert_i32_s 16777219 = 16777220.0
    f32.convert_i32_s -16777217 = -16777216.0
    f32.convert_i32_s 0x7fffffff = 2147483648.0
    f32.convert_i32_u -1 = 4294967296.0
    f32.convert_i32_u 0x80000080 = 2147483648.0
    f32.convert_i32_u 0x80000081 = 0x4f000001
    f32.convert_i32_s 0 = 0.0
    f64.convert_i32_s 0x80000000 = -2147483648.0
    f64.convert_i32_u 0x80000000 = 2147483648.0
    f64.convert_i64_s 9007199254740993 = 9007199254740992.0
    f64.convert_i64_s 9007199254740995 = 9007199254740996.0
    f64.convert_i64_s -9007199254740993 = -9007199254740992.0
    f64.convert_i64_s 0x7fffffffffffffff = 0x1p63
    f64.convert_i64_u 0x8000000000000400 = 0x1p63
    f64.convert_i64_u 0x8000000000000401 = 0x1.0000000000001p63
    f64.convert_i64_u 0xfffffffffffffbff = 0x43efffffffffffff
    f64.convert_i64_u -1 = 0x1p64
    # the middle between singles, and one more or less
    f32.demote_f64 0x1.000001p0 = 1.0
    f32.demote_f64 0x1.0000010000001p0 = 0x1.000002p0
    f32.demote_f64 0x1.000003p0 = 0x1.000004p0
    f32.demote_f64 0x1.0000000000001p0 = 1.0
    f32.demote_f64 0x1.fffffefffffffp127 = 0x1.fffffep127
    f32.demote_f64 0x1.ffffffp127 = inf
    f32.demote_f64 -0x1.fffffffffffffp1023 = -inf
    f32.demote_f64 0x1p-150 = 0.0
    f32.demote_f64 -0x1p-150 = -0.0
    f32.demote_f64 0x1.0000000000001p-150 = 0x1p-149
    f32.demote_f64 0x1.8p-149 = 0x1p-148
    f32.demote_f64 0x1.7ffffffffffffp-149 = 0x1p-149
    f32.demote_f64 0x1.fffffep-127 = 0x1p-126
    f32.demote_f64 0x1.fffffdfffffffp-127 = 0x1.fffffcp-127
    f32.demote_f64 0x1p-1074 = 0.0
    f32.demote_f64 0xfff0000000000001 = nan
    f32.demote_f64 -inf = -inf
    f64.promote_f32 0x1p-149 = 0x1p-149
    f64.promote_f32 -0.0 = -0.0
    f64.promote_f32 0x1.fffffep127 = 0x1.fffffep127
    f64.promote_f32 0x7f800001 = nan
    f64.promote_f32 0xff800000 = -inf
""")


@pytest.mark.parametrize("line", [*TRUNCATIONS, *SATURATING, *ROUNDINGS])
def test_conversions_are_what_the_specification_says(line: str) -> None:
    holds(line)


@pytest.mark.parametrize("name", [n for n in INSTRUCTIONS if ".convert_i" in n and "x" not in n])
def test_no_float_is_nearer_to_an_integer_than_the_one_it_becomes(name: str) -> None:
    random, row = Random(name), INSTRUCTIONS[name]
    of, bits = (F32 if row.gives == ("f32",) else F64), 64 if row.takes == ("i64",) else 32
    for _ in range(1000):
        a = random.getrandbits(bits) >> random.randrange(bits) | 1
        number = a - (a >> (bits - 1) << bits) if name.endswith("_s") else a
        found = row.run(a)
        assert bool(found & of.sign) == (number < 0)
        off = [abs(Fraction(of.value(found + d)) - number) for d in (-1, 0, 1)]
        assert off[1] <= min(off)
        assert off.count(off[1]) == 1 or found % 2 == 0

"""Integers at their edges, from section 4.3.2 of the specification."""

import pytest
from boundaries import holds, lines

ARITHMETIC = lines("""
    i32.add -1 1 = 0
    i32.add 0x7fffffff 1 = 0x80000000
    i32.sub 0 1 = -1
    i32.sub 0x80000000 1 = 0x7fffffff
    i32.mul 0x10000 0x10000 = 0
    i32.mul -1 -1 = 1
    i32.mul 0x01234567 0x76543210 = 0x358e7470
    i64.add -1 1 = 0
    i64.sub 0x8000000000000000 1 = 0x7fffffffffffffff
    i64.mul 0x0123456789abcdef 0xfedcba9876543210 = 0x2236d88fe5618cf0
    i32.div_s 0x80000000 -1 = trap integer overflow
    i32.div_s 0x80000000 1 = 0x80000000
    i32.div_s 0x80000000 2 = 0xc0000000
    i32.div_s -7 2 = -3
    i32.div_s 7 -2 = -3
    i32.div_s -7 -2 = 3
    i32.div_s 0 -1 = 0
    i32.div_s 1 0 = trap integer divide by zero
    i32.div_s 0x80000000 0 = trap integer divide by zero
    i32.div_u 0x80000000 -1 = 0
    i32.div_u -1 2 = 0x7fffffff
    i32.div_u 0 0 = trap integer divide by zero
    i32.rem_s 0x80000000 -1 = 0
    i32.rem_s 0x80000001 -1 = 0
    i32.rem_s -7 2 = -1
    i32.rem_s 7 -2 = 1
    i32.rem_s 0x80000000 1000 = -648
    i32.rem_s 5 0 = trap integer divide by zero
    i32.rem_u -7 2 = 1
    i32.rem_u 0x80000000 -1 = 0x80000000
    i32.rem_u 0 0 = trap integer divide by zero
    i64.div_s 0x8000000000000000 -1 = trap integer overflow
    i64.div_s 0x8000000000000000 2 = 0xc000000000000000
    i64.div_s 0x7fffffffffffffff 3 = 0x2aaaaaaaaaaaaaaa
    i64.div_s 0 0 = trap integer divide by zero
    i64.div_u -1 3 = 0x5555555555555555
    i64.div_u 1 0 = trap integer divide by zero
    i64.rem_s 0x8000000000000000 -1 = 0
    i64.rem_s -9007199254740993 2 = -1
    i64.rem_s 1 0 = trap integer divide by zero
    i64.rem_u -1 10 = 5
    i64.rem_u 1 0 = trap integer divide by zero
""")

BITS = lines("""
    i32.shl 1 31 = 0x80000000
    i32.shl 1 32 = 1
    i32.shl 1 33 = 2
    i32.shl 1 -1 = 0x80000000
    i32.shr_s 0x80000000 31 = -1
    i32.shr_s 0x80000000 32 = 0x80000000
    i32.shr_s 0x40000000 30 = 1
    i32.shr_s -1 0x7fffffff = -1
    i32.shr_u -1 31 = 1
    i32.shr_u -1 32 = -1
    i32.shr_u 0x80000000 0xffffffff = 1
    i32.rotl 0x80000001 1 = 3
    i32.rotl 0xabcd9876 32 = 0xabcd9876
    i32.rotl 0xabcd9876 0 = 0xabcd9876
    i32.rotl 0xb0c1d2e3 0xff05 = 0x183a5c76
    i32.rotr 1 1 = 0x80000000
    i32.rotr 0xb0c1d2e3 0xff05 = 0x1d860e97
    i32.rotr 0x12345678 32 = 0x12345678
    i64.shl 1 64 = 1
    i64.shl 1 63 = 0x8000000000000000
    i64.shl 1 0x100000000 = 1
    i64.shr_s 0x8000000000000000 63 = -1
    i64.shr_s 0x8000000000000000 64 = 0x8000000000000000
    i64.shr_u -1 65 = 0x7fffffffffffffff
    i64.rotl 0x8000000000000001 1 = 3
    i64.rotl 1 64 = 1
    i64.rotr 1 1 = 0x8000000000000000
    i64.rotr 1 0x100000001 = 0x8000000000000000
    i32.clz 0 = 32
    i32.clz 1 = 31
    i32.clz -1 = 0
    i32.ctz 0 = 32
    i32.ctz 0x80000000 = 31
    i32.ctz -1 = 0
    i32.popcnt -1 = 32
    i32.popcnt 0xaaaa5555 = 16
    i64.clz 0 = 64
    i64.clz 0x00008000 = 48
    i64.ctz 0 = 64
    i64.ctz 0x8000000000000000 = 63
    i64.popcnt 0xdeadbeefdeadbeef = 48
    i32.and 0xf0f0 0xff00 = 0xf000
    i32.or 0xf0f0 0xff00 = 0xfff0
    i32.xor 0xf0f0 0xff00 = 0x0ff0
    i64.and -1 0x8000000000000000 = 0x8000000000000000
    i64.or 1 0x8000000000000000 = 0x8000000000000001
    i64.xor -1 -1 = 0
""")

COMPARISONS = lines("""
    i32.eqz 0 = 1
    i32.eqz 0x80000000 = 0
    i64.eqz 0x100000000 = 0
    i64.eqz 0 = 1
    i32.eq -1 0xffffffff = 1
    i32.ne 1 1 = 0
    i32.lt_s 0x80000000 0x7fffffff = 1
    i32.lt_u 0x80000000 0x7fffffff = 0
    i32.gt_s -1 0 = 0
    i32.gt_u -1 0 = 1
    i32.le_s 0x80000000 0x80000000 = 1
    i32.le_u 0x80000000 1 = 0
    i32.ge_s 0x80000000 1 = 0
    i32.ge_u 0x80000000 1 = 1
    i64.eq 0x100000000 0 = 0
    i64.ne 0x100000000 0 = 1
    i64.lt_s 0x8000000000000000 0 = 1
    i64.lt_u 0x8000000000000000 0 = 0
    i64.gt_s 0 0x8000000000000000 = 1
    i64.gt_u 0 0x8000000000000000 = 0
    i64.le_s -1 0 = 1
    i64.le_u -1 0 = 0
    i64.ge_s 0 0 = 1
    i64.ge_u 0 -1 = 0
""")

WIDTHS = lines("""
    i32.extend8_s 0x80 = -128
    i32.extend8_s 0x7f = 127
    i32.extend8_s 0xfedcba00 = 0
    i32.extend8_s 0x012345ff = -1
    i32.extend16_s 0x8000 = -32768
    i32.extend16_s 0xfedc7fff = 32767
    i64.extend8_s 0x0123456789abcd80 = -128
    i64.extend16_s 0xfedcba9876547fff = 32767
    i64.extend16_s 0x8000 = -32768
    i64.extend32_s 0x80000000 = -2147483648
    i64.extend32_s 0xfedcba980fffffff = 0x0fffffff
    i64.extend_i32_s 0x80000000 = 0xffffffff80000000
    i64.extend_i32_u 0x80000000 = 0x80000000
    i32.wrap_i64 0xffffffff80000000 = 0x80000000
    i32.wrap_i64 0x100000000 = 0
    i32.load8_s 0x80 = -128
    i32.load8_u 0x80 = 128
    i32.load16_s 0x8000 = -32768
    i32.load16_u 0x8000 = 32768
    i32.load 0x80000000 = 0x80000000
    i64.load8_s 0xff = -1
    i64.load8_u 0xff = 255
    i64.load16_s 0xffff = -1
    i64.load16_u 0xffff = 65535
    i64.load32_s 0x80000000 = 0xffffffff80000000
    i64.load32_u 0x80000000 = 0x80000000
    i64.load 0x8000000000000000 = 0x8000000000000000
    f32.load 0x7f800001 = 0x7f800001
    f64.load 0xfff0000000000001 = 0xfff0000000000001
""")


@pytest.mark.parametrize("line", [*ARITHMETIC, *BITS, *COMPARISONS, *WIDTHS])
def test_integers_are_what_the_specification_says(line: str) -> None:
    holds(line)

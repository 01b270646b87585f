"""Vectors: which lane goes where, and what a lane does at its edges; section 4.3.5 and SIMD."""

import pytest
from boundaries import holds, lines

LANES = lines("""
    i8x16.splat 0x180 = i8x16:0x80
    i16x8.splat 0x18000 = i16x8:0x8000
    i32x4.splat -1 = i32x4:-1
    i64x2.splat 1 = i64x2:1
    f32x4.splat 0x7f800001 = i32x4:0x7f800001
    f64x2.splat -0.0 = f64x2:-0.0
    i8x16.extract_lane_s i8x16:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0x80 15 = -128
    i8x16.extract_lane_u i8x16:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0x80 15 = 128
    i16x8.extract_lane_s i16x8:0x8000,0,0,0,0,0,0,0x7fff 0 = -32768
    i16x8.extract_lane_u i16x8:0x8000,0,0,0,0,0,0,0x7fff 0 = 32768
    i16x8.extract_lane_s i16x8:0x8000,0,0,0,0,0,0,0x7fff 7 = 32767
    i32x4.extract_lane i32x4:1,2,3,4 2 = 3
    i64x2.extract_lane i64x2:1,-1 1 = -1
    f32x4.extract_lane i32x4:0,0x7f800001,0,0 1 = 0x7f800001
    f64x2.extract_lane i64x2:0x7ff0000000000001,0 0 = 0x7ff0000000000001
    i8x16.replace_lane i8x16:-1 0x100 3 = i8x16:-1,-1,-1,0,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1
    i16x8.replace_lane i16x8:0 0x12345 7 = i16x8:0,0,0,0,0,0,0,0x2345
    i32x4.replace_lane i32x4:1,2,3,4 9 0 = i32x4:9,2,3,4
    i64x2.replace_lane i64x2:1,2 9 1 = i64x2:1,9
    f32x4.replace_lane f32x4:1.0 0x7f800001 3 = i32x4:0x3f800000,0x3f800000,0x3f800000,0x7f800001
    f64x2.replace_lane f64x2:1.0,2.0 -0.0 0 = f64x2:-0.0,2.0
    i8x16.swizzle i64x2:0x0807060504030201,9 i8x16:15,16,0,255,17,128,1,2,3,4,5,6,7,8,9,10
      = i8x16:0,0,1,0,0,0,2,3,4,5,6,7,8,9,0,0
    i8x16.shuffle i64x2:0x0807060504030201,9 i64x2:-2,-1 31 0 16 8 1 1 17 2 3 4 5 6 7 9 10 24
      = i8x16:-1,1,-2,9,2,2,-1,3,4,5,6,7,8,0,0,-1
    v128.load8x8_s 0x807fff0001020380 = i16x8:-128,3,2,1,0,-1,127,-128
    v128.load8x8_u 0x807fff0001020380 = i16x8:128,3,2,1,0,255,127,128
    v128.load16x4_s 0x80007fffffff0001 = i32x4:1,-1,32767,-32768
    v128.load16x4_u 0x80007fffffff0001 = i32x4:1,65535,32767,32768
    v128.load32x2_s 0x800000007fffffff = i64x2:0x7fffffff,-2147483648
    v128.load32x2_u 0x800000007fffffff = i64x2:0x7fffffff,0x80000000
    v128.load8_splat 0x80 = i8x16:0x80
    v128.load16_splat 0x8001 = i16x8:0x8001
    v128.load32_splat 0x80000001 = i32x4:0x80000001
    v128.load64_splat 0x8000000000000001 = i64x2:0x8000000000000001
    v128.load32_zero 0xffffffff = i32x4:-1,0,0,0
    v128.load64_zero -1 = i64x2:-1,0
    v128.load8_lane i8x16:0 0xff 15 = i8x16:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-1
    v128.load16_lane i16x8:-1 0 1 = i16x8:-1,0,-1,-1,-1,-1,-1,-1
    v128.load32_lane i32x4:1,2,3,4 9 3 = i32x4:1,2,3,9
    v128.load64_lane i64x2:1,2 9 0 = i64x2:9,2
""")

LOGIC = lines("""
    v128.not i32x4:0,-1,1,2 = i32x4:-1,0,-2,-3
    v128.and i32x4:0xff00 i32x4:0x0ff0 = i32x4:0x0f00
    v128.andnot i32x4:0xff00 i32x4:0x0ff0 = i32x4:0xf000
    v128.or i32x4:0xff00 i32x4:0x0ff0 = i32x4:0xfff0
    v128.xor i32x4:0xff00 i32x4:0x0ff0 = i32x4:0xf0f0
    v128.bitselect i32x4:0x12345678 i32x4:0x9abcdef0 i32x4:0xffff0000 = i32x4:0x1234def0
    v128.any_true i64x2:0 = 0
    v128.any_true i64x2:0,0x8000000000000000 = 1
    i8x16.all_true i8x16:1 = 1
    i8x16.all_true i8x16:1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0 = 0
    i16x8.all_true i8x16:1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0 = 1
    i32x4.all_true i32x4:1,2,0,4 = 0
    i64x2.all_true i64x2:0x8000000000000000 = 1
    i8x16.bitmask i8x16:-1,0,0,0,0,0,0,0,0,0,0,0,0,0,0x7f,0x80 = 0x8001
    i16x8.bitmask i16x8:0x8000,0,0x7fff,0,0,0,0,-1 = 0x81
    i32x4.bitmask i32x4:-1,0,0x7fffffff,0x80000000 = 9
    i64x2.bitmask i64x2:0x7fffffffffffffff,0x8000000000000000 = 2
""")

INTEGERS = lines("""
    i8x16.add i8x16:0x7f i8x16:1 = i8x16:0x80
    i8x16.sub i8x16:0x80 i8x16:1 = i8x16:0x7f
    i8x16.abs i8x16:0x80,-1,0,1,127,-127,2,-2,3,-3,4,-4,5,-5,6,-6
      = i8x16:0x80,1,0,1,127,127,2,2,3,3,4,4,5,5,6,6
    i8x16.neg i8x16:0x80,-1,0,1,127,-127,2,-2,3,-3,4,-4,5,-5,6,-6
      = i8x16:0x80,1,0,-1,-127,127,-2,2,-3,3,-4,4,-5,5,-6,6
    i16x8.abs i16x8:0x8000 = i16x8:0x8000
    i32x4.abs i32x4:0x80000000 = i32x4:0x80000000
    i64x2.abs i64x2:0x8000000000000000,-1 = i64x2:0x8000000000000000,1
    i64x2.neg i64x2:0x8000000000000000,-1 = i64x2:0x8000000000000000,1
    i8x16.popcnt i8x16:0,-1,1,0x80,0x55,0xaa,2,3,4,5,6,7,8,9,10,11
      = i8x16:0,8,1,1,4,4,1,2,1,2,2,3,1,2,2,3
    i16x8.mul i16x8:0x100 i16x8:0x100 = i16x8:0
    i32x4.mul i32x4:-1 i32x4:-1 = i32x4:1
    i64x2.mul i64x2:0x100000001 i64x2:0x100000001 = i64x2:0x200000001
    i8x16.add_sat_s i8x16:0x7f i8x16:1 = i8x16:0x7f
    i8x16.add_sat_s i8x16:0x80 i8x16:-1 = i8x16:0x80
    i8x16.add_sat_u i8x16:0xff i8x16:1 = i8x16:0xff
    i8x16.sub_sat_s i8x16:0x80 i8x16:1 = i8x16:0x80
    i8x16.sub_sat_s i8x16:0 i8x16:0x80 = i8x16:0x7f
    i8x16.sub_sat_u i8x16:0 i8x16:1 = i8x16:0
    i16x8.add_sat_s i16x8:0x7fff i16x8:0x7fff = i16x8:0x7fff
    i16x8.add_sat_u i16x8:0xffff i16x8:0xffff = i16x8:0xffff
    i16x8.sub_sat_s i16x8:0x8000 i16x8:0x7fff = i16x8:0x8000
    i16x8.sub_sat_u i16x8:0x7fff i16x8:0x8000 = i16x8:0
    i8x16.min_s i8x16:0x80 i8x16:0x7f = i8x16:0x80
    i8x16.min_u i8x16:0x80 i8x16:0x7f = i8x16:0x7f
    i16x8.max_s i16x8:0x8000 i16x8:0 = i16x8:0
    i16x8.max_u i16x8:0x8000 i16x8:0 = i16x8:0x8000
    i32x4.min_s i32x4:-1 i32x4:0 = i32x4:-1
    i32x4.max_u i32x4:-1 i32x4:0 = i32x4:-1
    i8x16.avgr_u i8x16:0xff i8x16:0xff = i8x16:0xff
    i8x16.avgr_u i8x16:0xff i8x16:0 = i8x16:0x80
    i16x8.avgr_u i16x8:1 i16x8:2 = i16x8:2
    i16x8.q15mulr_sat_s i16x8:-32768 i16x8:-32768 = i16x8:32767
    i16x8.q15mulr_sat_s i16x8:-32768 i16x8:32767 = i16x8:-32767
    i16x8.q15mulr_sat_s i16x8:1 i16x8:16384 = i16x8:1
    i16x8.q15mulr_sat_s i16x8:1 i16x8:16383 = i16x8:0
    i16x8.q15mulr_sat_s i16x8:-1 i16x8:16384 = i16x8:0
    i16x8.q15mulr_sat_s i16x8:-1 i16x8:16385 = i16x8:-1
    i32x4.dot_i16x8_s i16x8:-32768 i16x8:-32768 = i32x4:0x80000000
    i32x4.dot_i16x8_s i16x8:1,2,3,4,5,6,7,8 i16x8:1,10,1,10,1,10,1,-1 = i32x4:21,43,65,-1
    i8x16.shl i8x16:0xff 9 = i8x16:0xfe
    i8x16.shl i8x16:0xff 8 = i8x16:0xff
    i8x16.shr_s i8x16:0x80 7 = i8x16:-1
    i8x16.shr_u i8x16:0x80 15 = i8x16:1
    i16x8.shl i16x8:1 16 = i16x8:1
    i16x8.shr_s i16x8:0x8000 17 = i16x8:0xc000
    i32x4.shr_u i32x4:0x80000000 63 = i32x4:1
    i64x2.shl i64x2:1 64 = i64x2:1
    i64x2.shr_s i64x2:0x8000000000000000 127 = i64x2:-1
    i64x2.shr_u i64x2:-1 -1 = i64x2:1
""")

WIDTHS = lines("""
    i8x16.narrow_i16x8_s i16x8:128,127,-128,-129,0x7fff,0x8000,0,-1 i16x8:1
      = i8x16:127,127,-128,-128,127,-128,0,-1,1,1,1,1,1,1,1,1
    i8x16.narrow_i16x8_u i16x8:256,255,-1,0x8000,0x7fff,0,1,128 i16x8:2
      = i8x16:255,255,0,0,255,0,1,128,2,2,2,2,2,2,2,2
    i16x8.narrow_i32x4_s i32x4:32768,-32769,0x7fffffff,0x80000000 i32x4:5
      = i16x8:32767,-32768,32767,-32768,5,5,5,5
    i16x8.narrow_i32x4_u i32x4:65536,-1,65535,0x80000000 i32x4:5 = i16x8:65535,0,65535,0,5,5,5,5
    i16x8.extend_low_i8x16_s i8x16:-1,2,3,4,5,6,7,0x80,9,9,9,9,9,9,9,9 = i16x8:-1,2,3,4,5,6,7,-128
    i16x8.extend_high_i8x16_s i8x16:9,9,9,9,9,9,9,9,-1,2,3,4,5,6,7,0x80 = i16x8:-1,2,3,4,5,6,7,-128
    i16x8.extend_low_i8x16_u i8x16:-1,2,3,4,5,6,7,0x80,9,9,9,9,9,9,9,9 = i16x8:255,2,3,4,5,6,7,128
    i16x8.extend_high_i8x16_u i8x16:9,9,9,9,9,9,9,9,-1,2,3,4,5,6,7,0x80 = i16x8:255,2,3,4,5,6,7,128
    i32x4.extend_high_i16x8_s i16x8:0,0,0,0,0x8000,1,2,-1 = i32x4:-32768,1,2,-1
    i32x4.extend_low_i16x8_u i16x8:0x8000,1,2,-1,0,0,0,0 = i32x4:32768,1,2,65535
    i64x2.extend_low_i32x4_s i32x4:0x80000000,-1,0,0 = i64x2:-2147483648,-1
    i64x2.extend_high_i32x4_u i32x4:0,0,0x80000000,-1 = i64x2:0x80000000,0xffffffff
    i16x8.extmul_low_i8x16_s i8x16:0x80 i8x16:0x80 = i16x8:0x4000
    i16x8.extmul_high_i8x16_u i8x16:0xff i8x16:0xff = i16x8:0xfe01
    i32x4.extmul_low_i16x8_s i16x8:0x8000 i16x8:0x7fff = i32x4:-1073709056
    i64x2.extmul_high_i32x4_s i32x4:0,0,0x80000000,-1 i32x4:0,0,0x80000000,5
      = i64x2:0x4000000000000000,-5
    i64x2.extmul_low_i32x4_u i32x4:-1,2,0,0 i32x4:-1,3,0,0 = i64x2:0xfffffffe00000001,6
    i16x8.extadd_pairwise_i8x16_s i8x16:0x80 = i16x8:-256
    i16x8.extadd_pairwise_i8x16_u i8x16:0xff = i16x8:510
    i32x4.extadd_pairwise_i16x8_s i16x8:1,2,0x8000,0x8000,-1,1,5,6 = i32x4:3,-65536,0,11
    i32x4.extadd_pairwise_i16x8_u i16x8:0xffff = i32x4:131070
""")

FLOATS = lines("""
    f32x4.add f32x4:1.0,-0.0,inf,0x1p127 f32x4:0x1p-24,-0.0,-inf,0x1p127 = f32x4:1.0,-0.0,nan,inf
    f32x4.min f32x4:0.0,-0.0,nan,1.0 f32x4:-0.0,0.0,1.0,2.0 = f32x4:-0.0,-0.0,nan,1.0
    f32x4.max f32x4:0.0,-0.0,nan,1.0 f32x4:-0.0,0.0,1.0,2.0 = f32x4:0.0,0.0,nan,2.0
    f32x4.pmin f32x4:0.0,-0.0,nan,2.0 f32x4:-0.0,0.0,1.0,1.0 = f32x4:0.0,-0.0,nan,1.0
    f32x4.pmin f32x4:1.0 i32x4:0x7f800001 = f32x4:1.0
    f32x4.pmin i32x4:0xff800001 f32x4:1.0 = i32x4:0xff800001
    f32x4.pmax f32x4:0.0,-0.0,nan,1.0 f32x4:-0.0,0.0,1.0,2.0 = f32x4:0.0,-0.0,nan,2.0
    f64x2.pmin f64x2:0.0,1.0 f64x2:-0.0,nan = f64x2:0.0,1.0
    f64x2.pmax f64x2:nan,1.0 f64x2:-0.0,2.0 = f64x2:nan,2.0
    f64x2.min f64x2:0.0,nan f64x2:-0.0,-inf = f64x2:-0.0,nan
    f32x4.abs i32x4:0xff800001,0x80000000,1,0x80000001 = i32x4:0x7f800001,0,1,1
    f64x2.neg i64x2:0x7ff0000000000001,0 = i64x2:0xfff0000000000001,0x8000000000000000
    f32x4.nearest f32x4:0.5,-0.5,1.5,2.5 = f32x4:0.0,-0.0,2.0,2.0
    f64x2.ceil f64x2:-0.5,0.5 = f64x2:-0.0,1.0
    f64x2.sqrt f64x2:-0.0,-1.0 = f64x2:-0.0,nan
    f32x4.div f32x4:1.0,0.0,-1.0,1.0 f32x4:-0.0,0.0,0.0,3.0 = f32x4:-inf,nan,-inf,0x1.555556p-2
    f32x4.eq f32x4:0.0,nan,1.0,2.0 f32x4:-0.0,nan,1.0,3.0 = i32x4:-1,0,-1,0
    f32x4.ne f32x4:0.0,nan,1.0,2.0 f32x4:-0.0,nan,1.0,3.0 = i32x4:0,-1,0,-1
    f64x2.lt f64x2:nan,-0.0 f64x2:1.0,0.0 = i64x2:0,0
    f64x2.ge f64x2:nan,-0.0 f64x2:1.0,0.0 = i64x2:0,-1
    i8x16.lt_s i8x16:0x80 i8x16:0x7f = i8x16:-1
    i8x16.lt_u i8x16:0x80 i8x16:0x7f = i8x16:0
    i16x8.ge_u i16x8:0x8000 i16x8:1 = i16x8:-1
    i64x2.gt_s i64x2:0x8000000000000000,1 i64x2:0,0 = i64x2:0,-1
    i32x4.trunc_sat_f32x4_s f32x4:nan,inf,-inf,-1.9 = i32x4:0,0x7fffffff,0x80000000,-1
    i32x4.trunc_sat_f32x4_u f32x4:nan,inf,-1.0,4294967040.0 = i32x4:0,-1,0,4294967040
    i32x4.trunc_sat_f64x2_s_zero f64x2:2147483647.9,nan = i32x4:2147483647,0,0,0
    i32x4.trunc_sat_f64x2_u_zero f64x2:-1.0,1e300 = i32x4:0,-1,0,0
    f32x4.convert_i32x4_s i32x4:16777217,16777219,-1,0x7fffffff
      = f32x4:16777216.0,16777220.0,-1.0,2147483648.0
    f32x4.convert_i32x4_u i32x4:-1,0x80000081,0,1 = f32x4:4294967296.0,0x1.000002p31,0.0,1.0
    f64x2.convert_low_i32x4_s i32x4:-1,0x80000000,9,9 = f64x2:-1.0,-2147483648.0
    f64x2.convert_low_i32x4_u i32x4:-1,0x80000000,9,9 = f64x2:4294967295.0,2147483648.0
    f32x4.demote_f64x2_zero f64x2:0x1.000001p0,-0x1p-150 = f32x4:1.0,-0.0,0.0,0.0
    f64x2.promote_low_f32x4 f32x4:0x1p-149,nan,1.0,2.0 = f64x2:0x1p-149,nan
""")


@pytest.mark.parametrize("line", [*LANES, *LOGIC, *INTEGERS, *WIDTHS, *FLOATS])
def test_vectors_are_what_the_specification_says(line: str) -> None:
    holds(line)

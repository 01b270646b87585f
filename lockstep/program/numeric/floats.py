"""Floats of 32 and 64 bits, as bit patterns, each result rounded once.

Arithmetic gives the canonical NaN, which is positive here; `abs`, `neg`, `copysign`, `pmin` and
`pmax` move bits and keep whatever NaN there is.
Source: WebAssembly Core Specification 2.0, section 4.3.3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final


class Float:
    """The operations on floats of one width.

    Those of 32 bits are computed in 64 and rounded again. That is one rounding for `add`, `sub`,
    `mul`, `div` and `sqrt`: 53 bits are more than twice 24 and two more, so the first rounding
    never makes a half of what is none (Figueroa 1995); sums and products below the normal numbers
    are exact, and such a quotient differs from any half by more than 2^-48 of itself.
    """

    def __init__(self, bits: int, fraction_bits: int) -> None:
        self.bits = bits
        self.fraction_bits = fraction_bits
        self.sign: Final = 1 << (bits - 1)
        self.implicit: Final = 1 << fraction_bits
        self.infinity: Final = self.sign - self.implicit
        self.nan: Final = self.infinity | self.implicit >> 1
        self.unit_min: Final = 2 - (1 << (bits - fraction_bits - 2)) - fraction_bits
        """The least positive number is 2^unit_min."""
        self._float = struct.Struct("<d" if bits == 64 else "<f")
        self._bits = struct.Struct("<Q" if bits == 64 else "<I")

    def is_nan(self, a: int) -> bool:
        """Whether pattern `a` is any NaN."""
        return a & ~self.sign > self.infinity

    def rounded(self, magnitude: int, exponent: int) -> int:
        """The positive float nearest to magnitude * 2^exponent, ties to even."""
        unit = max(exponent + magnitude.bit_length() - self.fraction_bits - 1, self.unit_min)
        shift = unit - exponent
        if shift <= 0:
            kept = magnitude << -shift
        else:
            kept = magnitude >> shift
            rest, half = magnitude - (kept << shift), 1 << (shift - 1)
            kept += rest > half or (rest == half and kept & 1)
        # A carry out of the fraction, or out of the subnormal numbers, lands in the exponent.
        return min(((unit - self.unit_min) << self.fraction_bits) + kept, self.infinity)

    def of_integer(self, number: int) -> int:
        """The float nearest to `number`."""
        if not number:
            return 0
        return self.rounded(abs(number), 0) | (self.sign if number < 0 else 0)

    def parts(self, a: int) -> tuple[int, int]:
        """(magnitude, exponent) of the finite `a`, which is +-magnitude * 2^exponent."""
        exponent = (a & self.infinity) >> self.fraction_bits
        fraction = a & (self.implicit - 1)
        if not exponent:
            return fraction, self.unit_min
        return fraction | self.implicit, exponent - 1 + self.unit_min

    def value(self, a: int) -> float:
        """`a` as a Python float, exact; the bits of a NaN are lost."""
        value: float = self._float.unpack(self._bits.pack(a))[0]
        return value

    def pattern(self, value: float) -> int:
        """The pattern nearest to `value`; the canonical NaN for any NaN."""
        if value != value:
            return self.nan
        bits: int = self._bits.unpack(self._float.pack(value))[0]
        return bits

    def add(self, a: int, b: int) -> int:
        """Rounded once."""
        return self.pattern(self.value(a) + self.value(b))

    def sub(self, a: int, b: int) -> int:
        """Rounded once."""
        return self.pattern(self.value(a) - self.value(b))

    def mul(self, a: int, b: int) -> int:
        """Rounded once."""
        return self.pattern(self.value(a) * self.value(b))

    def div(self, a: int, b: int) -> int:
        """Rounded once; a zero divisor gives an infinity, or NaN for 0 / 0."""
        x, y = self.value(a), self.value(b)
        if y:
            return self.pattern(x / y)
        if math.isnan(x) or not x:
            return self.nan
        return self.infinity | (a ^ b) & self.sign

    def sqrt(self, a: int) -> int:
        """Rounded once; of -0 it is -0."""
        x = self.value(a)
        return self.nan if x < 0 else self.pattern(math.sqrt(x))

    def min(self, a: int, b: int) -> int:
        """NaN where there is one; -0 is less than +0."""
        x, y = self.value(a), self.value(b)
        if x != x or y != y:
            return self.nan
        if x == y:
            return a | b
        return a if x < y else b

    def max(self, a: int, b: int) -> int:
        """NaN where there is one; +0 is greater than -0."""
        x, y = self.value(a), self.value(b)
        if x != x or y != y:
            return self.nan
        if x == y:
            return a & b
        return a if x > y else b

    def pmin(self, a: int, b: int) -> int:
        """`b` where it is less than `a`, as C++ has it."""
        return b if self.value(b) < self.value(a) else a

    def pmax(self, a: int, b: int) -> int:
        """`b` where `a` is less, as C++ has it."""
        return b if self.value(a) < self.value(b) else a

    def abs(self, a: int) -> int:
        """Clears the sign, of a NaN too."""
        return a & ~self.sign

    def neg(self, a: int) -> int:
        """Flips the sign, of a NaN too."""
        return a ^ self.sign

    def copysign(self, a: int, b: int) -> int:
        """`a` with the sign of `b`."""
        return a & ~self.sign | b & self.sign

    def ceil(self, a: int) -> int:
        """Up to an integer."""
        return self._integral(a, math.ceil)

    def floor(self, a: int) -> int:
        """Down to an integer."""
        return self._integral(a, math.floor)

    def trunc(self, a: int) -> int:
        """To an integer, towards zero."""
        return self._integral(a, math.trunc)

    def nearest(self, a: int) -> int:
        """To the nearest integer, ties to even."""
        return self._integral(a, round)

    def _integral(self, a: int, to_integer: Callable[[float], int]) -> int:
        if self.is_nan(a):
            return self.nan
        if a & self.infinity == self.infinity:
            return a
        return self.of_integer(abs(to_integer(self.value(a)))) | a & self.sign

    def eq(self, a: int, b: int) -> int:
        """Comparisons give 0 or 1, and but for `ne` 0 where there is a NaN."""
        return int(self.value(a) == self.value(b))

    def ne(self, a: int, b: int) -> int:
        """1 where there is a NaN."""
        return int(self.value(a) != self.value(b))

    def lt(self, a: int, b: int) -> int:
        """As `eq`."""
        return int(self.value(a) < self.value(b))

    def gt(self, a: int, b: int) -> int:
        """As `eq`."""
        return int(self.value(a) > self.value(b))

    def le(self, a: int, b: int) -> int:
        """As `eq`."""
        return int(self.value(a) <= self.value(b))

    def ge(self, a: int, b: int) -> int:
        """As `eq`."""
        return int(self.value(a) >= self.value(b))


class _Single(Float):
    def pattern(self, value: float) -> int:
        return demote(F64.pattern(value))  # `struct` raises where a rounding leaves the range


F32, F64 = _Single(32, 23), Float(64, 52)


def demote(a: int) -> int:
    """f64 to f32, rounded once."""
    if F64.is_nan(a):
        return F32.nan
    sign = a >> 32 & F32.sign
    if a & F64.infinity == F64.infinity:
        return F32.infinity | sign
    magnitude, exponent = F64.parts(a)
    return F32.rounded(magnitude, exponent) | sign if magnitude else sign


def promote(a: int) -> int:
    """f32 to f64, exact."""
    if F32.is_nan(a):
        return F64.nan
    sign = (a & F32.sign) << 32
    if a & F32.infinity == F32.infinity:
        return F64.infinity | sign
    magnitude, exponent = F32.parts(a)
    return F64.rounded(magnitude, exponent) | sign if magnitude else sign

"""Integers of 8 to 64 bits, as unsigned bit patterns; exact.

Source: WebAssembly Core Specification 2.0, section 4.3.2.
"""

from __future__ import annotations

from lockstep.program.trap import Trap
from lockstep.runtimes.traps import DIVIDE, OVERFLOW


class Integer:
    """The operations on integers of one width; a comparison gives 0 or 1."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.mask = (1 << bits) - 1
        self.sign = 1 << (bits - 1)

    def signed(self, a: int) -> int:
        """The number that pattern `a` is in two's complement."""
        return a - ((a & self.sign) << 1)

    def clamp_s(self, number: int) -> int:
        """The pattern of the signed number that is nearest to `number`."""
        return max(-self.sign, min(number, self.sign - 1)) & self.mask

    def clamp_u(self, number: int) -> int:
        """The unsigned number that is nearest to `number`."""
        return max(0, min(number, self.mask))

    def add(self, a: int, b: int) -> int:
        """Modulo 2^bits."""
        return (a + b) & self.mask

    def sub(self, a: int, b: int) -> int:
        """Modulo 2^bits."""
        return (a - b) & self.mask

    def mul(self, a: int, b: int) -> int:
        """Modulo 2^bits."""
        return (a * b) & self.mask

    def div_s(self, a: int, b: int) -> int:
        """Towards zero; traps for a zero divisor, and for the least number by -1."""
        if not b:
            raise Trap(DIVIDE)
        if a == self.sign and b == self.mask:
            raise Trap(OVERFLOW)
        x, y = self.signed(a), self.signed(b)
        quotient = abs(x) // abs(y)
        return (quotient if (x < 0) == (y < 0) else -quotient) & self.mask

    def div_u(self, a: int, b: int) -> int:
        """Towards zero; traps for a zero divisor."""
        if not b:
            raise Trap(DIVIDE)
        return a // b

    def rem_s(self, a: int, b: int) -> int:
        """With the sign of the dividend; traps for a zero divisor, never for an overflow."""
        if not b:
            raise Trap(DIVIDE)
        x = self.signed(a)
        rest = abs(x) % abs(self.signed(b))
        return (-rest if x < 0 else rest) & self.mask

    def rem_u(self, a: int, b: int) -> int:
        """What `div_u` leaves; traps for a zero divisor."""
        if not b:
            raise Trap(DIVIDE)
        return a % b

    def shl(self, a: int, count: int) -> int:
        """The count is taken modulo the width, here and in all shifts and rotations."""
        return (a << count % self.bits) & self.mask

    def shr_s(self, a: int, count: int) -> int:
        """The sign moves in."""
        return (self.signed(a) >> count % self.bits) & self.mask

    def shr_u(self, a: int, count: int) -> int:
        """Zeros move in."""
        return a >> count % self.bits

    def rotl(self, a: int, count: int) -> int:
        """What leaves above comes in below."""
        count %= self.bits
        return (a << count | a >> (self.bits - count)) & self.mask

    def rotr(self, a: int, count: int) -> int:
        """What leaves below comes in above."""
        return self.rotl(a, -count)

    def clz(self, a: int) -> int:
        """Zeros above the highest one; the width for 0."""
        return self.bits - a.bit_length()

    def ctz(self, a: int) -> int:
        """Zeros below the lowest one; the width for 0."""
        return (a & -a).bit_length() - 1 if a else self.bits

    def extend8_s(self, a: int) -> int:
        """The low 8 bits as a signed number."""
        return ((a & 0xFF ^ 0x80) - 0x80) & self.mask

    def extend16_s(self, a: int) -> int:
        """The low 16 bits as a signed number."""
        return ((a & 0xFFFF ^ 0x8000) - 0x8000) & self.mask

    def extend32_s(self, a: int) -> int:
        """The low 32 bits as a signed number."""
        return ((a & 0xFFFFFFFF ^ 0x80000000) - 0x80000000) & self.mask

    def abs(self, a: int) -> int:
        """The least number stays what it is."""
        return -a & self.mask if a & self.sign else a

    def neg(self, a: int) -> int:
        """Modulo 2^bits."""
        return -a & self.mask

    def lt_s(self, a: int, b: int) -> int:
        """Flipped signs order patterns as numbers."""
        return int(a ^ self.sign < b ^ self.sign)

    def gt_s(self, a: int, b: int) -> int:
        """As `lt_s`."""
        return int(a ^ self.sign > b ^ self.sign)

    def le_s(self, a: int, b: int) -> int:
        """As `lt_s`."""
        return int(a ^ self.sign <= b ^ self.sign)

    def ge_s(self, a: int, b: int) -> int:
        """As `lt_s`."""
        return int(a ^ self.sign >= b ^ self.sign)

    def min_s(self, a: int, b: int) -> int:
        """The less of two signed numbers."""
        return a if self.lt_s(a, b) else b

    def max_s(self, a: int, b: int) -> int:
        """The greater of two signed numbers."""
        return b if self.lt_s(a, b) else a

    def add_sat_s(self, a: int, b: int) -> int:
        """Signed, at most as far as the ends."""
        return self.clamp_s(self.signed(a) + self.signed(b))

    def add_sat_u(self, a: int, b: int) -> int:
        """Unsigned, at most the greatest number."""
        return min(a + b, self.mask)

    def sub_sat_s(self, a: int, b: int) -> int:
        """Signed, at most as far as the ends."""
        return self.clamp_s(self.signed(a) - self.signed(b))

    def sub_sat_u(self, a: int, b: int) -> int:
        """Unsigned, at least 0."""
        return max(a - b, 0)

    def avgr_u(self, a: int, b: int) -> int:
        """The mean of unsigned numbers; a half goes up."""
        return (a + b + 1) >> 1

    def q15mulr_sat_s(self, a: int, b: int) -> int:
        """The product of fractions with 15 bits behind the point; a half goes up."""
        return self.clamp_s((self.signed(a) * self.signed(b) + 0x4000) >> 15)


def popcnt(a: int) -> int:
    """How many ones."""
    return a.bit_count()


def eqz(a: int) -> int:
    """1 for 0."""
    return int(a == 0)


def eq(a: int, b: int) -> int:
    """1 for equal patterns."""
    return int(a == b)


def ne(a: int, b: int) -> int:
    """1 for different patterns."""
    return int(a != b)


def lt_u(a: int, b: int) -> int:
    """Patterns are unsigned numbers."""
    return int(a < b)


def gt_u(a: int, b: int) -> int:
    """As `lt_u`."""
    return int(a > b)


def le_u(a: int, b: int) -> int:
    """As `lt_u`."""
    return int(a <= b)


def ge_u(a: int, b: int) -> int:
    """As `lt_u`."""
    return int(a >= b)


def and_(a: int, b: int) -> int:
    """Bit by bit, of any width."""
    return a & b


def or_(a: int, b: int) -> int:
    """Bit by bit, of any width."""
    return a | b


def xor(a: int, b: int) -> int:
    """Bit by bit, of any width."""
    return a ^ b


def same(a: int) -> int:
    """The pattern itself: a reinterpretation, a load or store of all of a value."""
    return a


I8, I16, I32, I64 = Integer(8), Integer(16), Integer(32), Integer(64)

"""From floats to integers and back, each result rounded once, straight from the exact value.

Source: WebAssembly Core Specification 2.0, section 4.3.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lockstep.program.numeric.floats import Float
from lockstep.program.numeric.integer import Integer
from lockstep.program.trap import Trap
from lockstep.runtimes.traps import CONVERSION, OVERFLOW

Unary = Callable[[int], int]


def trunc_s(to: Integer, of: Float) -> Unary:
    """Towards zero; traps for a NaN, and for what has no place in `to`."""
    return lambda a: _within(_truncated(of, a), -to.sign, to.sign - 1) & to.mask


def trunc_u(to: Integer, of: Float) -> Unary:
    """Towards zero, so that -0.9 is 0; traps for a NaN, and for what has no place in `to`."""
    return lambda a: _within(_truncated(of, a), 0, to.mask)


def _truncated(of: Float, a: int) -> int:
    if of.is_nan(a):
        raise Trap(CONVERSION)
    if a & of.infinity == of.infinity:
        raise Trap(OVERFLOW)
    return math.trunc(of.value(a))


def _within(number: int, least: int, greatest: int) -> int:
    if not least <= number <= greatest:
        raise Trap(OVERFLOW)
    return number


def trunc_sat_s(to: Integer, of: Float) -> Unary:
    """Towards zero; 0 for a NaN, and the nearest end for what has no place in `to`."""
    return lambda a: to.clamp_s(_finite(of, a))


def trunc_sat_u(to: Integer, of: Float) -> Unary:
    """Towards zero; 0 for a NaN, and the nearest end for what has no place in `to`."""
    return lambda a: to.clamp_u(_finite(of, a))


def _finite(of: Float, a: int) -> int:
    if of.is_nan(a):
        return 0
    if a & of.infinity == of.infinity:  # one more than any integer type holds
        return -(1 << 64) if a & of.sign else 1 << 64
    return math.trunc(of.value(a))


def convert_s(to: Float, of: Integer) -> Unary:
    """The float nearest to a signed number; `of_integer` is the same for unsigned ones."""
    return lambda a: to.of_integer(of.signed(a))


def extend_s(to: Integer, of: Integer) -> Unary:
    """The same signed number in more bits."""
    return lambda a: of.signed(a) & to.mask


def wrap(to: Integer) -> Unary:
    """The low bits."""
    return lambda a: a & to.mask


def narrow_s(to: Integer, of: Integer) -> Unary:
    """The signed number that is nearest, in fewer bits."""
    return lambda a: to.clamp_s(of.signed(a))


def narrow_u(to: Integer, of: Integer) -> Unary:
    """The unsigned number that is nearest to a signed one, in fewer bits."""
    return lambda a: to.clamp_u(of.signed(a))

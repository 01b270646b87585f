"""Scenarios for Hypothesis: the generator of campaigns, its decisions drawn by Hypothesis.

from hypothesis import given
from lockstep.strategies import scenarios

@given(scenarios(description))
def test_my_guest(scenario): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lockstep.errors import UsageError
from lockstep.protocol import Description
from lockstep.scenario.generate import generate
from lockstep.scenario.model import Scenario

try:
    from hypothesis import strategies as st
except ImportError:
    raise UsageError(
        "`lockstep.strategies` needs Hypothesis", hint="pip install hypothesis"
    ) from None

T = TypeVar("T")


class _Drawn:
    """A `Choices` whose decisions shrink: towards the low end, False, the first option, zeros."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def chance(self, numerator: int, denominator: int) -> bool:
        return self._draw(st.integers(1, denominator)) > denominator - numerator

    def pick(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))

    def data(self, size: int) -> bytes:
        return self._draw(st.binary(min_size=size, max_size=size))


@st.composite
def scenarios(draw: st.DrawFn, description: Description) -> Scenario:
    """Scenarios for the guest of `description`."""
    return generate(_Drawn(draw), description)

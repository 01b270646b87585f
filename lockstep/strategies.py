"""Scenarios for Hypothesis: the generator of campaigns, its decisions drawn by Hypothesis.

from hypothesis import given
from lockstep.strategies import scenarios

@given(scenarios(description))
def test_my_guest(scenario): ...

Without a description they are for the guest that comes with lockstep.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeVar

from lockstep.campaign.job import describe
from lockstep.campaign.plan import driver_of
from lockstep.errors import RuntimeUnavailableError, UsageError
from lockstep.execute.driver import Driver
from lockstep.guest import catalog
from lockstep.protocol import Description
from lockstep.runtimes import registry
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


def scenarios(description: Description | None = None) -> st.SearchStrategy[Scenario]:
    """Scenarios for the guest of `description`; None means the shipped one."""
    return _generated(description or _shipped())


@st.composite
def _generated(draw: st.DrawFn, description: Description) -> Scenario:
    return generate(_Drawn(draw), description)


@functools.cache
def _shipped() -> Description:
    """What the shipped guest says of itself, on any runtime that is here."""
    runtimes, _ = registry.available()
    if not runtimes:
        raise RuntimeUnavailableError(
            "no runtime is here to ask the guest what it is", hint="lockstep runtimes"
        )
    with Driver(driver_of(runtimes), catalog.find(catalog.default()).path) as driver:
        return describe(driver)

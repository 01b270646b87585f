"""Which trace is the smaller one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep import protocol
from lockstep.protocol import Event, EventKind
from lockstep.reduce.order import sort_key

EVENTS = st.lists(
    st.builds(Event, st.integers(0, 3), st.integers(1, 9), st.binary(max_size=3)), max_size=3
).map(tuple)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        pytest.param(
            [Event(9, 9, bytes(99))],
            [Event(0, 1), Event(0, 1)],
            id="fewer events before fewer bytes",
        ),
        pytest.param(
            [Event(0, 9), Event(1, 9)],
            [Event(0, 1, b"\0"), Event(0, 1)],
            id="fewer bytes before fewer nodes",
        ),
        pytest.param(
            [Event(7, 9), Event(7, 9)],
            [Event(0, 1), Event(1, 1)],
            id="fewer nodes before lower kinds",
        ),
        pytest.param(
            [Event(7, EventKind.INIT)],
            [Event(0, EventKind.DELIVER)],
            id="kinds before node numbers",
        ),
        pytest.param([Event(0, 2, b"\xff")], [Event(1, 2, b"\0")], id="node numbers before bytes"),
        pytest.param(
            [protocol.timeout(0, 255)],
            [protocol.timeout(0, 256)],
            id="numbers as numbers, not as bytes",
        ),
        pytest.param(
            [protocol.command(0, 5, 1, b"z")],
            [protocol.command(0, 5, 2, b"z")],
            id="any field may be lower",
        ),
        pytest.param([Event(0, 2, b"\0\1")], [Event(0, 2, b"\1\1")], id="any byte may be lower"),
    ],
)
def test_the_order_prefers(smaller, larger):
    assert sort_key(smaller) < sort_key(larger)


@settings(deadline=None)
@given(EVENTS, EVENTS)
def test_only_equal_traces_have_equal_keys(one, other):
    assert (sort_key(one) == sort_key(other)) == (one == other)

"""Bodies as rows of numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep import protocol
from lockstep.protocol import Event, EventKind, Init
from lockstep.reduce.bodies import put_together, take_apart, value_at, with_row, with_value

INITS = st.builds(
    Init,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, (1 << 64) - 1),
    st.lists(st.integers(0, 0xFFFF), max_size=4).map(tuple),
    st.binary(max_size=4),
)
ANY = st.one_of(
    st.builds(Event, st.integers(0, 9), st.integers(0, 255), st.binary(max_size=40)),
    st.builds(Event, st.integers(0, 9), st.integers(1, 5), st.binary(max_size=40)),
    st.builds(protocol.init, st.integers(0, 9), INITS),
)


@settings(deadline=None)
@given(ANY)
def test_what_is_taken_apart_can_be_put_together(event):
    assert put_together(event, take_apart(event)) == event


@pytest.mark.parametrize(
    ("event", "rows"),
    [
        (protocol.deliver(1, 3, b"ab"), ((3,), (97, 98))),
        (protocol.timeout(1, 300), ((300,), ())),
        (protocol.command(1, 2, 3, b"x"), ((2, 3), (120,))),
        (protocol.forge(1, 4, 5, b"x"), ((4, 5), (120,))),
        (protocol.init(1, Init(2, 4, 9, (3, 1), b"\7")), ((2, 4, 9), (3, 1), (7,))),
        (Event(1, EventKind.DELIVER, b"a"), ((), (97,))),
        (Event(1, EventKind.INIT, b"ab"), ((), (97, 98))),
        (Event(1, 200, b"ab"), ((), (97, 98))),
    ],
)
def test_numbers_come_first_and_bytes_behind_them(event, rows):
    assert take_apart(event) == rows


def test_a_schedule_that_is_shortened_keeps_its_options():
    events = (protocol.init(0, Init(2, 4, 9, (3, 1), b"\7")),)
    assert with_row(events, 0, 1, (3,)) == (protocol.init(0, Init(2, 4, 9, (3,), b"\7")),)


def test_a_number_is_changed_in_all_its_places():
    events = (protocol.timeout(0, 7), protocol.command(0, 1, 7, b""))
    places = [(0, 0, 0), (1, 0, 1)]
    assert [value_at(events, place) for place in places] == [7, 7]
    changed = with_value(events, places, 2)
    assert changed == (protocol.timeout(0, 2), protocol.command(0, 1, 2, b""))

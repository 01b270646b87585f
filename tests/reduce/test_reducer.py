"""What is left of a trace: exact minimal results."""

import random

import pytest
from reducing import (
    Oracle,
    assert_reduces_to,
    chain_diverges,
    chain_trace,
    holds,
    long_trace,
    reduced,
)

from lockstep import protocol
from lockstep.protocol import Event, EventKind, Init
from lockstep.reduce.bodies import take_apart
from lockstep.reduce.reducer import reduce_events

TRACE = long_trace(seed=1, count=60)
START = protocol.init(3, Init(2, 7, 99, (3, 1, 2), b"\5\6"))


def test_a_trace_reduces_to_the_events_that_matter():
    needed = (TRACE[0], TRACE[17], TRACE[30], TRACE[59])
    result = reduced(TRACE, holds(*needed))
    # The nodes are named in what is needed: nothing but the other events can go.
    assert result.events == needed
    assert result.minimal


def test_a_trace_reduces_to_nothing_where_nothing_matters():
    assert_reduces_to(TRACE, (), lambda _: True)


def test_a_trace_of_which_all_matters_stays():
    assert_reduces_to(TRACE[:4], TRACE[:4], holds(*TRACE[:4]))


def test_what_stands_behind_the_first_difference_goes_with_one_question():
    oracle = Oracle(holds(*TRACE[:10]))
    reduction = reduce_events(TRACE, oracle.consider, first_difference=9)
    assert oracle.asked[:2] == [TRACE, TRACE[:10]]
    assert reduction.events == TRACE[:10]


def test_a_wrong_first_difference_costs_a_question_and_no_event():
    shows = holds(TRACE[5], TRACE[40])
    assert reduced(TRACE, shows, first_difference=20).events == (TRACE[5], TRACE[40])


def test_events_of_which_only_the_number_matters_lose_their_bodies():
    target = [Event(0, event.kind) for event in TRACE[:18]]
    assert_reduces_to(TRACE, target, lambda events: len(events) >= 18)


def test_two_events_go_together_where_neither_can_go_alone():
    one, other, needed = TRACE[3], TRACE[44], TRACE[20]

    def shows(events):
        return needed in events and (one in events) == (other in events)

    assert_reduces_to([one, *TRACE[20:23], other], [needed], shows)


def test_an_init_goes_together_with_a_far_event_of_its_node():
    far = protocol.timeout(3, 5)
    others = TRACE[10:50]

    def shows(events):
        return (START in events) == (far in events) and holds(*others)(events)

    assert_reduces_to([START, *others, far], others, shows)


def test_nodes_are_numbered_from_zero_as_they_appear():
    origin = [Event(7, EventKind.INSPECT), Event(4, EventKind.INSPECT), Event(7, EventKind.DIGEST)]

    def shows(events):
        kinds = [event.kind for event in events]
        return kinds == [6, 6, 7] and events[0].node == events[2].node != events[1].node

    assert_reduces_to(origin, [origin[0]._replace(node=0), Event(1, 6), Event(0, 7)], shows)


def test_a_node_whose_number_matters_keeps_it():
    origin = [Event(7, EventKind.INSPECT), Event(4, EventKind.INSPECT)]

    def shows(events):
        return len(events) == 2 and events[1].node == 4 and events[0].node != 4

    assert_reduces_to(origin, [Event(0, EventKind.INSPECT), origin[1]], shows)


def test_nodes_are_merged_where_it_does_not_matter_who():
    origin = [Event(2, EventKind.INSPECT), Event(3, EventKind.DIGEST)]

    def shows(events):
        return [event.kind for event in events] == [EventKind.INSPECT, EventKind.DIGEST]

    assert_reduces_to(origin, [Event(0, EventKind.INSPECT), Event(0, EventKind.DIGEST)], shows)


def init_with(**needed):
    """There is an `init` with these fields, whatever the others are."""

    def shows(events):
        for event in events:
            if event.kind == EventKind.INIT and len(take_apart(event)) == 3:
                body = protocol.parse_init(event.body)
                if all(test(getattr(body, name)) for name, test in needed.items()):
                    return True
        return False

    return shows


@pytest.mark.parametrize(
    ("needed", "target"),
    [
        ({}, Init(0, 0, 0)),
        ({"n": lambda n: n >= 4}, Init(0, 4, 0)),
        ({"seed": bool}, Init(0, 0, 1)),
        ({"seed": lambda seed: seed > 60}, Init(0, 0, 61)),
        ({"options": lambda options: len(options) == 2}, Init(0, 0, 0, (), b"\0\0")),
        ({"options": lambda options: options[1:] == b"\6"}, Init(0, 0, 0, (), b"\0\6")),
        ({"schedule": lambda schedule: len(schedule) >= 2}, Init(0, 0, 0, (0, 0))),
        ({"schedule": lambda schedule: 2 in schedule}, Init(0, 0, 0, (2,))),
    ],
)
def test_init_keeps_only_what_matters(needed, target):
    assert_reduces_to([*TRACE[:8], START], [protocol.init(0, target)], init_with(**needed))


def test_a_command_keeps_only_the_bytes_that_matter():
    origin = [protocol.command(1, 1 << 60, 77, b"a long command, and of all of it one x matters")]

    def shows(events):
        return any(e.kind == EventKind.COMMAND and b"x" in e.body[16:] for e in events)

    assert_reduces_to(origin, [protocol.command(0, 0, 0, b"x")], shows)


def test_a_number_is_lowered_to_where_it_still_matters():
    origin = [protocol.timeout(2, 0xFFFF_FFFF_FFFF)]

    def shows(events):
        return any(int.from_bytes(event.body, "little") >= 123_456_789 for event in events)

    (event,) = reduced(origin, shows).events
    assert int.from_bytes(event.body, "little") == 123_456_789


def test_numbers_that_must_be_alike_are_lowered_together():
    origin = [protocol.init(node, Init(0, 0, 5000)) for node in (0, 1)]

    def shows(events):
        if len(events) != 2 or any(len(take_apart(event)) != 3 for event in events):
            return False
        one, other = (protocol.parse_init(event.body).seed for event in events)
        return events[0].node < events[1].node and one == other >= 3

    target = [protocol.init(node, Init(0, 0, 3)) for node in (0, 1)]
    assert_reduces_to(origin, target, shows)


@pytest.mark.parametrize("place", [2, 3, 58, 150, 199])
def test_a_message_keeps_the_one_byte_that_matters(place):
    message = random.Random(place).randbytes(198)
    origin = [protocol.deliver(1, 3, message)]

    def shows(events):
        return any(len(e.body) > place and e.body[place] >= 9 for e in events if e.kind == 2)

    origin[0] = origin[0]._replace(body=origin[0].body[:place] + b"\xfe" + origin[0].body[place:])
    assert_reduces_to(origin, [Event(0, 2, bytes(place) + b"\x09")], shows)


def test_a_body_of_an_unknown_kind_is_reduced_as_bytes():
    origin = [Event(5, 200, b"what nobody knows")]

    def shows(events):
        return any(event.kind == 200 and event.body[3:4] == b"t" for event in events)

    assert_reduces_to(origin, [Event(0, 200, b"\0\0\0t")], shows)


@pytest.mark.parametrize("height", [1, 2, 5])
def test_a_chain_reduces_to_one_node_and_its_blocks(height):
    origin = chain_trace(seed=height, blocks=10)
    reduction = reduced(origin, chain_diverges(height))
    start, *blocks = reduction.events
    assert (start.kind, {event.node for event in reduction.events}) == (EventKind.INIT, {0})
    assert len(blocks) == height
    # The sender of a block does not matter, nor does what the last one carries.
    assert {event.body[:2] for event in blocks} == {b"\0\0"}
    assert len(blocks[-1].body) == 10
    assert reduction.minimal


def test_the_passes_that_helped_are_named():
    one, other, third = (protocol.deliver(0, 0, text) for text in (b"m1", b"m2", b"m3"))
    assert reduced([one, other, third], holds(one, third)).passes == ("drop_runs",)
    assert reduced([one, other, third], holds(one)).passes == ("drop_tail",)

"""Ways to make a trace smaller. Each only proposes candidates to a `Search`, and knows no reason.

They go from the back to the front. An event can matter for what comes behind it and for nothing
before it: what uses something goes first, then nothing uses it any more.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator

from lockstep.protocol import Event, EventKind
from lockstep.reduce.adaptive import each, furthest, sweep
from lockstep.reduce.bodies import (
    FIXED,
    Place,
    row_at,
    take_apart,
    value_at,
    with_row,
    with_value,
)
from lockstep.reduce.order import Events
from lockstep.reduce.search import Search

Pass = Callable[[Search[Events]], None]

PAIRS = 500
"""About how many pairs of events `drop_pairs` tries at once: all pairs of some 20 events."""

PIECES = 8
"""Into how many pieces a row is cut: most messages are signed, and then all pieces fail."""


def drop_tail(search: Search[Events]) -> None:
    """Cut off what stands behind the last event that matters."""
    events = search.best
    furthest(lambda count: search.consider(events[: len(events) - count]), len(events))


def drop_groups(search: Search[Events]) -> None:
    """Drop all events of one node, of one kind, of one kind at one node, of one kind and sender."""
    _drop_groups(search, lambda event: event.node)
    _drop_groups(search, lambda event: event.kind)
    _drop_groups(search, lambda event: (event.kind, event.node))
    # Of `deliver`, these three bytes are the sender and the kind of message.
    _drop_groups(search, lambda event: (event.kind, event.body[:3]))


def _drop_groups(search: Search[Events], group_of: Callable[[Event], Hashable]) -> None:
    def without(events: Events, group: Hashable) -> Events:
        return tuple(event for event in events if group_of(event) != group)

    each(search, list(dict.fromkeys(map(group_of, reversed(search.best)))), without)


def drop_runs(search: Search[Events]) -> None:
    """Drop halves, quarters, ... single events; a run that can go takes its neighbours along."""
    size = max(1, len(search.best) // 2)
    while size:
        sweep(search, len(search.best), size, lambda e, start, end: e[:start] + e[end:])
        size //= 2


def drop_pairs(search: Search[Events]) -> None:
    """Drop two events at once where neither can go alone: two that are close, `init` and any."""
    count = len(search.best)
    for distance in range(1, min(count, 1 + PAIRS // max(1, count))):
        pairs = [(i, i + distance) for i in range(len(search.best) - distance - 1, -1, -1)]
        each(search, pairs, lambda e, two: _without(e, *two))
    for first in reversed(range(len(search.best))):
        if search.best[first].kind == EventKind.INIT:
            search.first(_without_init(search.best, first))


def _without_init(events: Events, first: int) -> Iterator[Events]:
    """`events` without the `init` at `first`, and without one later event of its node."""
    for second in range(len(events) - 1, first, -1):
        if events[second].node == events[first].node:
            yield _without(events, first, second)


def _without(events: Events, first: int, second: int) -> Events:
    return events[:first] + events[first + 1 : second] + events[second + 1 :]


def merge_nodes(search: Search[Events]) -> None:
    """Let one node do what another one did."""
    nodes = sorted({event.node for event in search.best})
    each(search, list(itertools.combinations(nodes, 2)), lambda e, two: _renamed(e, two[1], two[0]))


def number_nodes(search: Search[Events]) -> None:
    """Number nodes from 0 as they appear: all at once, else one by one, whichever can be."""
    nodes = dict.fromkeys(event.node for event in search.best)
    dense = {node: number for number, node in enumerate(nodes)}
    search.consider(tuple(e._replace(node=dense[e.node]) for e in search.best))
    nodes = dict.fromkeys(event.node for event in search.best)
    free = next(number for number in itertools.count() if number not in nodes)
    each(search, list(nodes), lambda e, node: _renamed(e, node, free))


def _renamed(events: Events, node: int, to: int) -> Events:
    return tuple(e._replace(node=to) if e.node == node else e for e in events)


def empty_bodies(search: Search[Events]) -> None:
    """Take the bodies away from single events and their neighbours."""

    def emptied(events: Events, start: int, end: int) -> Events:
        bare = tuple(event._replace(body=b"") for event in events[start:end])
        return events[:start] + bare + events[end:]

    sweep(search, len(search.best), 1, emptied)


def shorten_rows(search: Search[Events]) -> None:
    """Shorten messages, commands, schedules, options: at the end, then by pieces anywhere."""
    for index, number in _lists(search.best):
        _shorten(search, index, number)


def _shorten(search: Search[Events], index: int, number: int) -> None:
    def cut(events: Events, start: int, end: int) -> Events:
        row = row_at(events, index, number)
        return with_row(events, index, number, row[:start] + row[end:])

    events, size = search.best, len(row_at(search.best, index, number))
    furthest(lambda count: search.consider(cut(events, size - count, size)), size)
    size = len(row_at(search.best, index, number))
    sweep(search, size, _piece(size), cut)


def zero_rows(search: Search[Events]) -> None:
    """Write zeros over pieces of messages, commands, schedules, options."""
    for index, number in _lists(search.best):
        _zero(search, index, number)


def _zero(search: Search[Events], index: int, number: int) -> None:
    spots = [spot for spot, value in enumerate(row_at(search.best, index, number)) if value]

    def zeroed(events: Events, start: int, end: int) -> Events:
        row = list(row_at(events, index, number))
        for spot in spots[start:end]:
            row[spot] = 0
        return with_row(events, index, number, tuple(row))

    sweep(search, len(spots), _piece(len(spots)), zeroed)


def _lists(events: Events) -> list[tuple[int, int]]:
    """All rows that can get shorter: index of the event, number of the row."""
    return [
        (index, number)
        for index in reversed(range(len(events)))
        for number in range(FIXED + 1, len(take_apart(events[index])))
    ]


def _piece(size: int) -> int:
    return -(-size // PIECES)


def lower_numbers(search: Search[Events]) -> None:
    """Lower numbers to 0, to 1, by half, by 1 and more: those that are alike at once, then each."""
    alike = defaultdict(list)
    for place in _places(search.best):
        index, number, position = place
        alike[search.best[index].kind, number, position, value_at(search.best, place)].append(place)
    _lower(search, [places for places in alike.values() if len(places) > 1])
    _lower(search, [[place] for place in _places(search.best)])


def _lower(search: Search[Events], targets: list[list[Place]]) -> None:
    def lowered(events: Events, places: list[Place], by: int) -> Events:
        return with_value(events, places, max(0, value_at(events, places[0]) - by))

    def further(places: list[Place]) -> None:
        events, value = search.best, value_at(search.best, places[0])
        furthest(lambda by: search.consider(lowered(events, places, by)), value)

    each(search, targets, lambda e, places: with_value(e, places, 0))
    each(search, targets, lambda e, places: with_value(e, places, 1))
    each(search, targets, lambda e, places: lowered(e, places, (value_at(e, places[0]) + 1) // 2))
    each(search, targets, lambda e, places: lowered(e, places, 1), further)


def _places(events: Events) -> list[Place]:
    """Where numbers above 0 stand: all in the fixed rows, and in other rows where few are left."""
    return [
        (index, number, position)
        for index in reversed(range(len(events)))
        for number, row in enumerate(take_apart(events[index]))
        if number == FIXED or len(row) - row.count(0) <= PIECES
        for position, value in enumerate(row)
        if value
    ]


STAGES: tuple[tuple[Pass, ...], ...] = (
    (drop_tail, drop_groups, drop_runs, merge_nodes, number_nodes),
    (empty_bodies, shorten_rows, zero_rows, lower_numbers),
    (drop_pairs,),
)
"""What rests before the next begins: bodies of few events, and pairs, which seldom go, last."""

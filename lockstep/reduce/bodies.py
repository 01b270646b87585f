"""The body of an event as rows of numbers that can be made smaller one by one."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.protocol import Event, EventKind, Init
from lockstep.reduce.order import Events

Row = tuple[int, ...]
Place = tuple[int, int, int]
"""Index of an event, number of a row, position in it."""

FIXED = 0
"""The row of an event's numbers; they have a fixed size. Rows behind it can get shorter."""

_NOTHING = struct.Struct("")
_NUMBERS: dict[int, struct.Struct] = {
    EventKind.DELIVER: struct.Struct("<H"),
    EventKind.TIMEOUT: struct.Struct("<Q"),
    EventKind.COMMAND: struct.Struct("<QQ"),
    EventKind.FORGE: struct.Struct("<HQ"),
}


def take_apart(event: Event) -> tuple[Row, ...]:
    """The rows of `event`: its numbers, then its bytes (of `init`: its schedule, its options).

    A body that is not what its kind says, or of a kind that nobody knows, is bytes and no numbers.
    """
    if event.kind == EventKind.INIT:
        try:
            body = protocol.parse_init(event.body)
        except ProtocolError:
            return (), tuple(event.body)
        return (body.replica, body.n, body.seed), body.schedule, tuple(body.options)
    layout = _NUMBERS.get(event.kind, _NOTHING)
    if len(event.body) < layout.size:
        layout = _NOTHING
    return layout.unpack_from(event.body), tuple(event.body[layout.size :])


def put_together(event: Event, rows: tuple[Row, ...]) -> Event:
    """`event` with other rows: the inverse of `take_apart`."""
    numbers, *lists = rows
    if len(lists) == 2:
        replica, n, seed = numbers
        return protocol.init(event.node, Init(replica, n, seed, lists[0], bytes(lists[1])))
    layout = _NUMBERS[event.kind] if numbers else _NOTHING
    return event._replace(body=layout.pack(*numbers) + bytes(lists[0]))


def row_at(events: Events, index: int, number: int) -> Row:
    """Row `number` of event `index`."""
    return take_apart(events[index])[number]


def with_row(events: Events, index: int, number: int, row: Row) -> Events:
    """`events` with `row` in the place of row `number` of event `index`."""
    rows = take_apart(events[index])
    changed = put_together(events[index], (*rows[:number], row, *rows[number + 1 :]))
    return (*events[:index], changed, *events[index + 1 :])


def value_at(events: Events, place: Place) -> int:
    """The number that stands in `place`."""
    index, number, position = place
    return row_at(events, index, number)[position]


def with_value(events: Events, places: Iterable[Place], value: int) -> Events:
    """`events` with `value` in all of `places`."""
    for index, number, position in places:
        row = row_at(events, index, number)
        events = with_row(events, index, number, (*row[:position], value, *row[position + 1 :]))
    return events

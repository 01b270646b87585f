"""Events that no cluster would see, and that no guest may be disturbed by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockstep import protocol
from lockstep.protocol import Event, EventKind
from lockstep.scenario.choices import Choices
from lockstep.scenario.forger import old_delivery

SHORTEST = {
    EventKind.INIT: 18,
    EventKind.DELIVER: 2,
    EventKind.TIMEOUT: 8,
    EventKind.COMMAND: 16,
    EventKind.FORGE: 10,
}
"""The kinds whose body has a least size, in bytes."""


def odd_event(choices: Choices, history: Sequence[Event]) -> Event:
    """A question, a malformed body, an unknown node or kind; `history` is not empty."""
    return choices.pick(_WAYS)(choices, history)


def _question(choices: Choices, history: Sequence[Event]) -> Event:
    if choices.chance(1, 4):
        return choices.pick((protocol.digest(), protocol.describe()))
    return protocol.inspect(choices.pick(history).node)


def _decode(choices: Choices, history: Sequence[Event]) -> Event:
    event = old_delivery(choices, history)
    if event is None or choices.chance(1, 4):
        return protocol.decode(choices.data(choices.integer(0, 64)))
    return protocol.decode(event.body[2:])


def _malformed(choices: Choices, history: Sequence[Event]) -> Event:
    """A body that is too short for its kind, at a node that is there."""
    kind = choices.pick(tuple(SHORTEST))
    size = choices.integer(0, SHORTEST[kind] - 1)
    return Event(choices.pick(history).node, kind, choices.data(size))


def _unknown_node(choices: Choices, history: Sequence[Event]) -> Event:
    """Something that happened, at a node far behind the last one."""
    event = choices.pick(history)
    if event.kind == EventKind.INIT:
        event = protocol.timeout(event.node, 1)
    return event._replace(node=choices.integer(0x100, 0xFFFF))


def _unknown_kind(choices: Choices, history: Sequence[Event]) -> Event:
    kind = choices.pick((0, *range(EventKind.DESCRIBE + 1, 256)))
    return Event(choices.pick(history).node, kind, choices.data(choices.integer(0, 16)))


_WAYS: tuple[Callable[[Choices, Sequence[Event]], Event], ...] = (
    _question,
    _decode,
    _malformed,
    _unknown_node,
    _unknown_kind,
)

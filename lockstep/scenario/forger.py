"""The faulty replica of a scenario: what it makes of the messages that the algorithm gives it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.protocol import Description, Event
from lockstep.scenario.choices import Choices
from lockstep.scenario.model import Faulty, Forgery, Scenario, leader_of

MEMORY = 64
"""How many of its own messages it remembers."""

TRIES = 5
"""How many lies the careful think of for one message."""

_STATE = slice(6, 6 + protocol.STATE_HASH_SIZE)

Sending = tuple[tuple[int, ...], bytes]
"""Target nodes, and the message for them."""

_HONEST = Faulty(replica=-1)


class _Lie(NamedTuple):
    """A message that was forged, how, and the state of its node at that time, as a hash."""

    forgery: Forgery
    message: bytes
    state: bytes


class Forger:
    """Changes what the nodes of the faulty replica send.

    `ask` gives an event to the guest and returns the answer; `act` does what follows from it too.
    """

    def __init__(
        self,
        scenario: Scenario,
        description: Description,
        choices: Choices,
        ask: Callable[[Event], bytes],
        act: Callable[[int, Event], bytes],
    ) -> None:
        self._faulty = scenario.faulty or _HONEST
        self._schedule, self._n = scenario.schedule, scenario.n
        self._mutations = {mutation.name: mutation for mutation in description.mutations}
        self._choices, self._ask, self._act = choices, ask, act
        self._own: deque[bytes] = deque(maxlen=MEMORY)
        nodes = range(len(scenario.nodes))
        self.nodes = tuple(n for n in nodes if scenario.nodes[n] == self._faulty.replica)
        self._others = tuple(n for n in nodes if n not in self.nodes)
        self._trying = False

    def changed(
        self, node: int, view: int, targets: tuple[int, ...], message: bytes
    ) -> Iterator[Sending]:
        """What `node` sends instead of `message`; it is in `view`."""
        self._own.append(message)
        if self._choices.chance(self._faulty.mute, 1000):
            return
        lie = self._lie(node, view, message)
        if lie is None:
            yield targets, message
            return
        yield from _split(lie.forgery, targets, message, lie.message)
        if self._faulty.careful:
            yield tuple(twin for twin in self.nodes if twin != node), lie.message

    def _lie(self, node: int, view: int, message: bytes) -> _Lie | None:
        """What to tell instead of `message`; None for the truth."""
        fitting = [each for each in self._at_work(view) if message[:1] == bytes([each.kind])]
        for _ in range(TRIES if fitting else 0):
            forgery = self._choices.pick(fitting)
            if not self._choices.chance(forgery.rate, 1000):
                return None
            lie = self._forge(node, forgery, self._original(forgery, message))
            if lie is not None and self._would_tell(node, lie):
                return lie
        return None

    def _would_tell(self, node: int, lie: _Lie) -> bool:
        """The careful try a lie on their own node, and do not tell it when that stays as it was."""
        if not self._faulty.careful or self._trying:
            return True
        self._trying = True
        answer = self._act(node, protocol.deliver(node, self._faulty.replica, lie.message))
        self._trying = False
        return answer[_STATE] != lie.state

    def of_its_own(self, node: int, view: int, history: Sequence[Event]) -> Iterator[Sending]:
        """What `node` sends unasked after an event; `history` is all that happened."""
        faulty, choices = self._faulty, self._choices
        if faulty.spontaneous and choices.chance(faulty.spontaneous, 1000):
            yield from self._spontaneous(node, view)
        if faulty.garbage and choices.chance(faulty.garbage, 1000):
            yield self._some(), garbled(choices, self._anything(history))
        if faulty.relay and choices.chance(faulty.relay, 1000):
            yield self._some(), self._anything(history)

    def _at_work(self, view: int) -> list[Forgery]:
        leads = leader_of(self._schedule, self._n, view) == self._faulty.replica
        return [
            each
            for each in self._faulty.forgeries
            if each.start <= view < each.end and (leads or not each.leading)
        ]

    def _original(self, forgery: Forgery, message: bytes) -> bytes:
        """What is changed: `message`, or an earlier one of its kind."""
        if not forgery.old or not self._choices.chance(forgery.old, 1000):
            return message
        return self._choices.pick(self._own_of(forgery.kind))

    def _own_of(self, kind: int) -> list[bytes]:
        return [own for own in self._own if own[:1] == bytes([kind])]

    def _forge(self, node: int, forgery: Forgery, message: bytes) -> _Lie | None:
        """`message` after all mutations, None when one of them does not apply to it."""
        state = b""
        for name in forgery.mutations:
            choice = self._choices.integer(0, (1 << 64) - 1)
            event = protocol.forge(node, self._mutations[name].number, choice, message)
            answer = self._ask(event)
            state = answer[_STATE]
            try:
                message = protocol.report_of(protocol.decode_observation(answer))
            except ProtocolError:
                return None
        return _Lie(forgery, message, state)

    def _spontaneous(self, node: int, view: int) -> Iterator[Sending]:
        forgeries = self._at_work(view)
        if not forgeries:
            return
        forgery = self._choices.pick(forgeries)
        own = self._own_of(forgery.kind)
        lie = self._forge(node, forgery, self._choices.pick(own)) if own else None
        if lie is not None:
            yield forgery.receivers or self._some(), lie.message

    def _some(self) -> tuple[int, ...]:
        """One node of another replica, or all of them."""
        return self._others if self._choices.chance(1, 2) else (self._choices.pick(self._others),)

    def _anything(self, history: Sequence[Event]) -> bytes:
        """A message of its own, or one that somebody got; empty when there is none yet."""
        if self._own and self._choices.chance(1, 2):
            return self._choices.pick(self._own)
        event = old_delivery(self._choices, history)
        return event.body[2:] if event is not None else b""


def _split(
    forgery: Forgery, targets: tuple[int, ...], message: bytes, made: bytes
) -> Iterator[Sending]:
    fooled = tuple(t for t in targets if not forgery.receivers or t in forgery.receivers)
    yield fooled, made
    if not forgery.alone:
        others = targets if forgery.besides else tuple(t for t in targets if t not in fooled)
        yield others, message


def old_delivery(choices: Choices, history: Sequence[Event], tries: int = 8) -> Event | None:
    """A `deliver` of the past, None when `tries` looks at it find none."""
    for _ in range(tries):
        event = choices.pick(history)
        if event.kind == protocol.EventKind.DELIVER:
            return event
    return None


def garbled(choices: Choices, message: bytes) -> bytes:
    """`message` cut short, made longer, with a byte changed, or other bytes altogether."""
    if not message or choices.chance(1, 4):
        return choices.data(choices.integer(0, 64))
    at = choices.integer(0, len(message) - 1)
    how = choices.integer(0, 2)
    if how == 0:
        return message[:at]
    if how == 1:
        return message + choices.data(choices.integer(1, 16))
    flipped = message[at] ^ 1 << choices.integer(0, 7)
    return message[:at] + bytes([flipped]) + message[at + 1 :]

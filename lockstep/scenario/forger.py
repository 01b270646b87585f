"""The faulty replica of a scenario: what it makes of the messages that the algorithm gives it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.protocol import Description, Event
from lockstep.scenario.choices import Choices
from lockstep.scenario.model import Faulty, Forgery, Scenario, leader_of

MEMORY = 64
"""How many of its own messages it remembers."""

Sending = tuple[tuple[int, ...], bytes]
"""Target nodes, and the message for them."""

_HONEST = Faulty(replica=-1)


class Forger:
    """Changes what the nodes of the faulty replica send; `ask` gives an event to the guest."""

    def __init__(
        self,
        scenario: Scenario,
        description: Description,
        choices: Choices,
        ask: Callable[[Event], bytes],
    ) -> None:
        self._faulty = scenario.faulty or _HONEST
        self._schedule, self._n = scenario.schedule, scenario.n
        self._mutations = {mutation.name: mutation for mutation in description.mutations}
        self._choices, self._ask = choices, ask
        self._own: deque[bytes] = deque(maxlen=MEMORY)
        self._others = tuple(
            node for node, replica in enumerate(scenario.nodes) if replica != self._faulty.replica
        )
        self._own_nodes = tuple(
            node for node, replica in enumerate(scenario.nodes) if replica == self._faulty.replica
        )
        self.nodes = frozenset(self._own_nodes)

    def changed(
        self, node: int, view: int, targets: tuple[int, ...], message: bytes
    ) -> Iterator[Sending]:
        """What `node` sends instead of `message`; it is in `view`."""
        self._own.append(message)
        if self._choices.chance(self._faulty.mute, 1000):
            return
        fitting = [each for each in self._at_work(view) if message[:1] == bytes([each.kind])]
        forgery = self._choices.pick(fitting) if fitting else None
        made = None
        if forgery is not None and self._choices.chance(forgery.rate, 1000):
            made = self._forge(node, forgery, self._original(forgery, message))
        if forgery is None or made is None:
            yield targets, message
            return
        yield from _split(forgery, targets, message, made)
        if self._faulty.believes:
            yield self._own_nodes, made

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

    def _forge(self, node: int, forgery: Forgery, message: bytes) -> bytes | None:
        """`message` after all mutations, None when one of them does not apply to it."""
        for name in forgery.mutations:
            choice = self._choices.integer(0, (1 << 64) - 1)
            event = protocol.forge(node, self._mutations[name].number, choice, message)
            try:
                message = protocol.report_of(protocol.decode_observation(self._ask(event)))
            except ProtocolError:
                return None
        return message

    def _spontaneous(self, node: int, view: int) -> Iterator[Sending]:
        forgeries = self._at_work(view)
        if not forgeries:
            return
        forgery = self._choices.pick(forgeries)
        own = self._own_of(forgery.kind)
        made = self._forge(node, forgery, self._choices.pick(own)) if own else None
        if made is not None:
            yield forgery.receivers or self._some(), made

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

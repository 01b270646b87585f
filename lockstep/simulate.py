"""A scenario and a live guest become a trace: a network and clocks in virtual time.

All that happens waits in one heap, by time. A broadcast goes to every node of another replica, a
`send` to every node of its receiver; a twin hears its twin only where the scenario says so. A
node's view is the view of the last timer that it set. What a faulty replica sends passes through
`forge` at its own node, so that its signatures are right.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, NamedTuple, Protocol

from lockstep import protocol
from lockstep.execute.process import EarlyEnd, Ended
from lockstep.protocol import Description, Event, EventKind
from lockstep.scenario.choices import Stream
from lockstep.scenario.forger import Forger, old_delivery
from lockstep.scenario.model import Load, Scenario, encode_options
from lockstep.scenario.odd import odd_event
from lockstep.scenario.weather import US_PER_MS, Weather

_HEAD = struct.Struct("<BI")
_TIMER = struct.Struct("<QI")
_FIRST_ACTION = protocol.OBSERVATION_SIZE_MIN + 4
_SEND, _BROADCAST, _SET_TIMER = 1, 2, 3
_DELIVER, _TIMEOUT, _COMMAND = map(int, (EventKind.DELIVER, EventKind.TIMEOUT, EventKind.COMMAND))


class Session(Protocol):
    """A live guest."""

    def step(self, event: Event) -> bytes:
        """The observation frame for `event`; raises `EarlyEnd` when the guest ends instead."""


class Recording(NamedTuple):
    """A trace in the making: `observations[i]` answers `events[i]`.

    Where the guest ended early, `end` says how, and the last event has no observation.
    """

    events: list[Event]
    observations: list[bytes]
    end: Ended | None = None


def simulate(scenario: Scenario, session: Session, description: Description) -> Recording:
    """Play `scenario` on `session`, a pure function of the scenario and of the guest's answers."""
    simulation = _Simulation(scenario, session, description)
    try:
        simulation.run()
    except EarlyEnd as early:
        return Recording(simulation.events, simulation.observations, early.end)
    except struct.error:  # a garbled answer: what to do next is unknown, and the judge sees it
        pass
    return Recording(simulation.events, simulation.observations)


class _Simulation:
    def __init__(self, scenario: Scenario, session: Session, description: Description) -> None:
        self.events: list[Event] = []
        self.observations: list[bytes] = []
        self._scenario, self._description = scenario, description
        self._ask = session.step
        self._choices = Stream(scenario.seed, 0, "simulate")
        self._weather = Weather(scenario, self._choices)
        self._forger = Forger(scenario, description, self._choices, self.step, self._act)
        self._forging = self._forger.nodes
        self._names = [replica.to_bytes(2, "little") for replica in scenario.nodes]
        self._hearers = [self._hearers_of(node) for node in range(len(scenario.nodes))]
        self._nodes_of = _nodes_of(scenario)
        self._views = [0] * len(scenario.nodes)
        self._timers = [0] * len(scenario.nodes)
        self._commands: list[bytes] = []
        self._heap: list[tuple[int, int, Callable[[int, Any], object], int, Any]] = []
        self._order = 0
        self._now_us = 0

    def _hearers_of(self, node: int) -> tuple[int, ...]:
        scenario = self._scenario
        return tuple(
            other
            for other, replica in enumerate(scenario.nodes)
            if replica != scenario.nodes[node] or (scenario.hears_twin and other != node)
        )

    # Time

    def run(self) -> None:
        """Play to the last event, to the last moment, or until nothing is left to happen.

        With guests that send nothing and wait for nothing, clients are all that goes on.
        """
        self._begin()
        heap, events, scenario = self._heap, self.events, self._scenario
        last_us = scenario.time_max_ms * US_PER_MS
        odd, replay, load = scenario.odd, scenario.network.replay, scenario.load
        chance = self._choices.chance
        while len(events) < scenario.events_max:
            if not heap and load is not None:
                self._burst(load)
            if not heap:
                break
            self._now_us, _, happen, node, what = heappop(heap)
            if self._now_us > last_us:
                break
            happen(node, what)
            if odd and events and chance(odd, 1000):
                self.step(odd_event(self._choices, events))
            if replay and events and chance(replay, 1000):
                self._replay()
            if load is not None and chance(load.rate, 1000):
                self._burst(load)

    def _begin(self) -> None:
        scenario = self._scenario
        starts_ms = scenario.clocks.start_ms
        for node in range(len(scenario.nodes)):
            self._init(node, starts_ms[node] if node < len(starts_ms) else 0)
        for restart in scenario.restarts:
            self._init(restart.node, restart.at_ms)

    def _init(self, node: int, at_ms: int) -> None:
        scenario = self._scenario
        options = encode_options(scenario.options, self._description)
        replica = scenario.nodes[node]
        body = protocol.Init(replica, scenario.n, scenario.seed, scenario.schedule, options)
        self._after(at_ms * US_PER_MS, self._act, node, protocol.init(node, body))

    def _after(
        self, delay_us: int, happen: Callable[[int, Any], object], node: int, what: object
    ) -> None:
        self._order += 1
        heappush(self._heap, (self._now_us + delay_us, self._order, happen, node, what))

    # What happens

    def _deliver(self, node: int, body: bytes) -> None:
        self._act(node, Event(node, _DELIVER, body))

    def _fire(self, node: int, timer: int) -> None:
        if timer == self._timers[node]:
            body = self._views[node].to_bytes(8, "little")
            self._act(node, Event(node, _TIMEOUT, body))

    def _burst(self, load: Load) -> None:
        for _ in range(load.burst):
            body = self._new_command(load)
            for node in self._takers(load):
                self._after(self._choices.integer(0, US_PER_MS), self._give, node, body)

    def _takers(self, load: Load) -> list[int]:
        nodes = list(range(len(self._scenario.nodes)))
        if not load.copies:
            return nodes
        return sorted({self._choices.pick(nodes) for _ in range(load.copies)})

    def _new_command(self, load: Load) -> bytes:
        choices, known = self._choices, self._commands
        large = load.large and choices.chance(load.large, 1000)
        data = choices.data(choices.integer(0, load.large_size if large else load.size))
        data = as_numbers(data) if load.numbers else data
        if known and load.repeat and choices.chance(load.repeat, 1000):
            earlier = choices.pick(known)
            return earlier if choices.chance(1, 2) else earlier[:16] + data
        client, sequence = choices.integer(1, load.clients), len(known) + 1
        known.append(struct.pack("<QQ", client, sequence) + data)
        return known[-1]

    def _give(self, node: int, body: bytes) -> None:
        self._act(node, Event(node, _COMMAND, body))

    # Events and actions

    def step(self, event: Event) -> bytes:
        """Give `event` to the guest and write down what came back."""
        self.events.append(event)
        frame = self._ask(event)
        self.observations.append(frame)
        return frame

    def _act(self, node: int, event: Event) -> bytes:
        """One event at a node, and what follows from its actions; returns the answer."""
        frame = self.step(event)
        offset, end = _FIRST_ACTION, len(frame)
        while offset < end:
            kind, size = _HEAD.unpack_from(frame, offset)
            offset += _HEAD.size
            if kind == _BROADCAST:
                self._send(node, self._hearers[node], frame[offset : offset + size])
            elif kind == _SEND:
                receiver = int.from_bytes(frame[offset : offset + 2], "little")
                targets = self._nodes_of.get(receiver, ())
                self._send(node, targets, frame[offset + 2 : offset + size])
            elif kind == _SET_TIMER:
                self._set_timer(node, *_TIMER.unpack_from(frame, offset))
            offset += size
        if node in self._forging:
            for targets, message in self._forger.of_its_own(node, self._views[node], self.events):
                self._carry(node, targets, message)
        return frame

    def _set_timer(self, node: int, view: int, delay_ms: int) -> None:
        self._views[node] = view
        self._timers[node] += 1
        self._after(self._weather.timer_us(node, delay_ms), self._fire, node, self._timers[node])

    # Messages

    def _send(self, node: int, targets: tuple[int, ...], message: bytes) -> None:
        """A message that the algorithm sends; the faulty replica may change it."""
        if node not in self._forging:
            self._carry(node, targets, message)
            return
        for some, changed in self._forger.changed(node, self._views[node], targets, message):
            self._carry(node, some, changed)

    def _carry(self, node: int, targets: tuple[int, ...], message: bytes) -> None:
        """The network takes a message to `targets`, as far as it does."""
        body = self._names[node] + message
        kind = message[0] if message else -1
        now_us, heap, order = self._now_us, self._heap, self._order
        cuts = self._weather.cuts(self._views[node], now_us, len(self.events))
        for target, delay_us in self._weather.arrivals(cuts, node, targets, kind):
            order += 1
            heappush(heap, (now_us + delay_us, order, self._deliver, target, body))
        self._order = order

    def _replay(self) -> None:
        """An old message arrives once more, at any node of another replica than its sender."""
        event = old_delivery(self._choices, self.events)
        if event is None:
            return
        node = self._choices.pick(range(len(self._names)))
        if self._names[node] != event.body[:2]:
            self._after(self._choices.integer(0, US_PER_MS), self._deliver, node, event.body)


def _nodes_of(scenario: Scenario) -> dict[int, tuple[int, ...]]:
    """The nodes of each replica that has any."""
    return {
        replica: tuple(node for node, id_ in enumerate(scenario.nodes) if id_ == replica)
        for replica in sorted(set(scenario.nodes))
    }


def as_numbers(data: bytes) -> bytes:
    """Half of all `data`, by its first bit, as numbers of 32 bits; bytes behind the last stay.

    They are small, small and negative, powers of two, or one less: what random bytes never are.
    """
    if not data or data[0] & 1:
        return data
    whole = len(data) // 4 * 4
    return b"".join(map(_number, struct.iter_unpack("<BBH", data[:whole]))) + data[whole:]


def _number(drawn: tuple[int, int, int]) -> bytes:
    _, kind, value = drawn
    power = 1 << value % 32
    number = (value % 64, -(value % 64), power, power - 1)[kind % 4]
    return (number & 0xFFFFFFFF).to_bytes(4, "little")

"""A scenario: the small, readable cause of a trace.

It says what is done to a cluster; the rest (each delay, each coin) follows from its `seed`. Rates
are per mille, times virtual ms; nodes and replicas are numbers, mutations and options names that
the guest publishes. Nothing here knows the algorithm: a node's view is that of the last timer it
set.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockstep.protocol import Description

FOREVER = 1 << 62
"""A view, or a number of events, that nobody reaches."""


class Phase(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """While it lasts, only nodes of one group hear each other; a node of no group is alone.

    It lasts for views start..end-1 of the sender, or for that time where `timed`; without a quorum
    views stand still, so it is over too when `events` happened since it first held for a message.
    Only messages of `kinds` are affected (empty: all): lost, or late where `late_ms` is given.
    """

    start: int
    end: int
    groups: tuple[tuple[int, ...], ...]
    timed: bool = False
    events: int = FOREVER
    kinds: tuple[int, ...] = ()
    late_ms: int = 0


class Network(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What happens to any message; `late` messages take `late_ms` longer and so are reordered.

    `replay` is how often a delivery is followed by an old message, delivered again anywhere.
    """

    delay_ms: tuple[int, int] = (1, 5)
    drop: int = 0
    duplicate: int = 0
    late: int = 0
    late_ms: int = 0
    replay: int = 0


class Clocks(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Timers: a `pace` in percent for each node (200 fires late), `hasty` of them fire early.

    `start_ms` is when each node is started; nodes behind its end start at 0.
    """

    pace: tuple[int, ...] = ()
    hasty: int = 0
    start_ms: tuple[int, ...] = ()


class Load(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Clients: `rate` of the events are followed by a burst of commands.

    A command goes to `copies` nodes, drawn each by itself, or to all where that is 0.
    `repeat` of the commands have the client and the sequence of an earlier one, half of those
    with other bytes. `size` bounds the bytes of a command, `large` of them have `large_size`.
    With `numbers` half of them hold the numbers that programs go wrong at.
    """

    rate: int = 50
    burst: int = 1
    copies: int = 1
    clients: int = 2
    repeat: int = 0
    size: int = 24
    large: int = 0
    large_size: int = 0
    numbers: bool = False


class Forgery(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How outgoing messages of a `kind` are changed: `rate` of them, by all `mutations` in turn.

    Of several forgeries of a kind one is drawn. Nodes in `receivers` (empty: all) get the change
    instead of the message, or `besides` it; the others get the message itself, or nothing where
    `alone`. `old` of the changes are made to an earlier message. Without mutations the message
    stays as it is. The forgery works in views start..end-1 of the forger; where `leading`, in those
    of them that it leads.
    """

    kind: int
    mutations: tuple[str, ...] = ()
    rate: int = 1000
    receivers: tuple[int, ...] = ()
    besides: bool = False
    alone: bool = False
    old: int = 0
    start: int = 0
    end: int = FOREVER
    leading: bool = False


class Restart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node of a faulty replica forgets everything and starts again."""

    node: int
    at_ms: int


class Faulty(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One replica that does not follow the algorithm.

    Of the events at its nodes, `spontaneous` are followed by a forgery made from an old message of
    its own, `garbage` by bytes that are no message or nearly one, `relay` by a message of someone
    else in its own name. `mute` of what it should send it does not. If it is `careful`, it tries a
    forgery on its own node and tells only what changes that; its twin hears it too.
    """

    replica: int
    forgeries: tuple[Forgery, ...] = ()
    spontaneous: int = 0
    garbage: int = 0
    relay: int = 0
    mute: int = 0
    careful: bool = False


class Scenario(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`nodes[i]` is the replica that node i runs; two nodes of one replica are twins.

    `schedule` names the leaders of the first views. At most (n - 1) // 3 replicas are faulty:
    twinned, restarted, or `faulty`; `hears_twin` says whether twins get each other's broadcasts.
    `odd` of the events are followed by one that no cluster would see: questions, malformed bodies,
    unknown nodes and kinds.
    """

    n: int
    nodes: tuple[int, ...]
    seed: int = 0
    schedule: tuple[int, ...] = ()
    options: dict[str, str] = {}
    network: Network = Network()
    phases: tuple[Phase, ...] = ()
    clocks: Clocks = Clocks()
    load: Load | None = None
    faulty: Faulty | None = None
    restarts: tuple[Restart, ...] = ()
    hears_twin: bool = False
    odd: int = 0
    events_max: int = 600
    time_max_ms: int = 1_000_000

    def json(self) -> str:
        """The scenario for people, and for `parse`."""
        return msgspec.json.format(msgspec.json.encode(self)).decode()


def parse(text: str | bytes) -> Scenario:
    """Read what `Scenario.json` wrote; raises `msgspec.ValidationError`."""
    return msgspec.json.decode(text, type=Scenario)


def encode_options(chosen: dict[str, str], description: Description) -> bytes:
    """The options of `init`: those named in `chosen`, the first value for the others."""
    out = b""
    for option in description.options:
        name = chosen.get(option.name, option.values[0].name)
        value = next(v.value for v in option.values if v.name == name)
        out += value.to_bytes(option.size, "little")
    return out


def faulty_max(n: int) -> int:
    """How many of `n` replicas may be faulty."""
    return (n - 1) // 3


def leader_of(schedule: Sequence[int], n: int, view: int) -> int:
    """Who leads `view`: views count from 1, and behind the schedule replicas take turns."""
    return schedule[view - 1] if 0 < view <= len(schedule) else (view - 1) % n

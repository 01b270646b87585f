"""Which of two traces is the smaller one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from lockstep import protocol
from lockstep.protocol import Event

Events = tuple[Event, ...]


def sort_key(events: Sequence[Event]) -> tuple[Any, ...]:
    """A total order on traces; what a reducer returns is small in it. In this order matter:

    1. The number of events: each is a step that a person has to follow.
    2. Bytes in all bodies: short messages are read, long ones are skipped.
    3. The number of nodes: a trace of one node is a story of one node.
    4. Kinds of events, then nodes, event by event: `init` before `deliver`, node 0 before node 3.
    5. Bodies, event by event, the shorter first; of two that are as long, the smaller one as one
       little-endian number. So a body gets smaller with each of its fields and each of its bytes,
       wherever it stands: as plain bytes, 256 would come before 255.

    No two traces are equal in it, so that the smallest of a set is one trace on any machine.
    """
    return (
        len(events),
        sum(len(event.body) for event in events),
        len({event.node for event in events}),
        [event.kind for event in events],
        [event.node for event in events],
        [(len(event.body), event.body[::-1]) for event in events],
    )


def name(events: Events) -> bytes:
    """The same for the same events alone."""
    return hashlib.blake2b(protocol.encode_events(events), digest_size=16).digest()

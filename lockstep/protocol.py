"""Guest protocol, version 1: events in, observations out. `docs/protocol.md` is its text.

All integers are little-endian.

    event        u32 size | u16 node | u8 kind | body          size counts what follows it
    observation  u32 size | u16 outcome | u8[32] state hash | u16 action count | actions
    action       u8 kind | u32 size | body

Whole frames (the size prefix included) are `bytes`; only what must be read is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from lockstep.errors import ProtocolError

VERSION = 1
EVENT_SIZE_MAX = 1 << 20
EVENT_SIZE_MIN = 3
OBSERVATION_SIZE_MIN = 36
STATE_HASH_SIZE = 32

EXIT_END_OF_INPUT = 0
EXIT_BAD_FRAME = 65


class EventKind(IntEnum):
    """What happens to a node."""

    INIT = 1
    DELIVER = 2
    TIMEOUT = 3
    COMMAND = 4
    FORGE = 5
    INSPECT = 6
    DIGEST = 7
    DECODE = 8
    DESCRIBE = 9


class ActionKind(IntEnum):
    """What a node does in answer."""

    SEND = 1
    BROADCAST = 2
    SET_TIMER = 3
    COMMIT = 4
    REPORT = 5


class Outcome(IntEnum):
    """The outcomes that every guest shares; an algorithm's own start at 16."""

    OK = 0
    MALFORMED = 1
    UNKNOWN_NODE = 2
    UNSUPPORTED = 3


QUESTIONS = frozenset(
    {EventKind.FORGE, EventKind.INSPECT, EventKind.DIGEST, EventKind.DECODE, EventKind.DESCRIBE}
)
"""Event kinds that change no state."""


class Event(NamedTuple):
    """One event; `kind` is an `int`, since a trace may hold kinds that nobody knows."""

    node: int
    kind: int
    body: bytes = b""

    def encode(self) -> bytes:
        """The event as a frame."""
        return _EVENT.pack(len(self.body) + 3, self.node, self.kind) + self.body


class Init(NamedTuple):
    """The body of `init`."""

    replica: int
    n: int
    seed: int
    schedule: tuple[int, ...] = ()
    options: bytes = b""


class Action(NamedTuple):
    """One action of an observation."""

    kind: int
    body: bytes


class Observation(NamedTuple):
    """What came back for one event."""

    outcome: int
    state: bytes
    actions: tuple[Action, ...]


class Commit(NamedTuple):
    """The body of a `commit` action; `block` and `application` are 32-byte hashes."""

    height: int
    block: bytes
    application: bytes
    commands: tuple[tuple[int, int, bytes], ...]


_EVENT = struct.Struct("<IHB")
_OBSERVATION = struct.Struct("<IH32sH")
_ACTION = struct.Struct("<BI")
_SIZE = struct.Struct("<I")
_INIT = struct.Struct("<HHQH")
_COMMIT = struct.Struct("<Q32s32sH")
_COMMAND = struct.Struct("<QQ")


def init(node: int, body: Init) -> Event:
    """Start `node` from nothing."""
    schedule = struct.pack(f"<{len(body.schedule)}H", *body.schedule)
    head = _INIT.pack(body.replica, body.n, body.seed, len(body.schedule))
    return Event(
        node, EventKind.INIT, head + schedule + _SIZE.pack(len(body.options)) + body.options
    )


def deliver(node: int, sender: int, message: bytes) -> Event:
    """A message of replica `sender` arrives at `node`."""
    return Event(node, EventKind.DELIVER, struct.pack("<H", sender) + message)


def timeout(node: int, view: int) -> Event:
    """The timer of `view` fires at `node`."""
    return Event(node, EventKind.TIMEOUT, struct.pack("<Q", view))


def command(node: int, client: int, sequence: int, data: bytes) -> Event:
    """A client's command joins the queue of `node`."""
    return Event(node, EventKind.COMMAND, _COMMAND.pack(client, sequence) + data)


def forge(node: int, mutation: int, choice: int, message: bytes) -> Event:
    """Ask `node` for `message` changed by `mutation` and signed again with the node's key."""
    return Event(node, EventKind.FORGE, struct.pack("<HQ", mutation, choice) + message)


def inspect(node: int) -> Event:
    """Ask for the full state of `node` as JSON."""
    return Event(node, EventKind.INSPECT)


def digest() -> Event:
    """Ask for a hash of each page of linear memory."""
    return Event(0, EventKind.DIGEST)


def decode(message: bytes) -> Event:
    """Ask for `message` as JSON, for people."""
    return Event(0, EventKind.DECODE, message)


def describe() -> Event:
    """Ask what this guest is."""
    return Event(0, EventKind.DESCRIBE)


def encode_events(events: Iterable[Event]) -> bytes:
    """The stdin of a guest: the frames of `events`, joined."""
    return b"".join([event.encode() for event in events])


def split_events(stream: bytes) -> tuple[list[Event], bytes]:
    """Cut a guest's stdin into events; the rest is what no guest would accept as an event."""
    events: list[Event] = []
    offset = 0
    while offset + _EVENT.size <= len(stream):
        size, node, kind = _EVENT.unpack_from(stream, offset)
        end = offset + 4 + size
        if not EVENT_SIZE_MIN <= size <= EVENT_SIZE_MAX or end > len(stream):
            break
        events.append(Event(node, kind, stream[offset + _EVENT.size : end]))
        offset = end
    return events, stream[offset:]


def split_frames(stream: bytes) -> tuple[list[bytes], bytes]:
    """Cut a guest's stdout into whole frames, size prefix included, and what is left."""
    frames: list[bytes] = []
    offset, length = 0, len(stream)
    while offset + 4 <= length:
        end = offset + 4 + int.from_bytes(stream[offset : offset + 4], "little")
        if end > length:
            break
        frames.append(stream[offset:end])
        offset = end
    return frames, stream[offset:]


def decode_observation(frame: bytes) -> Observation:
    """Read one frame; raises `ProtocolError` when it is not exactly one observation."""
    if len(frame) < _OBSERVATION.size:
        raise ProtocolError("observation is too short", offset=len(frame))
    size, outcome, state, count = _OBSERVATION.unpack_from(frame)
    if size != len(frame) - 4:
        raise ProtocolError("observation has another size than its frame")
    actions = []
    offset = _OBSERVATION.size
    for _ in range(count):
        if offset + _ACTION.size > len(frame):
            raise ProtocolError("action is cut short", offset=offset)
        kind, length = _ACTION.unpack_from(frame, offset)
        offset += _ACTION.size + length
        if offset > len(frame):
            raise ProtocolError("action is longer than its observation", offset=offset)
        actions.append(Action(kind, frame[offset - length : offset]))
    if offset != len(frame):
        raise ProtocolError("bytes behind the last action", offset=offset)
    return Observation(outcome, state, tuple(actions))


def encode_observation(observation: Observation) -> bytes:
    """The frame of `observation`."""
    actions = b"".join(_ACTION.pack(a.kind, len(a.body)) + a.body for a in observation.actions)
    return (
        _OBSERVATION.pack(
            OBSERVATION_SIZE_MIN + len(actions),
            observation.outcome,
            observation.state,
            len(observation.actions),
        )
        + actions
    )


def parse_init(body: bytes) -> Init:
    """Read the body of `init`; raises `ProtocolError`."""
    try:
        replica, n, seed, count = _INIT.unpack_from(body)
        schedule = struct.unpack_from(f"<{count}H", body, _INIT.size)
        offset = _INIT.size + 2 * count
        (size,) = _SIZE.unpack_from(body, offset)
    except struct.error:
        raise ProtocolError("init is cut short", offset=len(body)) from None
    options = body[offset + 4 :]
    if len(options) != size:
        raise ProtocolError("init has options of another size than it says", offset=offset)
    return Init(replica, n, seed, schedule, options)


def parse_deliver(body: bytes) -> tuple[int, bytes]:
    """Sender and message of a `deliver` body, or of a `send` action (receiver and message)."""
    if len(body) < 2:
        raise ProtocolError("no replica id", offset=len(body))
    return int.from_bytes(body[:2], "little"), body[2:]


parse_send = parse_deliver


def parse_timer(body: bytes) -> tuple[int, int]:
    """View and delay in ms of a `set_timer` action."""
    if len(body) != 12:
        raise ProtocolError("set_timer is not 12 bytes", offset=len(body))
    view, delay_ms = struct.unpack("<QI", body)
    return view, delay_ms


def parse_commit(body: bytes) -> Commit:
    """Read a `commit` action.

    u64 height | u8[32] block | u8[32] application state | u16 count | commands, each
    u64 client | u64 sequence | u32 size | bytes.
    """
    try:
        height, block, application, count = _COMMIT.unpack_from(body)
        offset = _COMMIT.size
        commands = []
        for _ in range(count):
            client, sequence = _COMMAND.unpack_from(body, offset)
            (size,) = _SIZE.unpack_from(body, offset + 16)
            offset += 20 + size
            commands.append((client, sequence, body[offset - size : offset]))
    except struct.error:
        raise ProtocolError("commit is cut short", offset=len(body)) from None
    if offset != len(body):
        raise ProtocolError("commit has another size than it says", offset=offset)
    return Commit(height, block, application, tuple(commands))


class OptionValue(msgspec.Struct, frozen=True):
    """One value that an option can take; `cost` is its CPU per event, relative to the cheapest."""

    name: str
    value: int
    cost: int = 1


class Option(msgspec.Struct, frozen=True):
    """An option of the algorithm: `size` bytes, little-endian; all in a row are `Init.options`."""

    name: str
    size: int
    values: tuple[OptionValue, ...]


class MessageKind(msgspec.Struct, frozen=True):
    """A kind of message: its first byte is `number`.

    `once`, where given, is a range of bytes of the message: a correct replica never sends two
    different messages of this kind that are equal in that range (two votes in one view, say).
    """

    number: int
    name: str
    once: tuple[int, int] | None = None


class Mutation(msgspec.Struct, frozen=True):
    """A change that `forge` can make to messages of the kinds in `messages`."""

    number: int
    name: str
    messages: tuple[int, ...]


class Description(msgspec.Struct, frozen=True):
    """What a guest says of itself."""

    name: str
    version: str
    protocol: int
    outcomes: dict[int, str]
    nodes: int
    replicas: tuple[int, int]
    options: tuple[Option, ...] = ()
    messages: tuple[MessageKind, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    digest: bool = True

    def outcome_name(self, outcome: int) -> str:
        """The published name, or the number where there is none."""
        return self.outcomes.get(outcome, str(outcome))

    def cost(self, events: Iterable[Event]) -> int:
        """CPU per event of the dearest options that `events` start a node with."""
        bodies = {event.body for event in events if event.kind == EventKind.INIT}
        return max(map(self._cost_of, bodies), default=1)

    def _cost_of(self, body: bytes) -> int:
        try:
            options = parse_init(body).options
        except ProtocolError:
            return 1
        cost, offset = 1, 0
        for option in self.options:
            chosen = int.from_bytes(options[offset : offset + option.size], "little")
            offset += option.size
            cost *= next((value.cost for value in option.values if value.value == chosen), 1)
        return cost

    def message_name(self, message: bytes) -> str:
        """The kind of `message` by its first byte."""
        names = {kind.number: kind.name for kind in self.messages}
        return names.get(message[0], f"kind {message[0]}") if message else "empty"


def parse_description(report: bytes) -> Description:
    """Read the report of `describe`; raises `ProtocolError` for what is not one of version 1."""
    try:
        found = msgspec.json.decode(report, type=Description, strict=False)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"describe: {error}") from None
    if found.protocol != VERSION:
        raise ProtocolError(f"describe: protocol version {found.protocol}, this is {VERSION}")
    return found


def report_of(observation: Observation) -> bytes:
    """The body of the one `report` action; raises `ProtocolError` when there is none."""
    reports: Sequence[bytes] = [a.body for a in observation.actions if a.kind == ActionKind.REPORT]
    if len(reports) != 1:
        raise ProtocolError(f"{len(reports)} reports where one was asked for")
    return reports[0]

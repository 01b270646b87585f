"""The trace file: a header, a list of events, and the observations they once gave.

    lockstep-trace 1
    guest register 5f0c…                      name and SHA-256 of the module
    driver wasmtime@50.0.1:cranelift          and other `key value` lines, all optional
    <empty line>
    0 init replica=0 n=4 seed=7 options=0001  an event: node, kind, fields, then what is left as hex
      = 0 9f8e7d6c5b4a3f2e 1 1a2b3c4d5e6f7081   recorded: outcome, state, actions (count, digest)
    2 deliver from=1 0a0b0c                   # a comment, for people
      = 17 …
      ~ canary:state 17 …                     what a dissenting group answered instead
      ~ wasm3:default ended trap unreachable
    raw 0100                                  bytes that no guest would take for an event
    end 2                                     the number of events; a file without it is cut short
      ~ wasm3:default ended exit 1            and what a group did at the end of input

One event a line, so that traces are diffed and merged as text. A recorded state is the first
8 bytes of the state hash; the digest is the first 8 bytes of the SHA-256 of the actions.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.protocol import Event

VERSION = 1
MAGIC = "lockstep-trace"
RECORDED, DISSENT = "  =", "  ~"
_ACTIONS_AT = 40


class Recorded(NamedTuple):
    """One observation in its short form. `digest` covers the actions."""

    outcome: int
    state: bytes
    actions: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.outcome} {self.state.hex()} {self.actions} {self.digest.hex()}"


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a trace comes from. Every field but the guest may be empty."""

    guest: str
    sha256: str
    lockstep: str = ""
    driver: str = ""
    seed: str = ""
    index: str = ""
    scenario: str = ""
    program: str = ""
    kind: str = ""
    fingerprint: str = ""
    suspects: str = ""
    runtimes: str = ""
    invariant: str = ""
    machine: str = ""
    note: str = ""


class Dissent(NamedTuple):
    """What the runtimes of a group answered at an event, where the trace is known to diverge."""

    at: int
    runtimes: tuple[str, ...]
    answer: str


class Trace(msgspec.Struct, frozen=True):
    """A header and events; `recorded[i]` answers `events[i]`, None where nothing was recorded."""

    header: Header
    events: tuple[Event, ...]
    tail: bytes = b""
    recorded: tuple[Recorded | None, ...] = ()
    dissents: tuple[Dissent, ...] = ()

    def stdin(self) -> bytes:
        """What a guest reads."""
        return protocol.encode_events(self.events) + self.tail


def record(frame: bytes) -> Recorded | None:
    """The short form of an observation frame; None when the frame is not an observation."""
    try:
        observation = protocol.decode_observation(frame)
    except ProtocolError:
        return None
    digest = hashlib.sha256(frame[_ACTIONS_AT:]).digest()[:8]
    return Recorded(observation.outcome, observation.state[:8], len(observation.actions), digest)

"""A trace with what runtimes answered, and with comments that say to people what its events are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lockstep import protocol
from lockstep.errors import LockstepError
from lockstep.judge import Judgement
from lockstep.protocol import ActionKind, Description, Event, EventKind
from lockstep.trace import Dissent, Trace, record

Ask = Callable[[Event], bytes]
"""One event in, the guest's observation frame out."""


def with_answers(trace: Trace, judged: Judgement) -> Trace:
    """`trace` with the agreed answers as recorded, and the others as dissents.

    On a tie nothing is recorded at the divergence: every group's answer stands as one of several.
    """
    found = judged.divergence
    stop = found.index if found is not None else len(trace.events)
    recorded = [record(frame) for frame in judged.frames[:stop]]
    dissents = []
    for number, group in enumerate(found.groups if found is not None else ()):
        if number == 0 and found is not None and found.suspects:
            recorded.append(group.answer.recorded())
        else:
            dissents.append(Dissent(stop, group.names, str(group.answer)))
    recorded += [None] * (len(trace.events) - len(recorded))
    header = msgspec.structs.replace(
        trace.header,
        kind=judged.kind,
        fingerprint=judged.fingerprint,
        suspects=",".join(found.suspects) if found else "",
        invariant=judged.violation.name if judged.violation else "",
    )
    return msgspec.structs.replace(
        trace,
        header=header,
        recorded=tuple(recorded[: len(trace.events)]),
        dissents=tuple(dissents),
    )


class Commentator:
    """Says what an event is, asking the guest to decode messages where `ask` is given."""

    def __init__(self, description: Description, ask: Ask | None = None) -> None:
        self.description = description
        self._ask = ask
        self._known: dict[bytes, str] = {}

    def event(self, event: Event) -> str:
        """`proposal view=4 …` for an event that carries a message; empty for others."""
        if event.kind == EventKind.DELIVER:
            return self.message(event.body[2:])
        if event.kind == EventKind.DECODE:
            return self.message(event.body)
        if event.kind == EventKind.FORGE:
            names = {m.number: m.name for m in self.description.mutations}
            number = int.from_bytes(event.body[:2], "little")
            return f"{names.get(number, number)} of {self.message(event.body[10:])}"
        return ""

    def message(self, message: bytes) -> str:
        """A message in words."""
        if message not in self._known:
            self._known[message] = self._decoded(message)
        return self._known[message]

    def outcome(self, outcome: int) -> str:
        """The published name of an outcome."""
        return self.description.outcome_name(outcome)

    def _decoded(self, message: bytes) -> str:
        name = self.description.message_name(message)
        if self._ask is None:
            return name
        try:
            frame = self._ask(protocol.decode(message))
            report = protocol.report_of(protocol.decode_observation(frame))
            fields = msgspec.json.decode(report)
        except (LockstepError, msgspec.MsgspecError):
            return f"{name}, not decoded"
        return " ".join([name, *_words(fields)]) if isinstance(fields, dict) else name


def _words(fields: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The plain fields of a decoded message; long hashes by their beginning."""
    words: list[str] = []
    for key, value in fields.items():
        if isinstance(value, dict):
            words += _words(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float) and key not in ("kind", "message"):
            text = str(value)
            words.append(f"{prefix}{key}={text[:8] if len(text) > 20 else text}")
    return words


def action_words(observation: protocol.Observation, commentator: Commentator) -> list[str]:
    """What a node did, a few words an action."""
    words = []
    for action in observation.actions:
        if action.kind == ActionKind.SEND:
            receiver, message = protocol.parse_send(action.body)
            words.append(f"send to {receiver}: {commentator.message(message)}")
        elif action.kind == ActionKind.BROADCAST:
            words.append(f"broadcast: {commentator.message(action.body)}")
        elif action.kind == ActionKind.SET_TIMER:
            view, delay_ms = protocol.parse_timer(action.body)
            words.append(f"set timer of view {view} to {delay_ms} ms")
        elif action.kind == ActionKind.COMMIT:
            commit = protocol.parse_commit(action.body)
            words.append(f"commit height {commit.height}: {len(commit.commands)} commands")
        else:
            words.append(f"report {len(action.body)} bytes")
    return words

"""Write a trace file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.files import write_atomically
from lockstep.protocol import Event, EventKind
from lockstep.trace.model import DISSENT, MAGIC, RECORDED, VERSION, Dissent, Header, Trace
from lockstep.trace.words import FIELDS, kind_name


class Comments(Protocol):
    """Says to people what an event and an outcome are."""

    def event(self, event: Event) -> str: ...

    def outcome(self, outcome: int) -> str: ...


def write(trace: Trace, path: Path, comments: Comments | None = None) -> None:
    """Write `trace` whole or not at all; `comments` say to people what it holds."""
    write_atomically(path, dumps(trace, comments).encode())


def dumps(trace: Trace, comments: Comments | None = None) -> str:
    """The text of a trace file."""
    return "\n".join(_lines(trace, comments)) + "\n"


def _lines(trace: Trace, comments: Comments | None) -> Iterator[str]:
    header = trace.header
    yield f"{MAGIC} {VERSION}"
    yield f"guest {header.guest} {header.sha256}"
    for field in Header.__struct_fields__[2:]:
        if value := getattr(header, field):
            yield f"{field} {_one_line(value)}"
    yield ""
    dissents: dict[int, list[Dissent]] = {}
    for dissent in trace.dissents:
        dissents.setdefault(dissent.at, []).append(dissent)
    for index, event in enumerate(trace.events):
        yield event_line(event) + _comment(comments.event(event) if comments else "")
        if index < len(trace.recorded) and (recorded := trace.recorded[index]):
            said = comments.outcome(recorded.outcome) if comments else ""
            yield f"{RECORDED} {recorded}{_comment(said)}"
        yield from map(_dissent_line, dissents.get(index, ()))
    if trace.tail:
        yield f"raw {trace.tail.hex()}"
    yield f"end {len(trace.events)}"
    yield from map(_dissent_line, dissents.get(len(trace.events), ()))


def _comment(said: str) -> str:
    return f"  # {_one_line(said)}" if said else ""


def _dissent_line(dissent: Dissent) -> str:
    return f"{DISSENT} {','.join(dissent.runtimes)} {_one_line(dissent.answer)}"


def _one_line(text: str) -> str:
    """Keep a value on its line: line breaks and control characters become escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def event_line(event: Event) -> str:
    """One event as it stands in a trace file."""
    words = [str(event.node), kind_name(event.kind), *_body_words(event)]
    return " ".join(words)


def _body_words(event: Event) -> list[str]:
    if event.kind == EventKind.INIT:
        return _init_words(event)
    fields = FIELDS.get(event.kind, ())
    layout = struct.Struct("<" + "".join(code for _, code in fields))
    if len(event.body) < layout.size:
        return ["raw", event.body.hex()] if event.body else ["raw"]
    values = zip(fields, layout.unpack_from(event.body), strict=True)
    words = [f"{name}={value}" for (name, _), value in values]
    rest = event.body[layout.size :]
    return [*words, rest.hex()] if rest else words


def _init_words(event: Event) -> list[str]:
    try:
        body = protocol.parse_init(event.body)
    except ProtocolError:
        return ["raw", event.body.hex()] if event.body else ["raw"]
    words = [f"replica={body.replica}", f"n={body.n}", f"seed={body.seed}"]
    if body.schedule:
        words.append("schedule=" + ",".join(map(str, body.schedule)))
    return [*words, f"options={body.options.hex()}"] if body.options else words

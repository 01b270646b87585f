"""Read a trace file; every error names the line."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NoReturn

from lockstep import protocol
from lockstep.errors import TraceError
from lockstep.protocol import Event, EventKind
from lockstep.trace.model import DISSENT, MAGIC, VERSION, Dissent, Header, Recorded, Trace
from lockstep.trace.words import FIELDS, KINDS, kind_name

FILE_SIZE_MAX = 256 << 20
_HEX = re.compile(r"(?:[0-9a-f]{2})*\Z")


def read(path: Path) -> Trace:
    """Read a trace file; raises `TraceError` with the line."""
    try:
        if path.stat().st_size > FILE_SIZE_MAX:
            raise TraceError(path, None, f"larger than {FILE_SIZE_MAX >> 20} MiB, no trace is")
        text = path.read_bytes().decode()
    except OSError as error:
        raise TraceError(path, None, f"cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        hint = "a guest's stdin becomes a trace by `lockstep import GUEST EVENTS.bin`"
        raise TraceError(path, 1, "not a trace, these are not text bytes", hint=hint) from None
    return loads(text, path)


def loads(text: str, path: Path | str = "trace") -> Trace:
    """Read the text of a trace file."""
    return _Reader(text, path).read()


class _Reader:
    """Reads line by line and remembers the place, so that every error can name it."""

    def __init__(self, text: str, path: Path | str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.number = 0
        self.header: dict[str, str] = {}
        self.events: list[Event] = []
        self.recorded: list[Recorded | None] = []
        self.dissents: list[Dissent] = []
        self.tail = b""

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        raise TraceError(self.path, self.number, message, hint=hint)

    def read(self) -> Trace:
        self.number = 1
        self._magic(self.lines[0] if self.lines else "")
        in_header, ended = True, False
        for number, line in enumerate(self.lines[1:], 2):
            self.number = number
            if in_header:
                in_header = self._header_line(line)
                continue
            words = line.split() if line.startswith(DISSENT) else line.split("#", 1)[0].split()
            if words and ended and not line.startswith(DISSENT):
                self.fail("there is something behind the line `end`")
            if words:
                ended = self._line(words, ended) or ended
        if not ended:
            self.fail("cut short: there is no line `end`", "the file was not written whole")
        return self._trace()

    def _magic(self, line: str) -> None:
        words = line.split()
        if len(words) != 2 or words[0] != MAGIC:
            self.fail(
                f"not a trace, the first line is not `{MAGIC} {VERSION}`",
                "a guest's stdin becomes a trace by `lockstep import GUEST EVENTS.bin`",
            )
        if words[1] != str(VERSION):
            self.fail(
                f"trace version {words[1]}, this lockstep reads {VERSION}",
                "a newer lockstep may read it: `pip install --upgrade lockstep`",
            )

    def _header_line(self, line: str) -> bool:
        """Read one line of the header; False when it was the empty one behind it."""
        if not line.strip():
            return False
        key, _, value = line.partition(" ")
        if key == "guest":
            name, _, sha256 = value.partition(" ")
            if not re.fullmatch(r"[0-9a-f]{64}", sha256):
                self.fail("`guest` takes a name and the SHA-256 of the module in hex")
            self.header |= {"guest": name, "sha256": sha256}
        elif key in Header.__struct_fields__[2:]:
            self.header[key] = value
        else:
            self.fail(f"unknown header `{key}`")
        return True

    def _line(self, words: list[str], ended: bool) -> bool:
        if words[0] == "=":
            self._recorded(words[1:])
        elif words[0] == "~":
            if len(words) < 3:
                self.fail("`~` takes runtimes and an answer")
            at = len(self.events) if ended else max(len(self.events) - 1, 0)
            self.dissents.append(Dissent(at, tuple(words[1].split(",")), " ".join(words[2:])))
        elif words[0] == "end":
            return self._end(words[1:])
        elif self.tail:
            self.fail("no event can follow a line `raw`")
        elif words[0] == "raw":
            self.tail = self._hex(words[1] if len(words) == 2 else "?")
        else:
            self.events.append(self._event(words))
            self.recorded.append(None)
        return False

    def _end(self, words: list[str]) -> bool:
        if words != [str(len(self.events))]:
            self.fail(f"`end` says {' '.join(words) or 'nothing'}, read {len(self.events)} events")
        return True

    def _recorded(self, words: list[str]) -> None:
        if not self.events or self.recorded[-1] is not None:
            self.fail("an observation without an event")
        if len(words) != 4:
            self.fail("an observation is: outcome, state, action count, digest")
        outcome, count = self._integer(words[0], 16), self._integer(words[2], 16)
        state, digest = self._hex(words[1]), self._hex(words[3])
        self.recorded[-1] = Recorded(outcome, state, count, digest)

    def _event(self, words: list[str]) -> Event:
        if len(words) < 2:
            self.fail("an event is: node, kind, fields")
        node, kind = self._integer(words[0], 16), self._kind(words[1])
        event = Event(node, kind, self._body(kind, words[2:]))
        if len(event.body) + protocol.EVENT_SIZE_MIN > protocol.EVENT_SIZE_MAX:
            self.fail(f"an event of {len(event.body)} bytes, at most 1 MiB fits")
        return event

    def _kind(self, word: str) -> int:
        if word.startswith("kind-"):
            return self._integer(word[5:], 8)
        if word not in KINDS:
            self.fail(f"unknown event kind `{word}`", f"there is: {', '.join(KINDS)}")
        return KINDS[word]

    def _body(self, kind: int, words: list[str]) -> bytes:
        if words[:1] == ["raw"]:
            return self._hex(words[1]) if len(words) == 2 else b""
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        rest = [word for word in words if "=" not in word]
        if len(rest) > 1:
            self.fail(f"unexpected `{rest[1]}`")
        if kind == EventKind.INIT:
            return self._init(fields, rest)
        layout = FIELDS.get(kind, ())
        if set(fields) != {name for name, _ in layout}:
            wanted = ", ".join(f"{name}=" for name, _ in layout) or "no fields"
            self.fail(f"`{kind_name(kind)}` takes {wanted}")
        sizes = [8 * struct.calcsize("<" + code) for _, code in layout]
        pairs = zip(layout, sizes, strict=True)
        values = [self._integer(fields[name], bits) for (name, _), bits in pairs]
        head = struct.pack("<" + "".join(code for _, code in layout), *values)
        return head + (self._hex(rest[0]) if rest else b"")

    def _init(self, fields: dict[str, str], rest: list[str]) -> bytes:
        known = {"replica", "n", "seed", "schedule", "options"}
        if rest or not {"replica", "n", "seed"} <= set(fields) <= known:
            self.fail("`init` takes replica=, n=, seed= and perhaps schedule=, options=")
        schedule = fields.get("schedule", "")
        body = protocol.Init(
            self._integer(fields["replica"], 16),
            self._integer(fields["n"], 16),
            self._integer(fields["seed"], 64),
            tuple(self._integer(word, 16) for word in schedule.split(",")) if schedule else (),
            self._hex(fields.get("options", "")),
        )
        return protocol.init(0, body).body

    def _integer(self, word: str, bits: int) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", word) or int(word) >= 1 << bits:
            self.fail(f"`{word[:40]}` is not a number below 2^{bits}")
        return int(word)

    def _hex(self, word: str) -> bytes:
        if not _HEX.match(word):
            self.fail(f"`{word[:40]}` is not hexadecimal")
        return bytes.fromhex(word)

    def _trace(self) -> Trace:
        if "guest" not in self.header:
            self.number = 2
            self.fail("the header names no guest")
        return Trace(
            Header(**self.header),
            tuple(self.events),
            self.tail,
            tuple(self.recorded),
            tuple(self.dissents),
        )

"""The trace file: what is written is read back, and what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep import protocol, trace
from lockstep.errors import TraceError
from lockstep.protocol import Action, Event, Observation
from lockstep.trace import Dissent, Header, Trace

SHA = "0" * 64
FRAME = protocol.encode_observation(Observation(16, b"\7" * 32, (Action(1, b"xy"),)))

events = st.builds(
    Event, st.integers(0, 65535), st.integers(0, 255), st.binary(max_size=40)
) | st.builds(
    protocol.init,
    st.integers(0, 65535),
    st.builds(
        protocol.Init,
        st.integers(0, 65535),
        st.integers(0, 65535),
        st.integers(0, 2**64 - 1),
        st.lists(st.integers(0, 65535), max_size=4).map(tuple),
        st.binary(max_size=5),
    ),
)
texts = st.text(max_size=20).map(str.strip)


@given(st.lists(events, max_size=8), st.binary(max_size=9), texts, st.data())
def test_what_is_written_is_read_back(
    items: list[Event], tail: bytes, note: str, data: st.DataObject
) -> None:
    recorded = tuple(trace.record(FRAME) if data.draw(st.booleans()) else None for _ in items)
    dissents = (Dissent(len(items), ("wasm3:default", "a:b"), "ended trap # unreachable"),)
    whole = Trace(
        Header("g", SHA, note=note.isprintable() * note), tuple(items), tail, recorded, dissents
    )
    assert trace.loads(trace.dumps(whole)) == whole


@given(st.text(max_size=300))
def test_garbage_is_refused_and_never_breaks_the_reader(text: str) -> None:
    for candidate in (text, f"lockstep-trace 1\nguest g {SHA}\n\n{text}"):
        try:
            trace.loads(candidate)
        except TraceError as error:
            assert error.line is not None


def test_comments_do_not_change_what_a_trace_says() -> None:
    class Loud:
        def event(self, event: Event) -> str:
            return f"= not # {event.kind}\nend 0"

        def outcome(self, outcome: int) -> str:
            return f"~ nor {outcome}"

    whole = Trace(Header("g", SHA), (protocol.digest(),), recorded=(trace.record(FRAME),))
    assert trace.loads(trace.dumps(whole, Loud())) == whole


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "not a trace"),
        ("hello\n", 1, "not a trace"),
        ("lockstep-trace 2\n", 1, "trace version 2, this lockstep reads 1"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 digest\n", 4, "cut short"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 digest\nend 2\n", 5, "`end` says 2, read 1"),
        (f"lockstep-trace 1\nguest g {SHA}\ncolour red\n\nend 0\n", 3, "unknown header `colour`"),
        ("lockstep-trace 1\nguest g 12\n\nend 0\n", 2, "SHA-256"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 dance\nend 1\n", 4, "unknown event kind `dance`"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n70000 digest\nend 1\n", 4, "below 2^16"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 timeout\nend 1\n", 4, "`timeout` takes view="),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 decode 0g\nend 1\n", 4, "not hexadecimal"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n  = 1 00 1 00\nend 0\n", 4, "without an event"),
        (f"lockstep-trace 1\nguest g {SHA}\n\nraw 00\n0 digest\nend 1\n", 5, "`raw`"),
        (f"lockstep-trace 1\nguest g {SHA}\n\nend 0\n0 digest\n", 5, "behind the line `end`"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 decode {'00' * (1 << 20)}\nend 1\n", 4, "1 MiB"),
    ],
)
def test_bad_traces_are_refused_with_the_place(text: str, line: int, says: str) -> None:
    with pytest.raises(TraceError) as caught:
        trace.loads(text, "some.trace")
    assert caught.value.line == line
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"some.trace:{line}: ")


def test_every_cut_of_a_trace_is_noticed() -> None:
    whole = trace.dumps(Trace(Header("g", SHA), (protocol.timeout(1, 2), protocol.digest())))
    for length in range(len(whole) - 1):
        with pytest.raises(TraceError):
            trace.loads(whole[:length])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(TraceError, match="not a trace"):
        trace.read(path)
    with pytest.raises(TraceError, match="cannot read"):
        trace.read(tmp_path / "absent.trace")

"""The canary lies where it is told to, in each way it can, and nowhere else.

The guest answers each frame with itself, so the frames that go in are what the truth would be.
"""

from __future__ import annotations

import importlib
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.errors import ProtocolError
from lockstep.execute.filter import run_filter
from lockstep.execute.process import Limits, Run
from lockstep.execute.serve import ServeHost
from lockstep.protocol import (
    Action,
    ActionKind,
    Observation,
    decode_observation,
    encode_observation,
    split_frames,
)
from lockstep.runtimes import registry, traps
from lockstep.runtimes.find import HOSTS

LIMITS = Limits(wall_s=60.0, cpu_s=60.0)
STATE = bytes(range(32))
REPORT = struct.pack("<IQQ", 2, 0, 0x0123456789ABCDEF)


def _frame(outcome: int, *actions: Action, state: bytes = STATE) -> bytes:
    return encode_observation(Observation(outcome, state, actions))


FRAMES = [
    _frame(0, Action(ActionKind.REPORT, b'{"name": "echo"}'), state=bytes(32)),
    _frame(16),
    _frame(17, Action(ActionKind.SEND, b"\0\0hello")),
    _frame(17, Action(ActionKind.SET_TIMER, bytes(12)), Action(ActionKind.COMMIT, b"first")),
    _frame(18, Action(ActionKind.BROADCAST, b"all")),
    _frame(17, Action(ActionKind.COMMIT, b"second")),
    _frame(0, Action(ActionKind.REPORT, REPORT), state=bytes(32)),
    _frame(0, Action(ActionKind.REPORT, REPORT), state=bytes(32)),
]
FIRST_COMMIT, FIRST_DIGEST = 3, 6

Listen = Callable[..., Run]


@pytest.fixture(params=["filter", "serve"])
def listen(request: pytest.FixtureRequest, guest: Callable[[str], Path], tmp_path: Path) -> Listen:
    """Runs a canary on `FRAMES`, in both ways of running."""
    stdin = tmp_path / "stdin"
    stdin.write_bytes(b"".join(FRAMES))

    def run(lie: str, limits: Limits = LIMITS) -> Run:
        (runtime,) = registry.select(f"canary:{lie}")
        if request.param == "filter":
            return run_filter(runtime, guest("frames"), stdin, limits)
        host = ServeHost(runtime, tmp_path)
        try:
            return host.run(guest("frames"), stdin, limits)
        finally:
            host.close()

    return run


def differing(ended: Run) -> list[int]:
    """The indices of the frames that are not the truth."""
    frames, rest = split_frames(ended.output)
    assert (ended.end.kind, ended.end.code, rest, len(frames)) == ("exit", 0, b"", len(FRAMES))
    return [i for i, (said, true) in enumerate(zip(frames, FRAMES, strict=True)) if said != true]


@pytest.mark.parametrize(
    ("options", "index"),
    [
        ("", FIRST_COMMIT),
        ("+at=0", 0),
        ("+at=7", 7),
        ("+on=commit+at=1", 5),
        ("+on=send", 2),
        ("+on=broadcast", 4),
        ("+on=set_timer", 3),
        ("+on=report", 0),
        ("+on=digest", FIRST_DIGEST),
        ("+on=17", 2),
        ("+on=17+at=2", 5),
    ],
)
def test_it_lies_about_the_observation_that_is_described(
    monkeypatch: pytest.MonkeyPatch, options: str, index: int
) -> None:
    monkeypatch.syspath_prepend(str(HOSTS))
    due = importlib.import_module("canary").condition(f"outcome{options}")
    assert [i for i, frame in enumerate(FRAMES) if due(frame)] == [index]


@pytest.mark.parametrize("lie", ["outcome", "state", "actions"])
def test_a_lie_changes_what_it_is_named_after_and_nothing_else(listen: Listen, lie: str) -> None:
    ended = listen(lie)
    assert differing(ended) == [FIRST_COMMIT]
    said = decode_observation(split_frames(ended.output)[0][FIRST_COMMIT])
    true = decode_observation(FRAMES[FIRST_COMMIT])
    names = ("outcome", "state", "actions")
    assert [n for n in names if getattr(said, n) != getattr(true, n)] == [lie]


def test_it_makes_up_an_action_where_there_is_none(listen: Listen) -> None:
    ended = listen("actions+at=1")
    assert differing(ended) == [1]
    assert len(decode_observation(split_frames(ended.output)[0][1]).actions) == 1


def test_it_lies_about_memory_in_the_first_digest(listen: Listen) -> None:
    assert differing(listen("memory")) == [FIRST_DIGEST]


def test_it_tells_the_truth_where_nothing_is_as_described(listen: Listen) -> None:
    assert differing(listen("outcome+on=999")) == []


def test_a_garbled_observation_cannot_be_read(listen: Listen) -> None:
    frames, _ = split_frames(listen("garbled").output)
    assert frames[:FIRST_COMMIT] == FRAMES[:FIRST_COMMIT]
    with pytest.raises(ProtocolError):
        decode_observation(frames[FIRST_COMMIT])


@pytest.mark.parametrize("index", [0, 3, 7])
def test_a_trap_comes_behind_all_that_was_answered_before(listen: Listen, index: int) -> None:
    ended = listen(f"trap+at={index}")
    assert ended.end.kind == "trap"
    assert ended.output == b"".join(FRAMES[:index])
    (runtime,) = registry.select("canary:trap")
    assert runtime.trap_kinds(ended.end.text) == {traps.UNREACHABLE}


def test_a_crash_comes_behind_all_that_was_answered_before(listen: Listen) -> None:
    ended = listen("crash")
    assert ended.end.kind == "crash"
    assert ended.output == b"".join(FRAMES[:FIRST_COMMIT])


def test_it_can_hang(listen: Listen) -> None:
    started_s = time.monotonic()
    ended = listen("hang", Limits(wall_s=2.0))
    assert ended.end.kind == "hang"
    assert ended.output == b"".join(FRAMES[:FIRST_COMMIT])
    assert time.monotonic() - started_s < 30


def test_it_can_eat_all_memory(listen: Listen) -> None:
    ended = listen("memory-limit", Limits(wall_s=60.0, memory_bytes=300 << 20))
    assert ended.end.kind == "memory limit"
    assert ended.output == b"".join(FRAMES[:FIRST_COMMIT])


def test_it_can_reject_a_module(listen: Listen) -> None:
    assert listen("rejected").end.kind == "rejected"

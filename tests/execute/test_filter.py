"""A guest as a filter, in a batch and one event at a time."""

from __future__ import annotations

import pytest
from fake_runtimes import CRASH, ECHO, HANG, MODULE, TRAP, frame, misbehaving, script

from lockstep.execute.filter import FilterProcess, run_filter, run_stepped
from lockstep.execute.process import EarlyEnd, Limits

QUICK = Limits(wall_s=20.0)
SHORT = Limits(wall_s=1.5)
COUNT = 40
ENDS = {"trap": TRAP, "crash": CRASH, "hang": HANG}


def events(bad: int | None = None) -> list[bytes]:
    """`COUNT` events of 1 KiB, the one at `bad` being the word `bad`."""
    bodies = [b"%04d" % index * 256 for index in range(COUNT)]
    if bad is not None:
        bodies[bad] = b"bad"
    return [frame(body) for body in bodies]


def test_a_batch_gets_every_answer():
    stdin = b"".join(events())
    run = run_filter(script(ECHO), MODULE, stdin, QUICK)
    assert (run.end.kind, run.output) == ("exit", stdin)


@pytest.mark.parametrize("prefix", [0, 1, COUNT // 2, COUNT - 1, COUNT, COUNT + 9])
def test_stepping_gives_the_bytes_of_a_batch(prefix):
    run = run_stepped(script(ECHO), MODULE, events(), prefix, QUICK)
    assert (run.end.kind, run.output) == ("exit", b"".join(events()))


def test_no_events_at_all_is_an_end():
    assert run_stepped(script(ECHO), MODULE, [], 0, QUICK).end.kind == "exit"
    assert run_filter(script(ECHO), MODULE, b"", QUICK).end.kind == "exit"


def test_a_tail_that_is_no_event_ends_the_guest():
    guest = misbehaving("bad", TRAP)
    run = run_stepped(guest, MODULE, [*events(), b"\xff\xff"], COUNT, QUICK)
    assert (run.end.code, run.output) == (65, b"".join(events()))


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("bad", [0, COUNT // 2, COUNT - 1])
def test_the_verdict_does_not_depend_on_reads_and_batches(kind, bad):
    frames = events(bad)
    verdicts = set()
    for cut, prefix in ((1, 0), (1000, bad // 2), (1 << 16, bad)):
        limits = SHORT if kind == "hang" else QUICK
        run = run_stepped(misbehaving("bad", ENDS[kind], cut), MODULE, frames, prefix, limits)
        verdicts.add((run.end.kind, run.output))
    assert verdicts == {(kind, b"".join(frames[:bad]))}


def test_a_step_of_a_megabyte_goes_through():
    large = frame(bytes(1 << 20))
    with FilterProcess(script(ECHO), MODULE, QUICK) as process:
        for _ in range(3):
            assert process.step(large) == large
        assert process.step(frame(b"small")) == frame(b"small")


def test_an_early_end_says_how():
    with FilterProcess(misbehaving("bad", TRAP), MODULE, QUICK) as process:
        assert process.step(frame(b"good")) == frame(b"good")
        with pytest.raises(EarlyEnd) as early:
            process.step(frame(b"bad"))
        assert (early.value.end.kind, early.value.end.text) == ("trap", "unreachable")
        with pytest.raises(EarlyEnd, match="unreachable"):
            process.step(frame(b"good"))


def test_an_answer_that_never_comes_is_a_hang():
    with FilterProcess(misbehaving("bad", HANG), MODULE, SHORT) as process:
        for _ in range(2):
            with pytest.raises(EarlyEnd, match="hang"):
                process.step(frame(b"bad"))


def test_half_an_answer_is_no_answer():
    half = misbehaving("bad", "os.write(1, frame[:5]); time.sleep(1000)")
    with FilterProcess(half, MODULE, SHORT) as process, pytest.raises(EarlyEnd, match="hang"):
        process.step(frame(b"bad"))


def test_what_a_batch_answered_before_an_early_end_is_kept():
    frames = events(20)
    run = run_stepped(misbehaving("bad", TRAP, cut=1), MODULE, frames, 30, QUICK)
    assert (run.end.kind, run.output) == ("trap", b"".join(frames[:20]))


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\x99\x00\x00\x00begun"])
@pytest.mark.parametrize("prefix", [0, 5, 20])
def test_bytes_that_are_no_frame_are_followed_by_the_guests_own_end(garbage, prefix):
    frames = events(5)
    garbled = misbehaving("bad", f"frame = {garbage!r}")
    run = run_stepped(garbled, MODULE, frames, prefix, SHORT)
    assert (run.end.kind, run.end.code) == ("exit", 0)
    assert run.output.startswith(b"".join(frames[:5]) + garbage)


def test_what_is_not_yet_read_is_sent_before_what_comes_next():
    early = script("""
import os, sys, time
os.write(1, b'\\0\\0\\0\\0')
time.sleep(0.3)
sys.stdout.buffer.write(sys.stdin.buffer.read())
""")
    large = frame(bytes(1 << 20))
    with FilterProcess(early, MODULE, QUICK) as process:
        assert process.step(large) == bytes(4)
        process.child.send(b"the end", last=True)
        process.drain()
        assert process.child.output == large + b"the end"

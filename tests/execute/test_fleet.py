"""Many runtimes at once, their limits, and the driver."""

from __future__ import annotations

import os
import threading
import time

import pytest
from fake_runtimes import CRASH, ECHO, HANG, HOST, MODULE, PYTHON, TRAP, Fake, frame, misbehaving

from lockstep.errors import OutputError
from lockstep.execute import process
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet, How, same
from lockstep.execute.pace import FIRST_S, FLOOR_S, SLACK, Pace, count_events
from lockstep.execute.process import EarlyEnd, Ended, Limits, Run
from lockstep.protocol import Event

FILTER = Fake(filter=(*PYTHON, ECHO), spec="filter")
SERVED = Fake(filter=(*PYTHON, ECHO), serve=(*PYTHON, HOST), spec="served")
UNSTABLE = Fake(filter=(*PYTHON, "import os, time; print(time.time_ns())"), spec="unstable")
STDIN = b"".join(frame(b"event %d" % index) for index in range(5))


def test_all_runtimes_get_the_same_and_answer_by_name(tmp_path):
    with Fleet([FILTER, SERVED], scratch=tmp_path) as fleet:
        runs = fleet.run_all([SERVED, FILTER], MODULE, STDIN)
        assert list(runs) == [SERVED, FILTER]
        assert {run.output for run in runs.values()} == {STDIN}
        assert fleet.run(FILTER, MODULE, b"").end == Ended("exit")
    assert list(tmp_path.iterdir()) == []


def test_what_was_done_is_counted_by_runtime():
    with Fleet([FILTER, SERVED]) as fleet:
        fleet.run_all([FILTER, SERVED], MODULE, STDIN)
        fleet.run_many(SERVED, MODULE, [STDIN, STDIN])
        usage = fleet.usage[SERVED]
        assert (usage.traces, usage.events, usage.cpu_s) == (3, 15, 0.75)
        assert fleet.usage[FILTER].traces == 1 and fleet.usage[FILTER].cpu_s > 0


@pytest.mark.parametrize("runtime", [FILTER, SERVED])
def test_many_runs_come_back_in_order(runtime):
    stdins = [frame(b"%d" % index) for index in range(20)]
    with Fleet([runtime], jobs=3) as fleet:
        assert [run.output for run in fleet.run_many(runtime, MODULE, stdins)] == stdins


def test_jobs_run_side_by_side():
    sleeper = Fake(filter=(*PYTHON, "import time; time.sleep(1)"))
    with Fleet([sleeper], jobs=4) as fleet:
        started_s = time.monotonic()
        fleet.run_many(sleeper, MODULE, [b""] * 4)
        assert time.monotonic() - started_s < 3.5


def test_a_failure_of_one_is_no_failure_of_others():
    runtimes = [misbehaving("bad", act) for act in (TRAP, CRASH, "pass")]
    with Fleet(runtimes) as fleet:
        runs = fleet.run_all(runtimes, MODULE, frame(b"bad"))
        assert [runs[rt].end.kind for rt in runtimes] == ["trap", "crash", "exit"]


def test_an_unstable_runtime_is_seen():
    with Fleet([FILTER, UNSTABLE]) as fleet:
        assert same(*fleet.run_many(FILTER, MODULE, [STDIN, STDIN]))
        assert not same(*fleet.run_many(UNSTABLE, MODULE, [STDIN, STDIN]))


def test_a_fresh_process_knows_nothing_of_the_runs_before():
    counting = """
import json, sys
print(json.dumps({'ready': True, 'version': '1'}), flush=True)
for count, line in enumerate(sys.stdin):
    job = json.loads(line)
    open(job['stdout'], 'w').write(str(count))
    print(json.dumps({'id': job['id'], 'end': 'exit'}), flush=True)
"""
    runtime = Fake(filter=(*PYTHON, "print(0, end='')"), serve=(*PYTHON, counting))
    with Fleet([runtime], jobs=1) as fleet:
        assert [fleet.run(runtime, MODULE, b"").output for _ in range(3)] == [b"0", b"1", b"2"]
        assert fleet.fresh(runtime, MODULE, b"").output == b"0"


def test_stepped_runs_are_counted_and_keep_what_was_answered():
    runtime = misbehaving("bad", TRAP)
    with Fleet([runtime]) as fleet:
        run = fleet.stepped(runtime, MODULE, [frame(b"one"), frame(b"bad"), frame(b"two")], 0)
        assert (run.end.kind, run.output) == ("trap", frame(b"one"))
        assert fleet.usage[runtime].events == 3


def test_a_hang_is_judged_by_the_runtimes_own_pace(monkeypatch):
    monkeypatch.setattr("lockstep.execute.pace.FLOOR_S", 0.5)
    runtime = misbehaving("bad", HANG)
    with Fleet([runtime]) as fleet:
        assert fleet.run(runtime, MODULE, frame(b"good") * 10).end.kind == "exit"
        started_s = time.monotonic()
        assert fleet.run(runtime, MODULE, frame(b"bad")).end.kind == "hang"
        assert time.monotonic() - started_s < FIRST_S
        patient = fleet.run(runtime, MODULE, frame(b"bad"), How(patience=2.0))
        assert patient.end.kind == "hang" and patient.wall_s >= 2 * 0.5


def test_the_first_run_of_a_runtime_has_time_by_its_kind():
    assert Pace("jit").limit_s(1000) == FIRST_S + 1.0
    assert Pace("referee").limit_s(1000) == FIRST_S + 500.0


def test_a_pace_is_the_slowest_of_late():
    pace = Pace("jit")
    pace.note(Run(b"", Ended("exit"), 0.0, wall_s=1.0), 1000)
    pace.note(Run(b"", Ended("trap"), 0.0, wall_s=2.0), 1000)
    pace.note(Run(b"", Ended("hang"), 0.0, wall_s=900.0), 1000)
    assert pace.expect_s(500) == 1.0
    assert pace.limit_s(5000) == SLACK * 10.0
    assert pace.limit_s(1) == FLOOR_S
    for _ in range(100):
        pace.note(Run(b"", Ended("exit"), 0.0, wall_s=0.001), 1000)
    assert pace.limit_s(5000) == FLOOR_S


def test_events_are_counted_by_their_sizes():
    assert count_events(b"") == 0
    assert count_events(STDIN) == 5
    assert count_events(STDIN + b"\x09\0") == 5
    assert count_events(STDIN + b"\xff\xff\xff\xffcut short") == 6


def test_an_unwritable_scratch_folder_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match="missing"):
        Fleet([FILTER], scratch=tmp_path / "missing")


def test_an_interrupt_ends_what_is_running():
    sleeper = Fake(filter=(*PYTHON, "import time; time.sleep(1000)"))

    def interrupt() -> None:
        with Fleet([sleeper]) as fleet:
            future = threading.Thread(target=fleet.run, args=(sleeper, MODULE, b""))
            future.start()
            while not process._LIVE:
                time.sleep(0.01)
            raise KeyboardInterrupt

    started_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert time.monotonic() - started_s < 10 and not process._LIVE


def test_a_driver_answers_event_by_event_and_starts_again():
    with Driver(misbehaving("\\x00\\x00\\x02bad", TRAP), MODULE) as driver:
        for number in range(3):
            with driver.close_by():
                good = Event(number, 2, b"good")
                assert driver.step(good) == good.encode()
                with pytest.raises(EarlyEnd, match="unreachable"):
                    driver.step(Event(0, 2, b"bad"))
                assert driver.step(good) == good.encode()


def test_a_driver_waits_for_each_answer_alone():
    slow = misbehaving("\\x00\\x00\\x02bad", "time.sleep(0.4)")
    with Driver(slow, MODULE, Limits(wall_s=1.0)) as driver:
        for _ in range(4):
            driver.step(Event(0, 2, b"bad"))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no CPU affinity here")
def test_talking_close_by_leaves_the_thread_as_it_was():
    before = os.sched_getaffinity(0)
    with Driver(FILTER, MODULE) as driver:
        with driver.close_by():
            assert len(os.sched_getaffinity(0)) == 1
            driver.step(Event(0, 2))
        assert os.sched_getaffinity(0) == before

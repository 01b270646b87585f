"""Hosts that take jobs, and hosts that do it badly."""

from __future__ import annotations

import time

import pytest
from fake_runtimes import MODULE, host

from lockstep.execute.process import Ended, Limits
from lockstep.execute.serve import JOBS_MAX, ServeHost

QUICK = Limits(wall_s=20.0)


@pytest.fixture
def ask(tmp_path):
    """Runs one job, whose stdin is the argument, on one and the same host."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    server = ServeHost(host(), scratch)

    def run(stdin, limits=QUICK):
        file = tmp_path / "stdin"
        file.write_bytes(stdin)
        found = server.run(MODULE, file, limits)
        assert list(scratch.iterdir()) == []
        return found

    yield run
    server.close()


def test_a_job_gives_output_end_and_cpu_time(ask):
    run = ask(b"some events")
    assert (run.output, run.end, run.cpu_s) == (b"some events", Ended("exit"), 0.25)


def test_one_host_does_many_jobs(ask):
    ask(b"first")
    started_s = time.monotonic()
    for index in range(100):
        assert ask(b"job %d" % index).output == b"job %d" % index
    assert time.monotonic() - started_s < 10


def test_a_trap_is_told(ask):
    run = ask(b"trap here")
    assert run.end == Ended("trap", 134, "integer divide by zero")
    assert run.output == b"trap here"


def test_a_limit_of_the_host_is_told(ask):
    assert ask(b"flood").end.kind == "output limit"


@pytest.mark.parametrize(
    ("word", "limits", "kind"),
    [
        (b"die", QUICK, "crash"),
        (b"sleep", Limits(wall_s=0.5), "hang"),
        (b"hog", Limits(wall_s=20.0, memory_bytes=200 << 20), "memory limit"),
        (b"garbage", QUICK, "host"),
        (b"endless", QUICK, "host"),
        (b"stray", QUICK, "host"),
    ],
)
def test_a_host_that_fails_is_started_anew(ask, word, limits, kind):
    assert ask(b"before").end.kind == "exit"
    run = ask(word + b" it", limits)
    assert run.end.kind == kind and run.output == word + b" it"
    after = ask(b"after")
    assert (after.output, after.end) == (b"after", Ended("exit"))


def test_a_crash_names_its_signal(ask):
    assert ask(b"die").end.text.startswith("SIGSEGV")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import sys; sys.exit('no binding here')", "no binding here"),
        ("import os; os.abort()", "SIGABRT"),
        ("print('hello')", "hello"),
        ("import sys; sys.stderr.write('host: no module x\\n'); sys.exit(127)", "no module x"),
        ('print(\'{"ready": false, "version": "1"}\')', "ready"),
    ],
)
def test_a_host_that_does_not_start_says_why(tmp_path, source, text):
    (tmp_path / "stdin").write_bytes(b"x")
    server = ServeHost(host(source), tmp_path)
    for _ in range(2):
        run = server.run(MODULE, tmp_path / "stdin", QUICK)
        assert run.end.kind == "host" and text in run.end.text and run.output == b""
    server.close()


def test_a_host_is_renewed_before_its_leaks_look_like_a_guests(ask, monkeypatch):
    monkeypatch.setattr("lockstep.execute.serve.JOBS_MAX", 3)
    assert JOBS_MAX > 3
    assert [ask(b"die").end.kind if n == 5 else ask(b"ok").end.kind for n in range(8)] == [
        *["exit"] * 5,
        "crash",
        *["exit"] * 2,
    ]

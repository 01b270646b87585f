"""The commands as a user runs them: a find from the first line to the folder without lockstep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockstep import protocol, trace
from lockstep.cli import run
from lockstep.errors import ExitCode

LIAR = ("--runtimes", "wasmtime,v8,canary", "--seed", "1", "--max-runs", "40", "--jobs", "1")
TRACES = Path(__file__).parents[2] / "traces"


@pytest.fixture(scope="module")
def finds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of finds of a campaign with a liar, and its report."""
    folder = tmp_path_factory.mktemp("campaign")
    report = f"jsonl:{folder / 'report.jsonl'}"
    code = run(["fuzz", *LIAR, "--output", str(folder / "finds"), "--report", report])
    assert code == ExitCode.DIVERGENCE
    return folder / "finds"


@pytest.fixture
def find(finds: Path) -> Path:
    (folder,) = finds.iterdir()
    return folder


def test_a_find_names_the_liar_and_holds_what_a_maintainer_needs(find: Path) -> None:
    reproducer = trace.read(find / "reproducer.trace")
    assert reproducer.header.suspects == "canary:outcome"
    assert find.name == reproducer.header.fingerprint
    assert len(reproducer.events) < len(trace.read(find / "original.trace").events)
    report = (find / "report.txt").read_text()
    assert "suspects: canary:outcome" in report
    assert "wasmtime@" in report
    assert "CPU features" in report
    assert (find / "guest.wasm").read_bytes().startswith(b"\0asm")


def test_the_report_is_one_json_object_a_line_and_ends_with_the_sums(finds: Path) -> None:
    lines = (finds.parent / "report.jsonl").read_text().splitlines()
    news = [json.loads(line) for line in lines]
    assert [news[0]["type"], news[-1]["type"]] == ["started", "finished"]
    last = news[-1]
    executed = [n for n in news if n["type"] == "executed"]
    assert last["seed"] == 1
    assert last["divergences"] == 1
    assert last["traces"] == len(executed)
    assert last["events"] == sum(n["events"] for n in executed)
    assert last["commits"] == sum(n["commits"] for n in executed)
    keys = {"name", "version", "tier", "lineage", "traces", "events", "cpu_s"}
    assert all(keys == set(runtime) for runtime in last["runtimes"])
    assert [r["name"] for r in last["runtimes"]] == ["wasmtime", "v8", "canary"]


def test_the_same_seed_makes_the_same_find(find: Path, tmp_path: Path) -> None:
    run(["fuzz", *LIAR[:-1], "2", "--output", str(tmp_path)])
    again = tmp_path / find.name
    for name in ("reproducer.trace", "original.trace"):
        assert (again / name).read_bytes() == (find / name).read_bytes()


def test_a_reproducer_replays_to_its_own_fingerprint_alone(find: Path, tmp_path: Path) -> None:
    reproducer = find / "reproducer.trace"
    assert run(["replay", "--expect-divergence", str(reproducer)]) == ExitCode.AGREE
    assert run(["replay", str(reproducer)]) == ExitCode.DIVERGENCE
    assert run(["replay", find.name[:6], "--output", str(find.parent)]) == ExitCode.DIVERGENCE
    honest = ["replay", "--runtimes", "wasmtime,v8", str(reproducer)]
    assert run(honest) == ExitCode.AGREE
    assert run([*honest, "--expect-divergence"]) == ExitCode.DIVERGENCE
    other = tmp_path / "other.trace"
    (tmp_path / "guest.wasm").write_bytes((find / "guest.wasm").read_bytes())
    text = reproducer.read_text().replace(find.name, "0123456789abcdef")
    other.write_text(text)
    assert run(["replay", "--expect-divergence", str(other)]) == ExitCode.DIVERGENCE


def test_a_reproducer_is_minimal_event_by_event(find: Path, tmp_path: Path) -> None:
    whole = trace.read(find / "reproducer.trace")
    (tmp_path / "guest.wasm").write_bytes((find / "guest.wasm").read_bytes())
    assert len(whole.events) > 1
    for index in range(len(whole.events)):
        rest = whole.events[:index] + whole.events[index + 1 :]
        path = tmp_path / f"without-{index}.trace"
        trace.write(trace.Trace(whole.header, rest), path)
        assert run(["replay", "--expect-divergence", str(path)]) == ExitCode.DIVERGENCE


def test_an_exported_folder_shows_the_lie_without_lockstep(find: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert run(["export", str(find / "reproducer.trace"), "--to", str(folder)]) == ExitCode.AGREE
    lines = [ln for ln in (folder / "README").read_text().splitlines() if "| cmp -" in ln]
    # The plain commands call `python3`: let it be this one, which has the runtimes.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    codes = {
        line.split()[1]: subprocess.run(
            ["bash", "-c", line], cwd=folder, env={"PATH": path}, capture_output=True, check=False
        ).returncode
        for line in lines
    }
    assert codes == {"run_wasmtime.py": 0, "run_v8.mjs": 0, "canary.py": 1}


def test_a_find_becomes_a_bug_report(find: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = ["report", find.name[:6], "--output", str(find.parent)]
    capsys.readouterr()
    assert run(name) == ExitCode.AGREE
    assert capsys.readouterr().out == (find / "report.txt").read_text()
    assert run([*name, "--format", "issue"]) == ExitCode.AGREE
    report = capsys.readouterr().out
    reproducer = trace.read(find / "reproducer.trace")
    assert "canary 1 (outcome): module `hotstuff` gives a wrong result" in report.splitlines()[0]
    assert all(trace.event_line(event) in report for event in reproducer.events)
    assert reproducer.header.sha256 in report
    assert "seed 1, run " in report
    assert str(find.parent) not in report


def test_import_is_the_inverse_of_export(tmp_path: Path) -> None:
    source = trace.read(TRACES / "fault-free.trace")
    events = tmp_path / "events.bin"
    events.write_bytes(source.stdin())
    arguments = ["import", "hotstuff", str(events), "--runtimes", "wasmtime,v8"]
    assert run(arguments) == ExitCode.AGREE
    imported = trace.read(tmp_path / "events.trace")
    assert imported.events == source.events
    assert imported.recorded == source.recorded


def test_import_keeps_what_no_guest_takes_for_an_event(tmp_path: Path) -> None:
    events = tmp_path / "events.bin"
    events.write_bytes(protocol.describe().encode() + b"\xff\xff")
    arguments = ["import", "hotstuff", str(events), "--runtimes", "wasmtime,v8"]
    assert run(arguments) == ExitCode.AGREE
    imported = trace.read(tmp_path / "events.trace")
    assert imported.tail == b"\xff\xff"
    assert run(["replay", str(tmp_path / "events.trace"), "--runtimes", "wasmtime"]) == 0


def test_one_runtime_alone_is_judged_by_what_was_recorded(tmp_path: Path) -> None:
    path = TRACES / "fault-free.trace"
    assert run(["replay", "--runtimes", "v8", str(path)]) == ExitCode.AGREE
    found = trace.read(path)
    at = len(found.events) // 2
    recorded = found.recorded[at]
    assert recorded is not None
    wrong = (*found.recorded[:at], recorded._replace(outcome=999), *found.recorded[at + 1 :])
    changed = tmp_path / "changed.trace"
    trace.write(trace.Trace(found.header, found.events, recorded=wrong), changed)
    assert run(["replay", "--runtimes", "v8", str(changed)]) == ExitCode.DIVERGENCE
    bare = tmp_path / "bare.trace"
    trace.write(trace.Trace(found.header, found.events), bare)
    assert run(["replay", "--runtimes", "v8", str(bare)]) == ExitCode.NOTHING_COMPARABLE


def test_what_people_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(TRACES / "fault-free.trace"), "--runtimes", "wasmtime"]) == 0
    shown = capsys.readouterr().out
    assert "accepted proposal" in shown
    assert "commit height 1" in shown
    assert run(["guest", "list"]) == 0
    assert "hotstuff" in capsys.readouterr().out
    assert run(["guest", "audit", "hotstuff"]) == 0


def test_a_scenario_is_printed_and_becomes_the_trace_of_its_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--seed", "7", "--index", "3", "--runtimes", "wasmtime,v8"]
    assert run(["scenario", *where]) == 0
    assert json.loads(capsys.readouterr().out)["n"] >= 4
    path = tmp_path / "made.trace"
    assert run(["scenario", *where, "--simulate", "--to", str(path)]) == 0
    assert run(["replay", "--runtimes", "wasmtime,v8", str(path)]) == ExitCode.AGREE


def test_settings_stand_behind_variables_and_those_behind_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.lockstep]\nseed = 5\n[tool.lockstep.fuzz]\nruntimes = 'wasmtime,v8'\nmax-runs = 1\n"
    )

    def seed(*arguments: str) -> str:
        assert run(["fuzz", *arguments]) == ExitCode.AGREE
        return capfd.readouterr().err.partition("seed ")[2].partition(";")[0]

    assert seed() == "5"
    monkeypatch.setenv("LOCKSTEP_SEED", "6")
    assert seed() == "6"
    assert seed("--seed", "7") == "7"


def test_ctrl_c_once_finishes_what_is_in_hand_and_flushes(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    command = [sys.executable, "-m", "lockstep", "fuzz", "--runtimes", "wasmtime,v8"]
    process = subprocess.Popen(
        [*command, "--seed", "1", "--report", f"jsonl:{report}"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and b"executed" not in (
        report.read_bytes() if report.exists() else b""
    ):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in errors
    last = json.loads(report.read_text().splitlines()[-1])
    assert (last["type"], last["stopped"]) == ("finished", "interrupted")
    assert last["traces"] >= 1


def test_a_broken_runtime_is_told_once_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'host: no such luck' >&2\nexit 127\n")
    broken.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.lockstep.runtimes]\nmine = '{broken} {{module}}'\n"
    )
    code = run(["fuzz", "--runtimes", "wasmtime,v8,mine", "--seed", "1", "--max-runs", "5"])
    errors = capfd.readouterr().err
    assert code == ExitCode.AGREE
    assert errors.count("BROKEN mine") == 1
    assert "no such luck" in errors


def test_version_and_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert run(["fuzz", "--help"]) == 0
    assert "--keep-going" in capfd.readouterr().out

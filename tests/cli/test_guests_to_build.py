"""Guests that must be built first: what commands say while they are not, and how they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.cli import run
from lockstep.cli.setting import choose
from lockstep.config import Config
from lockstep.errors import ExitCode, GuestError
from lockstep.guest import audit, build, catalog
from lockstep.guest.needs import needs

FOLDER = Path(__file__).parents[2] / "traces" / "relab"


@pytest.fixture(name="nothing_built")
def _nothing_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(catalog.CACHE_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_guest_that_is_not_built_is_named_with_the_remedy(nothing_built: Path) -> None:
    with pytest.raises(GuestError, match="not built here yet") as found:
        catalog.find("relab")
    assert found.value.hint == "`lockstep guest build relab`"
    assert not list(nothing_built.iterdir())


@pytest.mark.usefixtures("nothing_built")
def test_a_folder_is_replayed_without_the_traces_of_guests_that_are_not_built(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", str(FOLDER)]) == ExitCode.NOTHING_COMPARABLE
    said = capsys.readouterr().err
    assert said.count("skipped, its guest is not here; `lockstep guest build relab`") == 3
    folder = tmp_path_factory.mktemp("traces")
    for path in (FOLDER / "fault-free.trace", FOLDER.parent / "malformed.trace"):
        (folder / path.parent.name).mkdir()
        (folder / path.parent.name / path.name).write_bytes(path.read_bytes())
    assert run(["replay", str(folder), "--runtimes", "wasm3"]) == ExitCode.AGREE
    assert capsys.readouterr().err.count("skipped") == 1


@pytest.mark.usefixtures("nothing_built")
def test_a_trace_that_is_named_itself_is_not_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(FOLDER / "fault-free.trace")]) == ExitCode.USAGE
    assert "lockstep guest build relab" in capsys.readouterr().err


def test_only_a_guest_with_an_application_takes_programs() -> None:
    assert audit.takes_programs(catalog.find(catalog.default()).path)
    assert not audit.takes_programs(one_page())


def one_page() -> bytes:
    """A module with a memory and nothing else."""
    return b"\0asm\1\0\0\0" + b"\5\3\1\0\1" + b"\7\x0a\1\6memory\2\0"


@pytest.mark.usefixtures("nothing_built")
def test_what_a_guest_needs_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    path = build.build("echo", cpu="mvp+sign_ext+bulk_memory")
    guest = catalog.find(str(path))
    found = needs(guest)
    assert "bulk-memory" in found
    monkeypatch.setattr("lockstep.guest.needs.features", lambda _: pytest.fail("read again"))
    assert needs(guest) == found


def test_a_runtime_that_lacks_what_a_guest_needs_sits_out_unless_it_runs_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guest = str(build.build("echo"))
    monkeypatch.setattr("lockstep.cli.setting.needs", lambda _: frozenset({"tail-call"}))
    assert "wasm3:default" in {rt.name for rt in choose(guest, "all", Config()).runtimes}
    monkeypatch.setattr("lockstep.cli.setting.starts", lambda *_: False)
    setting = choose(guest, "all", Config())
    assert "wasm3:default" not in {rt.name for rt in setting.runtimes}
    (missing,) = [one for one in setting.missing if one.name == "wasm3:default"]
    assert missing.reason == "it lacks tail-call, which the guest echo needs"

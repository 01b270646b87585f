"""`lockstep runtimes`, its JSON, and the README's table, which is made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockstep.cli import run
from lockstep.runtimes.features import EVERY, WASM_1, WASM_2, summary

ROOT = Path(__file__).parents[2]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command prints on stdout."""

    def says(*arguments: str) -> str:
        assert run(arguments) == 0
        return capsys.readouterr().out

    return says


def test_the_table_of_the_readme_is_what_lockstep_knows() -> None:
    tool = [sys.executable, str(ROOT / "tools" / "runtimes_table.py"), "--check"]
    assert subprocess.run(tool, check=False).returncode == 0, "run tools/runtimes_table.py"


def test_the_json_holds_all_that_the_table_shows_and_more(said: Callable[..., str]) -> None:
    known: dict[str, Any] = json.loads(said("runtimes", "--json"))
    table = said("runtimes")
    for here in known["runtimes"]:
        shown = [here["name"], here["version"], here["tier"], here["lineage"]]
        line = next(line for line in table.splitlines() if line.split()[:4] == shown)
        assert summary(here["features"]) in line
        assert ", ".join(here["ways"]) in line
        assert len(here["sha256"]) == 64
    assert known["confinement"] in table
    for missing in known["missing"]:
        assert missing["reason"] in table
        assert missing["remedy"] in table


def test_the_json_tells_lineage_features_and_limits_of_every_engine(
    said: Callable[..., str],
) -> None:
    known: dict[str, Any] = json.loads(said("runtimes", "--json"))
    engines = {engine["name"]: engine for engine in known["engines"]}
    tiers = {tier["tier"]: tier for tier in engines["wasmtime"]["tiers"]}
    assert tiers["pulley"]["lineage"] == "cranelift"
    assert set(tiers["winch"]["features"]) < EVERY
    assert [limit["case"] for limit in engines["wasm2c"]["limits"]] == ["grow by -1"]
    assert engines["ppci"]["unfit"]
    assert all(lawful["source"] for lawful in known["lawful"])
    assert {here["name"] for here in known["runtimes"]} <= set(engines)


def test_a_set_of_features_is_told_by_the_nearest_version() -> None:
    assert summary(WASM_1) == "1.0"
    assert summary(EVERY) == "2.0 and tail-call"
    assert summary(WASM_2 - {"simd"}) == "2.0 but simd"
    assert summary({"mutable-globals", "sign-extension"}) == "1.0 and sign-extension"

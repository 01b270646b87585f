"""The lines of a report are run as they stand, on every engine that is here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lockstep.guest import catalog
from lockstep.program.alone import Alone, alone
from lockstep.program.notation import decode
from lockstep.report import ways
from lockstep.runtimes import find, registry
from lockstep.runtimes.install.recipes import RECIPES
from lockstep.runtimes.model import Runtime

RIGHT = 0xC0FFEE0123456789
TEXT = "(program (function () (i64) () (i64.const 0xc0ffee0123456789)) (site 0 ()))"
SLOW = ("ppci", "wasm2c")
"""Compilers of minutes or seconds; their line is that of every other host in Python."""
HERE = [rt for rt in registry.available()[0] if rt.engine in ways.WAYS and rt.engine not in SLOW]


@pytest.fixture(scope="module")
def program() -> Alone:
    return alone(decode(TEXT))


def path_of(runtime: Runtime) -> str:
    """PATH as it is for somebody who has installed the engine."""
    folders = [Path(sys.executable).parent, runtime.place.binary.parent]
    recipe = RECIPES.get(runtime.engine)
    if recipe is not None and recipe.java:
        folders.insert(0, find.jdk(recipe.java) / "bin")
    return os.pathsep.join([*map(str, folders), os.environ["PATH"]])


def run(line: str, runtime: Runtime, folder: Path) -> str:
    env = {
        **os.environ,
        **runtime.env,
        "PATH": path_of(runtime),
        "LOCKSTEP_CACHE_DIR": str(catalog.cache_dir()),
    }
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return done.stdout or done.stderr


@pytest.mark.parametrize("runtime", HERE, ids=lambda runtime: runtime.spec)
def test_each_line_prints_what_is_right(runtime: Runtime, program: Alone, tmp_path: Path) -> None:
    if runtime.engine == "canary":
        pytest.skip("it lies about events alone")
    here = (runtime.engine, runtime.version, runtime.tier)
    for host in runtime.host_files():
        shutil.copy(host, tmp_path)
    file = tmp_path / ways.FILE
    if ways.WAYS[runtime.engine].plain:
        file.write_bytes(program.module)
        line = ways.own_line(*here, program.names[0], program.bits)
        assert run(line, runtime, tmp_path) == f"{RIGHT:#x}\n"
    file.write_bytes(program.command)
    if runtime.spec.startswith("graalwasm") and runtime.tier == "jit":
        pytest.skip("its line is that of the interpreter with other options")
    printed = run(ways.host_line(*here, ways.FILE) + ways.WORDS, runtime, tmp_path)
    assert printed.strip() == f"{RIGHT:016x}"


def test_every_engine_has_its_lines() -> None:
    without = {"native"}  # it runs no module
    assert set(registry.table()) - without == set(ways.WAYS)


@pytest.mark.parametrize("engine", ways.WAYS)
def test_a_line_leaves_nothing_open(engine: str) -> None:
    for tier in registry.table()[engine].tiers:
        here = (engine, "1.2.3", tier.name)
        own = ways.own_line(*here, "f0", 64) if ways.WAYS[engine].plain else ""
        lines = [own, ways.host_line(*here, "m.wasm"), ways.command_line(*here, "f0")]
        for line in [*lines, ways.source(engine, "1.2.3"), ways.described(engine, "1.2.3")]:
            assert "{" not in line.replace("${LOCKSTEP_CACHE_DIR", "")
            assert "\n" not in line


def test_an_engine_of_the_users_own_has_no_line() -> None:
    assert ways.host_line("mine", "1", "default", "m.wasm") == ""
    assert ways.described("mine", "1") == "mine 1"

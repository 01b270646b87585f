"""Compiled code on disk: whose it is, that it is whole, and that `cold` does without."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from fake_runtimes import HOST, PYTHON, Fake

from lockstep.execute import compiled, load, pace
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.runtimes import registry
from lockstep.runtimes.features import FIRST
from lockstep.runtimes.model import Runtime

replace = msgspec.structs.replace


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(catalog.CACHE_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "guest.wasm"
    path.write_bytes(FIRST)
    return path


@pytest.fixture
def runtime() -> Runtime:
    """One whose compiler is believed to be slow."""
    return replace(registry.select("wasmtime")[0], load_s=30.0)


def test_the_code_of_another_module_engine_or_processor_lies_elsewhere(
    runtime: Runtime, module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.wasm"
    other.write_bytes(FIRST + b"\0\x01\0")
    place = runtime.place
    host = tmp_path / "host.py"
    host.write_text("another")
    others = [
        replace(runtime, version="1.0.0"),
        replace(runtime, tier="winch"),
        replace(runtime, flags=("-O0",)),
        replace(runtime, place=replace(place, binary=module)),
        replace(runtime, place=replace(place, files=(host,))),
        replace(runtime, place=replace(place, stamp="a newer cc")),
    ]
    paths = {compiled.path_of(runtime, module), compiled.path_of(runtime, other)}
    paths |= {compiled.path_of(each, module) for each in others}
    monkeypatch.setattr(compiled, "cpu_features", lambda: "none")
    paths.add(compiled.path_of(runtime, module))
    assert len(paths) == len(others) + 3


def test_what_is_kept_is_fetched_while_it_is_whole(runtime: Runtime, module: Path) -> None:
    path = compiled.path_of(runtime, module)
    assert compiled.fetch(path) is None
    compiled.keep(path, b"code")
    assert compiled.fetch(path) == b"code"
    path.write_bytes(path.read_bytes()[:-1])
    assert compiled.fetch(path) is None


def test_the_oldest_code_goes(
    runtime: Runtime, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "FILES_MAX", 2)
    paths = [compiled.path_of(replace(runtime, tier=str(n)), module) for n in range(4)]
    for path in paths:
        compiled.keep(path, b"code")
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_a_fleet_that_keeps_takes_code_from_disk_and_a_cold_one_does_not(
    runtime: Runtime, module: Path
) -> None:
    path = compiled.path_of(runtime, module)
    with Fleet([runtime], keeps=True) as fleet:
        assert fleet.run(runtime, module, b"").end.code == 0
    assert compiled.fetch(path)
    compiled.keep(path, b"no code at all")
    with Fleet([runtime], keeps=True) as fleet:
        assert fleet.run(runtime, module, b"").end.kind == "rejected"
    for how in ({"keeps": True, "cold": True}, {"cold": True}, {}):
        with Fleet([runtime], **how) as fleet:
            assert fleet.run(runtime, module, b"").end.code == 0
    assert compiled.fetch(path) == b"no code at all"


@pytest.mark.parametrize(("load_s", "end"), [(0.0, "hang"), (20.0, "exit")])
def test_a_slow_start_is_no_hang_where_the_runtime_is_known_for_it(
    load_s: float, end: str, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FIRST_S", 0.5)
    slow = Fake(filter=(*PYTHON, "import time; time.sleep(2)"), load_s=load_s)
    with Fleet([slow]) as fleet:
        assert fleet.run(slow, module, b"").end.kind == end


@pytest.mark.parametrize("act", ["time.sleep(60)", "x = bytearray(b'x' * (3 << 30))"])
def test_a_compiler_past_its_limit_says_nothing_about_the_guest(
    act: str, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "FIRST_S", 1.0)
    source = HOST.replace("job = json", f"{act}; job = json")
    slow = Place(load_s=3.0, serve=(*PYTHON, source))
    with Fleet([slow]) as fleet:
        end = fleet.run(slow, module, b"").end
    assert end.kind == "host"
    assert "cannot load this module" in end.text


def test_a_module_that_cannot_be_compiled_is_not_tried_again_for_a_while(
    module: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = compiled.path_of(runtime, module)
    compiled.refuse(path, "it cannot load this module: memory limit")
    with Fleet([runtime], keeps=True) as fleet:
        assert fleet.run(runtime, module, b"").end.kind == "host"
    for how in ({"keeps": True, "cold": True}, {}):
        with Fleet([runtime], **how) as fleet:
            assert fleet.run(runtime, module, b"").end.code == 0
    monkeypatch.setattr(compiled, "REFUSED_S", 0.0)
    with Fleet([runtime], keeps=True) as fleet:
        assert fleet.run(runtime, module, b"").end.code == 0


class Place(Fake, frozen=True):
    """A fake that keeps no compiled code."""

    compiles: bool = False

    @property
    def place(self) -> Place:
        return self

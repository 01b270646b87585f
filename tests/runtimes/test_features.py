"""What the rows tell of features is what each runtime here shows, probe by probe."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lockstep.guest import catalog
from lockstep.guest.wasm import Module, features
from lockstep.runtimes import probe, registry
from lockstep.runtimes.features import EVERY, PROBES
from lockstep.runtimes.install.recipes import RECIPES
from lockstep.runtimes.model import Runtime

RUNTIMES = [rt for rt in registry.available()[0] if rt.engine not in ("canary", "native")]


def test_each_probe_uses_the_feature_that_it_is_named_after() -> None:
    assert set(PROBES) == EVERY
    for name, module in PROBES.items():
        assert name in features(Module.decode(module))


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda rt: rt.name)
def test_a_runtime_shows_the_features_that_its_row_tells(runtime: Runtime) -> None:
    seen = probe.probe(runtime)
    assert seen is not None
    assert seen == runtime.features


def test_rows_tell_of_the_version_that_is_installed_by_default() -> None:
    rows = registry.table()
    told = {engine: row.probed for engine, row in rows.items() if row.probed}
    for engine, recipe in RECIPES.items():
        assert told.get(engine, recipe.version) == recipe.version


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Runtime]:
    """The runtimes that are really probed, with an empty cache."""
    calls: list[Runtime] = []
    really = probe.probe

    def counting(runtime: Runtime) -> frozenset[str] | None:
        calls.append(runtime)
        return really(runtime)

    monkeypatch.setenv(catalog.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(probe, "probe", counting)
    probe.probed.cache_clear()
    return calls


def test_a_version_that_no_row_tells_of_is_probed_once_and_remembered(
    counted: list[Runtime],
) -> None:
    (wasmtime,) = registry.select("wasmtime")
    untold = msgspec.structs.replace(wasmtime, told=None)
    assert untold.features == wasmtime.features
    probe.probed.cache_clear()
    assert untold.features == wasmtime.features
    assert counted == [untold]
    other = msgspec.structs.replace(untold, version="0.0.1")
    assert other.features == wasmtime.features
    assert counted == [untold, other]


def test_a_runtime_that_does_not_run_has_no_features_and_is_tried_again(
    counted: list[Runtime],
) -> None:
    (wasmtime,) = registry.select("wasmtime")
    nothing = msgspec.structs.replace(wasmtime.place, serve=None, filter=("/bin/false",))
    broken = msgspec.structs.replace(wasmtime, told=None, place=nothing)
    assert broken.features == frozenset()
    probe.probed.cache_clear()
    assert broken.features == frozenset()
    assert counted == [broken, broken]

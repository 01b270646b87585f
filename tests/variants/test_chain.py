"""Guests rewritten by other programs: the same again from the same seed, and guests still."""

from __future__ import annotations

import shutil
from pathlib import Path

import fake_tools
import pytest

from lockstep.errors import LockstepError, UnknownNameError, UsageError
from lockstep.guest import audit, catalog, rewrite, tools, variants
from lockstep.guest.chain import chained, mutated
from lockstep.runtimes import registry

GUEST = catalog.shipped()["hotstuff"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fake_tools.hide(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def mutator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    return fake_tools.mutator(tmp_path / "bin")


@pytest.mark.usefixtures("mutator")
def test_a_chain_is_the_same_again_and_another_seed_gives_another(cache: Path) -> None:
    first = chained(GUEST, 7, 4).read_bytes()
    other = chained(GUEST, 8, 4).read_bytes()
    shutil.rmtree(cache)
    assert chained(GUEST, 7, 4).read_bytes() == first != other


@pytest.mark.usefixtures("mutator")
def test_a_longer_chain_begins_with_the_shorter_one(cache: Path) -> None:
    short = chained(GUEST, 7, 2).read_bytes()
    third = mutated(GUEST.read_bytes(), short, 7, 3)
    assert third.number == 3
    continued = chained(GUEST, 7, 3).read_bytes()
    shutil.rmtree(cache)
    assert chained(GUEST, 7, 3).read_bytes() == continued == third.module


@pytest.mark.usefixtures("mutator")
def test_a_chain_has_as_many_mutations_as_it_says_whatever_does_not_fit() -> None:
    for length in (0, 1, 8):
        assert fake_tools.mutations(chained(GUEST, 3, length).read_bytes()) == length


@pytest.mark.usefixtures("mutator")
def test_what_comes_of_a_chain_is_a_guest_without_custom_sections() -> None:
    found = audit.audit(chained(GUEST, 3, 6))
    assert not found.customs
    assert not found.surplus
    assert not found.missing
    assert found.features == audit.audit(GUEST).features


@pytest.mark.usefixtures("mutator")
def test_a_chain_is_made_once(mutator: Path) -> None:
    path = chained(GUEST, 7, 2)
    made = path.stat().st_mtime_ns
    assert chained(GUEST, 7, 2) == path
    assert path.stat().st_mtime_ns == made
    fake_tools.mutator(mutator.parent, fault=1)  # another tool makes another chain
    assert chained(GUEST, 7, 2) != path


@pytest.mark.usefixtures("mutator")
def test_guests_that_lockstep_does_not_ship_can_be_rewritten() -> None:
    echo = Path(__file__).parents[2] / "corpus" / "guests" / "echo.wasm"
    assert fake_tools.mutations(variants.variant("mutate.1.2", echo).read_bytes()) == 2


def test_without_the_tool_the_error_names_the_command_that_helps() -> None:
    with pytest.raises(UsageError, match="`wasm-tools` is not at hand") as caught:
        variants.variant("mutate.7.4", GUEST)
    assert caught.value.hint == "`lockstep guest tools --install wasm-tools`"
    with pytest.raises(UsageError, match="`wasm-opt` is not at hand") as caught:
        variants.variant("opt.O3", GUEST)
    assert caught.value.hint == "`lockstep guest tools --install wasm-opt`"


def test_a_mutator_that_never_fits_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools.write(tmp_path / "bin", "wasm-tools", "sys.exit(0 if 'mutate' not in words else 3)")
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    with pytest.raises(LockstepError, match="none of 100 mutations fits at step 1 of chain 7"):
        chained(GUEST, 7, 2)


def test_a_mutator_that_cannot_read_the_guest_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "sys.exit(0) if 'mutate' not in words else None\nsys.stderr.write('magic')\nsys.exit(2)"
    fake_tools.write(tmp_path / "bin", "wasm-tools", text)
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    with pytest.raises(LockstepError, match="fails on the guest: magic"):
        chained(GUEST, 7, 2)


def test_the_optimizer_gets_its_level_and_leaves_no_custom_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    fake_tools.optimizer(tmp_path / "bin")
    assert rewrite.optimized(GUEST, "O3").read_bytes() == GUEST.read_bytes()
    fake_tools.optimizer(tmp_path / "bin", broken="out of ideas")
    with pytest.raises(LockstepError, match="-O3` fails on the guest: out of ideas"):
        rewrite.optimized(GUEST, "O3")


def test_the_names_of_rewritten_variants_are_runtimes() -> None:
    for name in ("mutate.7.30", "opt.Oz", "opt.O1"):
        (runtime,) = registry.select(f"wasmtime+variant={name}")
        assert runtime.name == f"wasmtime:cranelift+variant={name}"
        assert not runtime.digests
    for name in ("mutate.7", "mutate.x.3", "mutate.7.30.flaw", "opt.O9", "opt"):
        with pytest.raises(UsageError, match="cannot be"):
            registry.select(f"wasmtime+variant={name}")


def test_an_unknown_tool_is_no_tool() -> None:
    with pytest.raises(UnknownNameError, match="tool"):
        tools.place("wasm-shuffle")


def test_the_variants_of_a_campaign_are_drawn_from_its_seed() -> None:
    kinds = dict(variants.drawn(1))
    assert kinds == dict(variants.drawn(1))
    chains = kinds["mutation chains"]
    assert len(set(chains)) == variants.CHAINS
    assert {variants.chain_of(name)[1] for name in chains} == {variants.LENGTH}
    assert not set(chains) & set(dict(variants.drawn(2))["mutation chains"])

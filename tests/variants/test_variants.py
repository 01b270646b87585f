"""The guest built or rewritten otherwise behaves the same, and one that does not is named."""

from __future__ import annotations

import re
from pathlib import Path

import fake_tools
import pytest

from lockstep import protocol
from lockstep.cli import run
from lockstep.errors import ExitCode, GuestError, UnknownNameError
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog, tools, variants
from lockstep.judge import judge
from lockstep.runtimes import registry
from lockstep.trace import Header, Trace

ALIKE = "wasmtime:cranelift,v8:liftoff+variant=small.mvp,v8:turbofan+variant=fast.generic"
FLAWED = (
    "wasmtime:cranelift,wasmtime:winch,v8:liftoff,v8:turbofan+variant=fast.mvp.quorum_minus_one"
)


def campaign(runtimes: str, output: Path) -> int:
    options = ["--seed", "2", "--max-runs", "12", "--no-programs", "--max-candidates", "50"]
    return run(["fuzz", "--runtimes", runtimes, *options, "--output", str(output)])


def test_variants_agree_with_the_guest(tmp_path: Path) -> None:
    assert campaign(ALIKE, tmp_path) == ExitCode.AGREE


def test_a_variant_with_a_planted_difference_is_the_suspect(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert campaign(FLAWED, tmp_path) == ExitCode.DIVERGENCE
    assert "suspects: v8:turbofan+variant=fast.mvp.quorum_minus_one" in capfd.readouterr().err


def test_a_variant_is_a_runtime_of_its_own_name() -> None:
    one, other = registry.select("v8:liftoff,v8:liftoff+variant=small.lime1")
    assert (one.name, other.name) == ("v8:liftoff", "v8:liftoff+variant=small.lime1")
    assert registry.select(other.spec) == [other]
    assert not other.digests


def test_a_fault_of_one_engine_on_many_variants_is_one_vote() -> None:
    """Else the engine that runs the most variants would always be right."""
    wrong = "canary:state+at=1"
    lying = ",".join(f"{wrong}+variant={name}" for name in ("small.mvp", "small.lime1"))
    runtimes = registry.select(f"wasmtime,v8,{wrong},{lying}")
    guest = catalog.find("hotstuff")
    events = (protocol.init(0, protocol.Init(0, 4, 1)), protocol.timeout(0, 1))
    with Fleet(runtimes) as fleet:
        trace = Trace(Header(guest.name, guest.sha256), events)
        found = judge(fleet, guest.path, trace, runtimes).divergence
    assert found is not None
    assert len(found.suspects) == 3
    assert all(name.startswith("canary") for name in found.suspects)


def test_variants_of_one_runtime_share_its_process_and_no_other() -> None:
    names = ("v8:liftoff", "v8:liftoff+variant=small.mvp", "v8:liftoff+variant=mutate.1.2")
    assert len({runtime.host for runtime in registry.select(",".join(names))}) == 1
    assert (
        len({runtime.host for runtime in registry.select("v8:liftoff,v8:turbofan,wasmtime")}) == 3
    )


def test_there_are_at_least_eight_variants_and_the_shipped_build_is_none() -> None:
    assert len(set(variants.NAMES)) >= 8
    assert variants.BASE not in variants.NAMES


def test_what_is_no_shipped_guest_has_no_variants(tmp_path: Path) -> None:
    module = tmp_path / "other.wasm"
    module.write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(GuestError, match="not a guest that lockstep ships"):
        variants.variant("small.mvp", module)


def test_an_unknown_set_of_instructions_is_named() -> None:
    with pytest.raises(UnknownNameError, match="cpu"):
        variants.variant("small.pentium", catalog.shipped()["hotstuff"])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns with one variant of each kind."""
    monkeypatch.setattr(variants, "NAMES", ("small.mvp",))
    monkeypatch.setattr(variants, "LEVELS", ("O3",))
    monkeypatch.setattr(variants, "CHAINS", 1)
    monkeypatch.setattr(variants, "LENGTH", 3)


def with_variants(output: Path, guest: str = "hotstuff") -> int:
    options = ["--seed", "2", "--max-runs", "2", "--no-programs", "--output", str(output)]
    runtimes = ("--runtimes", "wasmtime,wasmtime:winch")
    return run(["fuzz", "--variants", "--guest", guest, *runtimes, *options])


@pytest.mark.usefixtures("few")
def test_a_campaign_takes_some_of_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    fake_tools.mutator(tmp_path / "bin")
    fake_tools.optimizer(tmp_path / "bin")
    assert with_variants(tmp_path / "finds") == ExitCode.AGREE
    said = capfd.readouterr().err
    for variant in ("small.mvp", r"mutate.\d+.3", "opt.O3"):
        assert re.search(rf"\+variant={variant} judged 2 traces", said)
    assert "INFO: without" not in said


@pytest.mark.usefixtures("few")
def test_a_campaign_goes_on_without_tools_that_are_not_at_hand_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    fake_tools.hide(monkeypatch, cache)
    assert with_variants(tmp_path / "finds") == ExitCode.AGREE
    said = capfd.readouterr().err
    assert "+variant=small.mvp judged 2 traces" in said
    assert "without mutation chains: `wasm-tools` is not at hand; lockstep guest tools" in said
    assert "without wasm-opt levels: `wasm-opt` is not at hand; lockstep guest tools" in said


@pytest.mark.usefixtures("few")
def test_a_guest_without_sources_is_only_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_tools.hide(monkeypatch, tmp_path / "cache")
    module = tmp_path / "stranger.wasm"  # by its hash no guest of ours
    module.write_bytes(catalog.shipped()["hotstuff"].read_bytes() + b"\0\5\4mine")
    assert with_variants(tmp_path / "finds", str(module)) == ExitCode.USAGE
    assert "there is no variant (Zig builds: " in capfd.readouterr().err
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    fake_tools.optimizer(tmp_path / "bin")
    assert with_variants(tmp_path / "finds", str(module)) == ExitCode.AGREE
    said = capfd.readouterr().err
    assert "without Zig builds: " in said
    assert "+variant=opt.O3 judged 2 traces" in said


def test_a_chain_asked_for_by_name_without_its_tool_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_tools.hide(monkeypatch, tmp_path / "cache")
    runtimes = "wasmtime,wasmtime:winch+variant=mutate.7.4"
    options = ["--max-runs", "1", "--no-programs", "--output", str(tmp_path)]
    assert run(["fuzz", "--runtimes", runtimes, *options]) == ExitCode.USAGE
    said = capfd.readouterr().err
    assert "error: `wasm-tools` is not at hand" in said
    assert "hint: `lockstep guest tools --install wasm-tools`" in said


def test_the_tools_are_listed_with_what_would_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_tools.hide(monkeypatch, tmp_path / "cache")
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    fake_tools.optimizer(tmp_path / "bin")
    assert run(["guest", "tools"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wasm-tools  not at hand (`lockstep guest tools --install wasm-tools`)",
        f"wasm-opt  wasm-opt version 0 (fake)  {tmp_path / 'bin' / 'wasm-opt'}",
    ]


@pytest.mark.skipif(tools.place("wasm-tools") is None, reason="wasm-tools is not at hand")
def test_real_mutations_change_the_module_and_not_what_it_does(tmp_path: Path) -> None:
    one, other = "mutate.1.30", "mutate.2.30"
    guest = catalog.shipped()["hotstuff"]
    made = {variants.variant(name, guest).read_bytes() for name in (one, other)}
    assert len(made | {guest.read_bytes()}) == 3
    runtimes = f"wasmtime:cranelift,wasmtime:winch+variant={one},v8+variant={other}"
    assert campaign(runtimes, tmp_path) == ExitCode.AGREE


@pytest.mark.skipif(tools.place("wasm-opt") is None, reason="wasm-opt is not at hand")
def test_a_really_optimized_guest_does_the_same(tmp_path: Path) -> None:
    guest = catalog.shipped()["hotstuff"]
    assert variants.variant("opt.O3", guest).read_bytes() != guest.read_bytes()
    assert campaign("wasmtime:cranelift,v8:liftoff+variant=opt.O3", tmp_path) == ExitCode.AGREE

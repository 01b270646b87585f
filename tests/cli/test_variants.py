"""Other builds of the guest behave the same, and one that does not is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.cli import run
from lockstep.errors import ExitCode, GuestError, UnknownNameError
from lockstep.guest import catalog, variants
from lockstep.runtimes import registry

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


def test_a_variant_is_a_runtime_of_its_own_name_and_vote() -> None:
    one, other = registry.select("v8:liftoff,v8:liftoff+variant=small.lime1")
    assert (one.name, other.name) == ("v8:liftoff", "v8:liftoff+variant=small.lime1")
    assert one.lineage != other.lineage
    assert registry.select(other.spec) == [other]
    assert not other.digests


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

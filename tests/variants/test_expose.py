"""A find on a chain of mutations is put down to the one mutation that exposes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import fake_tools
import msgspec
import pytest

from lockstep import protocol
from lockstep.campaign.expose import Exposed, exposed
from lockstep.campaign.hunt import Hunter
from lockstep.campaign.job import describe
from lockstep.campaign.news import Reduced
from lockstep.campaign.proof import Lab
from lockstep.cli import run
from lockstep.errors import ExitCode
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.guest.audit import APPLY
from lockstep.guest.chain import chained
from lockstep.guest.wasm import External, Module
from lockstep.judge import Judgement, judge
from lockstep.runtimes import registry
from lockstep.runtimes.find import HOSTS
from lockstep.trace import Header, Trace

GUEST = catalog.find(str(Path(__file__).parents[2] / "corpus" / "guests" / "register.wasm"))
PICKY = Path(__file__).with_name("picky.py")
EVENTS = (
    *(protocol.init(node, protocol.Init(node, 4, 1)) for node in range(2)),
    protocol.timeout(0, 1),
    protocol.digest(),
)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fake_tools.on_path(monkeypatch, tmp_path / "bin")
    fake_tools.mutator(tmp_path / "bin")
    return tmp_path / "bin"


def lab(runtimes: str, pattern: bytes = b"") -> Lab:
    words = (sys.executable, str(PICKY), str(HOSTS / "run_wasmtime.py"), pattern.hex() or "-")
    chosen = registry.select(runtimes, {"picky": " ".join((*words, "{module}"))})
    with Driver(chosen[0], GUEST.path) as driver:
        return Lab(GUEST.path, chosen, describe(driver), 4, lambda: False)


def judged(lab: Lab) -> tuple[Trace, Judgement]:
    trace = Trace(Header(GUEST.name, GUEST.sha256), EVENTS)
    with Fleet(lab.runtimes, jobs=1) as fleet:
        return trace, judge(fleet, lab.module, trace, lab.runtimes, lab.description)


def body_of(seed: int, number: int) -> bytes:
    """The body that mutation `number` changed, as it left it."""
    one, other = (
        Module.decode(chained(GUEST.path, seed, length).read_bytes())
        for length in (number - 1, number)
    )
    pairs = zip(one.bodies(), other.bodies(), strict=True)
    (changed,) = [new.data for old, new in pairs if old.data != new.data]
    return changed


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("number", [1, 4, 7])
def test_the_mutation_that_meets_a_fault_of_the_runtime_is_named(number: int) -> None:
    pattern = body_of(5, number)
    found = exposed_by(lab("wasmtime,wasmtime:winch,picky,picky+variant=mutate.5.7", pattern))
    assert found is not None
    assert found.witness.engine == "wasmtime"
    assert found.alike is False
    assert (found.variant, found.last, found.mutation.number) == ("mutate.5.7", number - 1, number)
    assert pattern in found.mutation.module
    assert pattern not in found.before
    assert found.mutation.module == chained(GUEST.path, 5, number).read_bytes()
    assert found.before == chained(GUEST.path, 5, number - 1).read_bytes()


def exposed_by(lab: Lab) -> Exposed | None:
    trace, judgement = judged(lab)
    assert judgement.divergence is not None
    return exposed(lab, trace, judgement)


@pytest.mark.usefixtures("tools")
def test_a_fault_that_the_guest_itself_shows_is_no_mutation() -> None:
    pattern = Module.decode(GUEST.module).bodies()[0].data[:60]
    assert pattern in chained(GUEST.path, 5, 3).read_bytes()
    wrong = lab("wasmtime,wasmtime:winch,picky+variant=mutate.5.3", pattern)
    assert exposed_by(wrong) is None


def test_a_find_on_no_chain_has_no_mutation() -> None:
    pattern = GUEST.module[8:40]
    assert exposed_by(lab("wasmtime,wasmtime:winch,picky", pattern)) is None


@pytest.mark.usefixtures("tools")
def test_the_modules_around_the_mutation_are_kept_beside_the_find(tmp_path: Path) -> None:
    pattern = body_of(5, 2)
    wrong = lab("wasmtime,wasmtime:winch,picky+variant=mutate.5.3", pattern)
    *_, written = Hunter(wrong, tmp_path / "finds").hunt(*judged(wrong))
    assert isinstance(written, Reduced)
    assert written.exposed.startswith("mutation 2 (seed ")
    folder = Path(written.folder)
    assert pattern not in (folder / "before.wasm").read_bytes()
    assert pattern in (folder / "after.wasm").read_bytes()
    report = (folder / "report.txt").read_text()
    assert written.exposed in report
    assert "bodies of the code section: " in report
    assert "does on it what the guest does: picky:default is at fault" in report
    replay = ["replay", str(folder / "reproducer.trace"), "--runtimes", "wasmtime,wasmtime:winch"]
    assert run([*replay, "--guest", str(folder / "before.wasm")]) == ExitCode.AGREE


def test_a_mutation_that_changes_what_the_guest_does_is_named_by_a_campaign(
    tools: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    module = Module.decode(catalog.find("hotstuff").module)
    application = module.export(External.FUNCTION, APPLY)
    assert application is not None
    victim = application.index - module.imported(External.FUNCTION)
    fake_tools.mutator(tools, fault=4, victim=victim)
    runtimes = "wasmtime,wasmtime:winch,v8+variant=mutate.9.6"
    options = ["--seed", "2", "--max-runs", "12", "--no-programs", "--max-candidates", "50"]
    output = tmp_path / "finds"
    code = run(["fuzz", "--runtimes", runtimes, *options, "--output", str(output)])
    assert code == ExitCode.DIVERGENCE
    said = capfd.readouterr().err
    assert "suspects: v8:default+variant=mutate.9.6" in said
    assert re.search(
        r"mutation 4 \(seed \d+\) of the chain mutate.9.6 changes what the guest", said
    )
    (folder,) = output.iterdir()
    report = (folder / "report.txt").read_text()
    assert "wasmtime:cranelift does the same on it: the mutation is at fault, not v8:def" in report
    assert fake_tools.mutations((folder / "before.wasm").read_bytes()) == 3
    emptied = [
        Module.decode((folder / name).read_bytes()).bodies()[victim].data == b"\0\1\x0b"
        for name in ("before.wasm", "after.wasm")
    ]
    assert emptied == [False, True]


@pytest.mark.usefixtures("tools")
def test_prefixes_that_cannot_be_compared_are_not_claimed_to_be_right() -> None:
    found = exposed_by(lab("wasmtime,wasmtime:winch,picky+variant=mutate.5.4", body_of(5, 4)))
    assert found is not None
    assert found.summary.startswith("mutation 4 (seed ")
    doubtful = msgspec.structs.replace(found, last=1)
    assert doubtful.summary.startswith("one of the mutations 2 to 4 of the chain mutate.5.4")

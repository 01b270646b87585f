"""HotStuff of the University of Stavanger as a guest: its traces, its commits, its known faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from go_guests import built

from lockstep import protocol
from lockstep.campaign.job import census, describe
from lockstep.compare import Verdict
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import build
from lockstep.invariants import check
from lockstep.judge import judge
from lockstep.protocol import Description, Event, EventKind
from lockstep.runtimes import registry
from lockstep.scenario.named import named
from lockstep.simulate import Recording, simulate
from lockstep.trace import read

FOLDER = Path(__file__).parents[2] / "traces" / "relab"
TRACES = sorted(FOLDER.glob("*.trace"))
RUNTIMES = "v8:liftoff,wasmtime:winch,wasm3"
PROPOSAL, VOTE, NEW_VIEW = 1, 2, 3


@pytest.fixture(scope="module")
def live() -> Iterator[Driver]:
    """A live guest, on the runtime that compiles it fastest."""
    (runtime,) = registry.select("v8:liftoff")
    with Driver(runtime, built("relab")) as driver:
        yield driver


@pytest.fixture(scope="module")
def said(live: Driver) -> Description:
    return describe(live)


def played(live: Driver, said: Description, rules: str) -> Recording:
    """The fault-free scenario."""
    scenario = named(said)[0].scenario
    scenario.options["rules"] = rules
    live.renew()
    return simulate(scenario, live, said)


def is_proposal(event: Event) -> bool:
    return event.kind == EventKind.DELIVER and event.body[2] == PROPOSAL


def names(said: Description, recording: Recording) -> Counter[str]:
    numbers = (int.from_bytes(frame[4:6], "little") for frame in recording.observations)
    return Counter(said.outcome_name(number) for number in numbers)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_captured_trace_is_answered_as_it_was_on_runtimes_of_three_lineages(path: Path) -> None:
    module, trace, runtimes = built("relab"), read(path), registry.select(RUNTIMES)
    with Fleet(runtimes, keeps=True) as fleet:
        judged = judge(fleet, module, trace, runtimes)
    assert judged.verdict is Verdict.AGREE, (judged.reason, judged.divergence)
    assert not judged.broken


@pytest.mark.timeout(600)
def test_a_parent_that_is_not_certified_breaks_agreement(live: Driver, said: Description) -> None:
    trace = read(FOLDER.parents[1] / "corpus" / "unsafe" / "relab-other-parent.trace")
    live.renew()
    frames = [live.step(event) for event in trace.events]
    violation = check(trace.events, frames, said)
    assert violation is not None
    assert (violation.name, violation.index) == ("agreement", len(trace.events) - 1)


def test_three_traces_are_captured() -> None:
    assert {path.stem for path in TRACES} == {"fault-free", "partition-and-heal", "no-signature"}
    assert {read(path).header.guest for path in TRACES} == {"relab"}


@pytest.mark.parametrize("rules", ["chained", "simple", "fast"])
def test_blocks_commit_when_nothing_is_wrong(live: Driver, said: Description, rules: str) -> None:
    recording = played(live, said, rules)
    proposals = sum(map(is_proposal, recording.events))
    commits, _ = census(recording.observations)
    assert proposals > 30
    assert commits >= proposals / 15
    assert "panicked" not in names(said, recording)


def test_a_certificate_without_a_signature_ends_a_replica_for_good(
    live: Driver, said: Description
) -> None:
    recording = played(live, said, "chained")
    proposal = next(
        event for event in reversed(recording.events) if is_proposal(event) and event.node == 0
    )
    sender, message = protocol.parse_deliver(proposal.body)
    lies = {lie.name: lie.number for lie in said.mutations}
    forged = protocol.decode_observation(
        live.step(protocol.forge(0, lies["no signature"], 0, message))
    )
    lie = protocol.deliver(0, sender, protocol.report_of(forged))
    answers = [live.step(event) for event in (lie, proposal, protocol.timeout(0, 1))]
    outcomes = [said.outcome_name(int.from_bytes(frame[4:6], "little")) for frame in answers]
    assert outcomes == ["panicked"] * 3
    state = protocol.report_of(protocol.decode_observation(live.step(protocol.inspect(0))))
    assert b"nil pointer dereference" in state
    restarted = live.step(recording.events[0])
    assert recording.events[0].kind == EventKind.INIT
    assert said.outcome_name(int.from_bytes(restarted[4:6], "little")) != "panicked"


def test_to_forge_changes_no_state_and_gives_a_message_that_can_be_read(
    live: Driver, said: Description
) -> None:
    recording = played(live, said, "fast")
    messages = {
        event.body[2]: protocol.parse_deliver(event.body)[1]
        for event in recording.events
        if event.kind == EventKind.DELIVER
    }
    assert {PROPOSAL, VOTE, NEW_VIEW} <= set(messages)
    before = live.step(protocol.inspect(0))
    applied = set()
    for lie in said.mutations:
        for kind in set(lie.messages) & set(messages):
            answer = protocol.decode_observation(
                live.step(protocol.forge(0, lie.number, 5, messages[kind]))
            )
            if answer.outcome == 0:
                applied.add(lie.name)
                decoded = live.step(protocol.decode(protocol.report_of(answer)))
                assert protocol.decode_observation(decoded).outcome == 0
    assert live.step(protocol.inspect(0)) == before
    assert len(applied) >= 8


@pytest.mark.long
def test_two_builds_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built("relab").read_bytes()
    monkeypatch.setenv("GOCACHE", str(tmp_path / "go"))
    again = build.build("relab", out=tmp_path / "again.wasm").read_bytes()
    assert again == first
    for folder in (tmp_path, Path.home(), build.source()):
        assert str(folder).encode() not in again

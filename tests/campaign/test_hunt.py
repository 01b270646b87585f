"""From a suspicion to a find: what shows again is reduced, what does not is kept and said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep import protocol, trace
from lockstep.campaign.hunt import Hunter
from lockstep.campaign.job import describe
from lockstep.campaign.news import Diverged, Reduced
from lockstep.campaign.proof import Lab
from lockstep.compare import RECORDED, Divergence, Stream, Verdict, Voter, first_difference
from lockstep.execute.driver import Driver
from lockstep.execute.process import Ended
from lockstep.guest import catalog
from lockstep.judge import Judgement
from lockstep.runtimes import registry
from lockstep.trace import Header, Trace

GUEST = catalog.find("hotstuff")
EVENTS = (protocol.init(0, protocol.Init(0, 4, 1)), protocol.timeout(0, 1), protocol.digest())


@pytest.fixture
def lab() -> Lab:
    runtimes = registry.select("wasmtime,v8,canary:state+at=1")
    with Driver(runtimes[0], GUEST.path) as driver:
        return Lab(GUEST.path, runtimes, describe(driver), 500, lambda: False)


def suspicion() -> Judgement:
    """A divergence that nobody sees again: the simulation saw another state."""
    frames = [
        protocol.encode_observation(protocol.Observation(0, bytes([state]) * 32, ()))
        for state in (1, 2)
    ]
    fine = Ended("exit", 0, "")
    streams = {
        RECORDED: Stream(frames[:1], fine),
        Voter("v8:default", "x"): Stream(frames[1:], fine),
    }
    found = first_difference(EVENTS[:1], streams)
    assert isinstance(found, Divergence)
    return Judgement(Verdict.DIVERGE, divergence=found)


def test_what_does_not_show_again_is_kept_as_it_was_met(lab: Lab, tmp_path: Path) -> None:
    honest = Lab(lab.module, lab.runtimes[:2], lab.description, 500, lambda: False)
    met = Trace(Header(GUEST.name, GUEST.sha256), EVENTS)
    told, written = Hunter(honest, tmp_path).hunt(met, suspicion())
    assert isinstance(told, Diverged)
    assert isinstance(written, Reduced)
    assert written.confirmed.startswith("not confirmed")
    assert not written.minimal
    assert trace.read(Path(written.folder) / "reproducer.trace").events == EVENTS


def test_a_fingerprint_met_again_is_only_told(lab: Lab, tmp_path: Path) -> None:
    hunter = Hunter(lab, tmp_path)
    met = Trace(Header(GUEST.name, GUEST.sha256), EVENTS)
    first = list(hunter.hunt(met, suspicion()))
    again = list(hunter.hunt(met, suspicion()))
    assert [type(news) for news in first] == [Diverged, Reduced]
    assert [type(news) for news in again] == [Diverged]
    assert isinstance(again[0], Diverged)
    assert again[0].known

"""A tester that stays silent about a liar is worth nothing: each lie, anywhere, is named right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep import protocol
from lockstep.campaign.job import describe
from lockstep.compare import Kind, Verdict
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.judge import judge
from lockstep.protocol import Description
from lockstep.runtimes import registry
from lockstep.scenario.named import named
from lockstep.simulate import simulate
from lockstep.trace import Header, Trace

GUEST = catalog.find("hotstuff")
LENGTH = 60
WHERE = {"first": 0, "middle": LENGTH // 2, "last": LENGTH - 1}
KINDS = {
    "outcome": Kind.OUTCOME,
    "state": Kind.STATE,
    "actions": Kind.ACTIONS,
    "trap": Kind.TRAP,
    "crash": Kind.CRASH,
    "garbled": Kind.GARBLED,
}
SLOW_KINDS = {"hang": Kind.HANG, "memory-limit": Kind.MEMORY_LIMIT}


@pytest.fixture(scope="module")
def description() -> Description:
    with Driver(registry.select("wasmtime")[0], GUEST.path) as driver:
        return describe(driver)


@pytest.fixture(scope="module")
def trace(description: Description) -> Trace:
    """The first events of a fault-free cluster, and a digest behind them."""
    calm = next(n.scenario for n in named(description) if n.name == "fault-free")
    with Driver(registry.select("wasmtime")[0], GUEST.path) as driver:
        events = simulate(calm, driver, description).events[: LENGTH - 1]
    return Trace(Header(GUEST.name, GUEST.sha256), (*events, protocol.digest()))


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet([]) as fleet:
        yield fleet


def expect_caught(fleet: Fleet, trace: Trace, lie: str, kind: Kind, at: int) -> None:
    runtimes = registry.select(f"wasmtime,v8,canary:{lie}")
    judged = judge(fleet, Path(GUEST.path), trace, runtimes)
    assert judged.verdict is Verdict.DIVERGE
    assert judged.divergence is not None
    assert judged.divergence.kind is kind
    assert judged.divergence.index == at
    assert judged.divergence.suspects == (f"canary:{lie}",)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("lie", KINDS)
def test_each_lie_is_caught_wherever_it_is_told(
    fleet: Fleet, trace: Trace, lie: str, where: str
) -> None:
    at = WHERE[where]
    # A lie about the digest's report is one about memory, whatever was meant.
    memory = where == "last" and lie in ("actions", "state")
    kind = Kind.MEMORY if memory else KINDS[lie]
    expect_caught(fleet, trace, f"{lie}+at={at}", kind, at)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("lie", SLOW_KINDS)
@pytest.mark.long
def test_each_slow_lie_is_caught_wherever_it_is_told(
    fleet: Fleet, trace: Trace, lie: str, where: str
) -> None:
    expect_caught(fleet, trace, f"{lie}+at={WHERE[where]}", SLOW_KINDS[lie], WHERE[where])


def test_a_hang_in_the_middle_is_caught(fleet: Fleet, trace: Trace) -> None:
    at = WHERE["middle"]
    expect_caught(fleet, trace, f"hang+at={at}", Kind.HANG, at)


def test_a_silent_wrong_store_is_caught_by_the_digest(fleet: Fleet, trace: Trace) -> None:
    expect_caught(fleet, trace, "memory", Kind.MEMORY, LENGTH - 1)


def test_a_module_refused_by_one_is_caught(fleet: Fleet, trace: Trace) -> None:
    expect_caught(fleet, trace, "rejected", Kind.REJECTED, 0)

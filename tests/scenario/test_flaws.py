"""The generator is good enough: each flawed build of a guest breaks soon, the correct one never.

The short version tries one seed, of which few scenarios suffice; `-m long` ten seeds, and 20,000
scenarios for the correct guest.
"""

import importlib.util
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep import protocol
from lockstep.execute.process import EarlyEnd, Ended
from lockstep.guest.build import RECIPES, build
from lockstep.invariants import Violation, check
from lockstep.protocol import Description, Event
from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import generate
from lockstep.simulate import Recording, simulate

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="flawed guests are built with Zig"
)

GUEST = "hotstuff"
FLAWS = RECIPES[GUEST].flaws
SCENARIOS = 1000
SEED = 7


class Native:
    """A `Session` on a native build; `init` resets a node wholly, so one process serves all."""

    def __init__(self, program: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program], stdin=pipe, stdout=pipe, bufsize=0)
        self._write, self._read = self.process.stdin.write, self.process.stdout.read
        report = protocol.report_of(protocol.decode_observation(self.step(protocol.describe())))
        self.description: Description = protocol.parse_description(report)

    def step(self, event: Event) -> bytes:
        self._write(event.encode())
        frame = b""
        while len(frame) < 4 + int.from_bytes(frame[:4], "little"):
            part = self._read(1 << 16)
            if not part:
                raise EarlyEnd(Ended("crash", self.process.wait()))
            frame += part
        return frame

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture
def native(request: pytest.FixtureRequest) -> Iterator[Native]:
    session = Native(build(GUEST, flaw=request.param, native=True))
    yield session
    session.close()


def play(session: Native, seed: int, index: int) -> Recording:
    """One scenario, to its end."""
    scenario = generate(Stream(seed, index, "scenario"), session.description)
    recording = simulate(scenario, session, session.description)
    assert recording.end is None
    return recording


def first_find(session: Native, seed: int, count: int) -> tuple[int, Violation] | None:
    """Index of the first scenario of `seed` that breaks an invariant, and which one."""
    for index in range(count):
        recording = play(session, seed, index)
        violation = check(recording.events, recording.observations, session.description)
        if violation is not None:
            return index, violation
    return None


@pytest.mark.parametrize("native", FLAWS, indirect=True)
def test_each_flaw_is_found(native: Native) -> None:
    assert first_find(native, SEED, SCENARIOS)


@pytest.mark.parametrize("native", [None], indirect=True)
def test_the_correct_guest_does_not_break(native: Native) -> None:
    assert first_find(native, SEED, 150) is None


@pytest.mark.parametrize("native", [None], indirect=True)
def test_scenarios_show_most_of_what_a_guest_can_answer_and_let_it_commit(native: Native) -> None:
    outcomes: set[int] = set()
    kinds: Counter[int] = Counter()
    count = 0
    for index in range(100):
        recording = play(native, SEED, index)
        count += len(recording.events)
        for frame in recording.observations:
            answer = protocol.decode_observation(frame)
            outcomes.add(answer.outcome)
            kinds.update(action.kind for action in answer.actions)
    assert len(outcomes) >= 0.8 * len(native.description.outcomes)
    assert kinds[protocol.ActionKind.COMMIT] >= 0.03 * count


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("native", FLAWS, indirect=True)
def test_each_flaw_is_found_from_any_seed(native: Native, seed: int) -> None:
    assert first_find(native, seed, SCENARIOS)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("native", [None], indirect=True)
def test_the_correct_guest_does_not_break_from_any_seed(native: Native, seed: int) -> None:
    assert first_find(native, seed, 2000) is None

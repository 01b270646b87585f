"""The generator is good enough: each flawed build of a guest breaks soon, the correct one never.

The short version tries one seed and some hundred scenarios; `-m long` ten seeds and 20,000.
"""

import importlib.util
import subprocess
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
from lockstep.simulate import simulate

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="flawed guests are built with Zig"
)

GUEST = "hotstuff"
FLAWS = RECIPES[GUEST].flaws
SCENARIOS = 1000


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


def first_find(session: Native, seed: int, count: int) -> tuple[int, Violation] | None:
    """Index of the first scenario of `seed` that breaks an invariant, and which one."""
    for index in range(count):
        scenario = generate(Stream(seed, index, "scenario"), session.description)
        recording = simulate(scenario, session, session.description)
        assert recording.end is None
        violation = check(recording.events, recording.observations, session.description)
        if violation is not None:
            return index, violation
    return None


@pytest.mark.parametrize("native", FLAWS, indirect=True)
def test_each_flaw_is_found(native: Native) -> None:
    assert first_find(native, 1, SCENARIOS)


@pytest.mark.parametrize("native", [None], indirect=True)
def test_the_correct_guest_does_not_break(native: Native) -> None:
    assert first_find(native, 1, 150) is None


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

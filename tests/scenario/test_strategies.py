"""Hypothesis draws the scenarios that campaigns draw, and shrinks them."""

import subprocess
import sys

from fake_guest import DESCRIPTION, FakeGuest
from hypothesis import HealthCheck, Phase, find, given, settings

from lockstep.scenario.model import Scenario, faulty_max
from lockstep.simulate import simulate
from lockstep.strategies import scenarios

QUICK = settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@QUICK
@given(scenarios(DESCRIPTION))
def test_any_scenario_plays_and_keeps_the_rules(scenario: Scenario) -> None:
    recording = simulate(scenario, FakeGuest(), DESCRIPTION)
    assert len(recording.events) == len(recording.observations) > 0
    assert len(scenario.nodes) - scenario.n <= faulty_max(scenario.n)


@QUICK
@given(scenarios())
def test_without_a_description_they_are_for_the_shipped_guest(scenario: Scenario) -> None:
    assert scenario.options.keys() == {"authenticators", "commands per block", "base timeout"}


def test_scenarios_shrink_to_what_matters() -> None:
    found = find(
        scenarios(DESCRIPTION),
        lambda scenario: len(scenario.nodes) > scenario.n,
        settings=settings(QUICK, max_examples=500, phases=[Phase.generate, Phase.shrink]),
    )
    assert (found.phases, found.odd, found.restarts, found.faulty) == ((), 0, (), None)


def test_without_hypothesis_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from lockstep.errors import UsageError\n"
        "try:\n    import lockstep.strategies\n"
        "except UsageError as error:\n    print(error.hint)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stdout.strip() == "pip install hypothesis"

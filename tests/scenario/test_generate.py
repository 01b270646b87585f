"""The generator keeps the rules of the game, and draws what exists in it at all."""

from collections import Counter

import msgspec
import pytest
from fake_guest import DESCRIPTION

from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import EVENTS_MAX, generate
from lockstep.scenario.model import Scenario, encode_options, faulty_max, parse

MANY = [generate(Stream(5, index, "scenario"), DESCRIPTION) for index in range(600)]


def faulty_replicas(scenario: Scenario) -> set[int]:
    twins = {replica for replica, count in Counter(scenario.nodes).items() if count > 1}
    forger = {scenario.faulty.replica} if scenario.faulty else set()
    return twins | forger | {scenario.nodes[restart.node] for restart in scenario.restarts}


def test_the_same_choices_give_the_same_scenario() -> None:
    again = [generate(Stream(5, index, "scenario"), DESCRIPTION) for index in range(50)]
    assert again == MANY[:50]


def test_no_more_replicas_are_faulty_than_the_algorithm_bears() -> None:
    for scenario in MANY:
        assert len(faulty_replicas(scenario)) <= faulty_max(scenario.n)


def test_every_replica_has_a_node_and_twins_are_two() -> None:
    for scenario in MANY:
        counts = Counter(scenario.nodes)
        assert set(counts) == set(range(scenario.n))
        assert set(counts.values()) <= {1, 2}
        assert len(scenario.nodes) <= DESCRIPTION.nodes


def test_all_names_and_numbers_exist() -> None:
    mutations = {mutation.name for mutation in DESCRIPTION.mutations}
    for scenario in MANY:
        assert set(scenario.schedule) <= set(range(scenario.n))
        for phase in scenario.phases:
            placed = [node for group in phase.groups for node in group]
            assert set(placed) <= set(range(len(scenario.nodes)))
            assert len(placed) == len(set(placed))
        for forgery in scenario.faulty.forgeries if scenario.faulty else ():
            assert set(forgery.mutations) <= mutations


def test_scenarios_are_bounded() -> None:
    assert all(0 < scenario.events_max <= EVENTS_MAX for scenario in MANY)


def test_a_scenario_survives_its_json() -> None:
    assert [parse(scenario.json()) for scenario in MANY] == MANY


def test_a_key_that_no_scenario_has_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="twinss"):
        parse('{"n": 4, "nodes": [0, 1, 2, 3], "twinss": true}')


FEATURES = {
    "twins": lambda s: len(s.nodes) > s.n,
    "twinned leaders": lambda s: bool(set(s.nodes[s.n :]) & set(s.schedule)),
    "phases of views": lambda s: any(not phase.timed for phase in s.phases),
    "phases of time": lambda s: any(phase.timed for phase in s.phases),
    "delays": lambda s: s.network.delay_ms[1] >= 20,
    "drops": lambda s: s.network.drop > 0,
    "duplicates": lambda s: s.network.duplicate > 0,
    "reorderings": lambda s: s.network.late > 0,
    "replays": lambda s: s.network.replay > 0,
    "early timeouts": lambda s: s.clocks.hasty > 0,
    "skewed clocks": lambda s: bool(s.clocks.pace),
    "late starts": lambda s: bool(s.clocks.start_ms),
    "commands": lambda s: s.load is not None,
    "repeated commands": lambda s: s.load is not None and s.load.repeat > 0,
    "forgeries": lambda s: s.faulty is not None and bool(s.faulty.forgeries),
    "garbage": lambda s: s.faulty is not None and s.faulty.garbage > 0,
    "amnesia": lambda s: bool(s.restarts),
    "odd events": lambda s: s.odd > 0,
}


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_exists_in_some_scenarios_and_is_absent_in_others(feature: str) -> None:
    having = sum(FEATURES[feature](scenario) for scenario in MANY)
    assert len(MANY) // 40 < having < len(MANY) - len(MANY) // 40


def test_costly_options_are_rare_and_make_a_scenario_short() -> None:
    costly = [scenario for scenario in MANY if scenario.options["signatures"] == "dear"]
    assert 0 < len(costly) < len(MANY) // 20
    assert all(scenario.events_max <= 120 for scenario in costly)


def test_options_are_encoded_in_a_row() -> None:
    assert encode_options({"pace": "hasty", "signatures": "dear"}, DESCRIPTION) == b"\x02\x00\x07"
    assert encode_options({}, DESCRIPTION) == b"\x01\x00\x00"

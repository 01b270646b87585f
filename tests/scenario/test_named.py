"""The fixed scenarios play on any guest, and the algorithm is safe in them."""

import pytest
from fake_guest import DESCRIPTION, FakeGuest

from lockstep.scenario.model import parse
from lockstep.scenario.named import Named, named
from lockstep.simulate import simulate

ALL = named(DESCRIPTION)


def test_names_are_file_names_and_different() -> None:
    names = [each.name for each in ALL]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name.islower() for name in names)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_each_plays_to_its_end(each: Named) -> None:
    recording = simulate(each.scenario, FakeGuest(), DESCRIPTION)
    assert len(recording.events) >= each.scenario.events_max
    assert parse(each.scenario.json()) == each.scenario


def test_the_dearest_options_are_taken_in_earnest() -> None:
    (costly,) = [each for each in ALL if each.name == "costly-options"]
    assert costly.scenario.options == {"pace": "calm", "signatures": "dear"}

"""The search for the versions that are wrong, against versions whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.bisect import Outcome, Probed, alternates, bisect, changes, next_probes, stretches

WRONG, RIGHT, SKIP = Outcome.WRONG, Outcome.RIGHT, Outcome.INCOMPARABLE
OF_LETTER = {"w": WRONG, ".": RIGHT, "?": SKIP}


class Releases:
    """Versions 0, 1, 2, ... of which each does as its letter says; keeps what was asked."""

    def __init__(self, letters: str) -> None:
        self.truth = {str(i): Probed(OF_LETTER[letter]) for i, letter in enumerate(letters)}
        self.versions = list(self.truth)
        self.batches: list[list[str]] = []

    def probe_many(self, versions: Sequence[str]) -> Mapping[str, Probed]:
        self.batches.append(list(versions))
        return {version: self.truth[version] for version in versions}

    def bisect(self, most: int = 1000) -> dict[str, Probed]:
        return bisect(self.versions, self.probe_many, most)


def found(letters: str, most: int = 1000) -> list[tuple[str, str]]:
    """The changes that are found."""
    releases = Releases(letters)
    return changes(releases.versions, releases.bisect(most))


def test_one_wrong_range_of_sixty_versions_is_found_exactly_in_twenty_tries() -> None:
    assert found("." * 18 + "w" * 41 + "." * 9, most=20) == [("17", "18"), ("58", "59")]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("." * 40 + "w" * 20, [("39", "40")]),
        ("w" * 3 + "." * 57, [("2", "3")]),
        ("." * 30 + "w" + "." * 29, [("29", "30"), ("30", "31")]),
    ],
)
def test_a_change_lies_between_neighbours(letters: str, expected: list[tuple[str, str]]) -> None:
    assert found(letters, most=20) == expected


def test_a_fault_that_comes_back_next_to_its_end_is_seen_and_said() -> None:
    releases = Releases("." * 20 + "w" * 20 + ".w" + "." * 18)
    known = releases.bisect(most=20)
    assert alternates(releases.versions, known)
    assert changes(releases.versions, known) == [
        ("19", "20"),
        ("39", "40"),
        ("40", "41"),
        ("41", "42"),
    ]


def test_one_wrong_range_does_not_alternate() -> None:
    releases = Releases("..wwww....")
    assert not alternates(releases.versions, releases.bisect())


def test_what_cannot_be_compared_is_stepped_around_and_stands_between_the_sides() -> None:
    assert found("." * 10 + "???" + "w" * 7) == [("9", "13")]


def test_ends_that_cannot_be_compared_hide_nothing() -> None:
    assert found("??..ww??") == [("3", "4")]


def test_nothing_is_tried_twice_and_no_more_than_allowed() -> None:
    releases = Releases("." * 30 + "w" * 30)
    known = releases.bisect(most=7)
    asked = [version for batch in releases.batches for version in batch]
    assert len(asked) == len(set(asked)) == len(known) == 7


def test_ends_and_middle_come_first_and_both_sides_are_narrowed_at_once() -> None:
    releases = Releases("." * 20 + "w" * 21 + "." * 20)
    releases.bisect()
    assert [set(batch) for batch in releases.batches[:2]] == [{"0", "30", "60"}, {"15", "45"}]


def test_two_versions_need_two_tries() -> None:
    releases = Releases(".w")
    assert set(releases.bisect()) == {"0", "1"}
    assert next_probes(releases.versions, releases.truth, 10) == []


def test_the_answers_are_told_as_stretches() -> None:
    releases = Releases("." * 20 + "w" * 20)
    known = releases.bisect(most=9)
    told = stretches(releases.versions, known)
    assert [(one.outcome, one.first, one.last, one.versions) for one in told] == [
        (RIGHT, "0", "19", 20),
        (WRONG, "20", "39", 20),
    ]
    assert sum(one.probed for one in told) == 9


@given(st.text(alphabet="w.?", min_size=1, max_size=30))
def test_without_a_bound_every_version_is_tried_and_every_change_is_there(letters: str) -> None:
    releases = Releases(letters)
    assert releases.bisect() == releases.truth
    comparable = [i for i, letter in enumerate(letters) if letter != "?"]
    expected = [
        (str(one), str(other))
        for one, other in pairwise(comparable)
        if letters[one] != letters[other]
    ]
    assert changes(releases.versions, releases.truth) == expected


@given(st.text(alphabet="w.?", min_size=2, max_size=60), st.integers(3, 25))
def test_what_is_said_of_a_change_is_true_however_few_tries_there_are(
    letters: str, most: int
) -> None:
    releases = Releases(letters)
    known = releases.bisect(most)
    assert len(known) <= most
    for one, other in changes(releases.versions, known):
        assert releases.truth[one].outcome is not releases.truth[other].outcome

"""A stream of choices is a pure function of its seed, index and label."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lockstep.scenario.choices import Stream


def numbers(stream: Stream, count: int = 200) -> list[int]:
    return [stream.integer(0, 1 << 62) for _ in range(count)]


def test_the_same_key_gives_the_same_choices() -> None:
    assert numbers(Stream(7, 3, "a")) == numbers(Stream(7, 3, "a"))


def test_seed_index_and_label_each_matter() -> None:
    streams = [Stream(7, 3, "a"), Stream(8, 3, "a"), Stream(7, 4, "a"), Stream(7, 3, "b")]
    assert len({tuple(numbers(stream)) for stream in streams}) == 4


def test_choices_are_the_same_on_every_machine_and_version() -> None:
    stream = Stream(1, 2, "fixed")
    drawn = [stream.integer(0, 999) for _ in range(6)]
    assert (drawn, stream.data(3).hex()) == ([737, 153, 879, 122, 665, 850], "211540")


@given(st.integers(-1000, 1000), st.integers(0, 1 << 63), st.integers(0, 1 << 32))
def test_integers_lie_within_their_bounds(low: int, span: int, seed: int) -> None:
    assert low <= Stream(seed, 0, "bounds").integer(low, low + span) <= low + span


def test_both_bounds_are_drawn() -> None:
    stream = Stream(1, 1, "both")
    assert {stream.integer(3, 5) for _ in range(100)} == {3, 4, 5}


def test_chances_are_what_they_say() -> None:
    stream = Stream(1, 1, "chance")
    assert 2800 < sum(stream.chance(3, 10) for _ in range(10_000)) < 3200
    assert not any(stream.chance(0, 10) for _ in range(1000))
    assert all(stream.chance(10, 10) for _ in range(1000))


def test_picks_are_fair() -> None:
    stream = Stream(1, 1, "pick")
    counts = Counter(stream.pick("abcd") for _ in range(8000))
    assert set(counts) == set("abcd")
    assert min(counts.values()) > 1800


@given(st.integers(0, 100))
def test_data_has_the_size_that_was_asked_for(size: int) -> None:
    assert len(Stream(1, size, "data").data(size)) == size

"""Few questions where much works."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.reduce.adaptive import furthest


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000))
def test_furthest_finds_the_last_that_works(last, limit):
    assert furthest(lambda k: k <= last, limit) == min(last, limit)


@settings(deadline=None)
@given(st.integers(0, 100_000))
def test_furthest_asks_a_logarithm_of_questions(last):
    asked = []
    furthest(lambda k: asked.append(k) is None and k <= last, 1 << 20)
    assert len(asked) <= 2 * last.bit_length() + 1
    assert len(set(asked)) == len(asked)


@settings(deadline=None)
@given(st.frozensets(st.integers(1, 40)), st.integers(0, 40))
def test_furthest_stops_where_one_more_does_not_work(good, limit):
    found = furthest(lambda k: k in good, limit)
    assert found == 0 or found in good
    assert found == limit or found + 1 not in good


def test_furthest_stays_within_the_limit():
    asked = []
    assert furthest(lambda k: asked.append(k) is None, 6) == 6
    assert max(asked) == 6
    assert furthest(lambda k: asked.append(k) is None, 0) == 0

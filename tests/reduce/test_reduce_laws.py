"""What holds for every trace and every predicate, however odd."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reducing import Oracle, holds, long_trace, reduced

from lockstep import protocol
from lockstep.protocol import Event, Init
from lockstep.reduce import search
from lockstep.reduce.order import sort_key
from lockstep.reduce.reducer import reduce_events

LAW = settings(deadline=None)  # a busy machine is no broken law

EVENT = st.one_of(
    st.builds(Event, st.integers(0, 3), st.integers(1, 10), st.binary(max_size=6)),
    st.builds(protocol.timeout, st.integers(0, 3), st.integers(0, 300)),
    st.builds(protocol.deliver, st.integers(0, 3), st.integers(0, 3), st.binary(max_size=12)),
    st.builds(
        protocol.init,
        st.integers(0, 3),
        st.builds(Init, st.integers(0, 3), st.just(4), st.integers(0, 9), st.just(())),
    ),
)
TRACES = st.lists(EVENT, max_size=12).map(tuple)


def whim(origin, salt, share):
    """Says yes to `origin` and, for no reason, to one in `share` of all other traces."""

    def shows(events):
        name = hashlib.sha256(salt + protocol.encode_events(events)).digest()
        return events == origin or name[0] % share == 0

    return shows


WHIMS = st.tuples(TRACES, st.binary(max_size=2), st.integers(2, 9)).map(
    lambda drawn: (drawn[0], whim(*drawn))
)


@LAW
@given(WHIMS)
def test_the_result_shows_what_is_wanted_and_is_one_minimal(drawn):
    origin, shows = drawn
    result = reduced(origin, shows)
    assert result.minimal
    assert shows(result.events)
    assert sort_key(result.events) <= sort_key(origin)
    for index in range(len(result.events)):
        assert not shows(result.events[:index] + result.events[index + 1 :])


@LAW
@given(WHIMS)
def test_reducing_the_result_changes_nothing(drawn):
    origin, shows = drawn
    result = reduced(origin, shows)
    again = reduced(result.events, shows)
    assert (again.events, again.accepted, again.minimal) == (result.events, 0, True)


@LAW
@given(WHIMS, st.integers(1, 40))
def test_the_result_does_not_depend_on_the_size_of_batches(drawn, batch_size):
    origin, shows = drawn
    one, other = (reduced(origin, shows, batch_size=size) for size in (1, batch_size))
    assert (one.events, one.accepted, one.passes) == (other.events, other.accepted, other.passes)


@LAW
@given(WHIMS)
def test_no_candidate_is_asked_about_twice(drawn):
    origin, shows = drawn
    oracle = Oracle(shows)
    result = reduce_events(origin, oracle.consider)
    assert len(set(oracle.asked)) == len(oracle.asked) == result.candidates


@LAW
@given(WHIMS)
def test_each_accepted_candidate_is_told_and_is_smaller_than_the_one_before(drawn):
    origin, shows = drawn
    told = []
    result = reduced(origin, shows, on_progress=told.append)
    keys = [sort_key(origin), *(sort_key(progress.events) for progress in told)]
    assert keys == sorted(keys, reverse=True)
    assert [progress.accepted for progress in told] == list(range(1, result.accepted + 1))
    assert not any(progress.minimal for progress in told)


@LAW
@given(WHIMS, st.integers(0, 60), st.integers(1, 20))
def test_a_budget_of_candidates_is_kept_and_the_best_so_far_is_given(drawn, budget, batch_size):
    origin, shows = drawn
    whole = reduced(origin, shows, batch_size=batch_size)
    oracle = Oracle(shows)
    result = reduce_events(origin, oracle.consider, max_candidates=budget, batch_size=batch_size)
    assert len(oracle.asked) == result.candidates <= budget
    assert shows(result.events)
    assert result.minimal == (whole.candidates <= budget)
    assert not result.minimal or result.events == whole.events


@LAW
@given(WHIMS, st.integers(0, 60))
def test_nothing_is_asked_after_the_word_to_stop(drawn, patience):
    origin, shows = drawn
    oracle = Oracle(shows)
    result = reduce_events(
        origin, oracle.consider, stop=lambda: len(oracle.asked) >= patience, batch_size=1
    )
    assert len(oracle.asked) <= patience
    assert shows(result.events)
    assert result.minimal == (reduced(origin, shows, batch_size=1).candidates <= patience)


def test_events_that_do_not_show_what_is_wanted_come_back_as_they_are():
    events = long_trace(seed=2, count=20)
    result = reduced(events, lambda _: False)
    assert (result.events, result.candidates, result.minimal) == (events, 1, False)


def test_only_the_latest_verdicts_are_remembered(monkeypatch):
    events = long_trace(seed=2, count=40)
    needed = holds(events[3], events[30])
    whole = reduced(events, needed)
    monkeypatch.setattr(search, "REMEMBERED", 5)
    forgetful = reduced(events, needed)
    assert forgetful.events == whole.events
    assert forgetful.minimal
    assert forgetful.candidates > whole.candidates


@pytest.mark.parametrize("wrong", [[], [True, True]])
def test_an_oracle_that_answers_another_number_is_not_believed(wrong):
    with pytest.raises(ValueError, match="argument"):
        reduce_events(long_trace(seed=2, count=6), lambda _: wrong)

"""How many questions a trace of 2,000 events costs; each is two runs of a guest."""

import random

import pytest
from reducing import Oracle, chain_diverges, chain_trace, holds, long_trace, reduced

from lockstep.protocol import EventKind
from lockstep.reduce.reducer import reduce_events

TRACE = long_trace(seed=1)


@pytest.mark.parametrize(("count", "most"), [(1, 120), (5, 300), (20, 1200), (60, 3000)])
def test_some_events_of_two_thousand_are_found_with_few_questions(count, most):
    needed = [TRACE[i] for i in sorted(random.Random(count).sample(range(len(TRACE)), count))]
    result = reduced(TRACE, holds(*needed))
    assert result.events == tuple(needed)
    assert result.minimal
    assert result.candidates <= most


def test_the_history_of_one_node_is_found_with_few_questions():
    history = [event for event in TRACE if event.node == 3][:60]
    result = reduced(TRACE, holds(*history), first_difference=TRACE.index(history[-1]))
    assert result.events == tuple(history)
    assert result.candidates <= 2500


def test_pairs_that_only_go_together_are_found_with_few_questions():
    chosen = random.Random(3).sample(TRACE, 17)
    needed, pairs = chosen[:5], list(zip(chosen[5::2], chosen[6::2], strict=True))

    def shows(events):
        present = set(events)
        together = all((one in present) == (other in present) for one, other in pairs)
        return together and present.issuperset(needed)

    result = reduced(TRACE, shows)
    assert set(result.events) == set(needed)
    assert result.candidates <= 1200


def test_a_long_chain_is_found_with_few_questions():
    origin = chain_trace(seed=4, blocks=160)
    assert len(origin) > 1900
    result = reduced(origin, chain_diverges(30))
    assert [event.kind for event in result.events] == [EventKind.INIT] + [EventKind.DELIVER] * 30
    assert result.minimal
    assert result.candidates <= 2000


def test_batches_ask_little_that_one_at_a_time_would_not_ask():
    needed = [TRACE[i] for i in range(7, 2000, 99)]
    alone, batches = Oracle(holds(*needed)), Oracle(holds(*needed))
    one = reduce_events(TRACE, alone.consider, batch_size=1)
    many = reduce_events(TRACE, batches.consider, batch_size=16)
    assert one.events == many.events
    assert len(batches.asked) <= 1.25 * len(alone.asked)

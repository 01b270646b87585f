"""Scenarios by swarm: each draws first what exists in it at all, and how often, then the rest.

What can go wrong in a cluster of replicas goes wrong most easily where few of them know something
and are then cut off while a faulty one leads. So leaders are drawn in favour of the faulty, and
phases cut off single nodes, leaders, or a twin with half of the others (the shapes of "Twins: BFT
Systems Made Robust", Bano et al. 2021). Nothing here knows the algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lockstep.protocol import Description
from lockstep.scenario.choices import Choices
from lockstep.scenario.model import (
    FOREVER,
    Clocks,
    Faulty,
    Forgery,
    Load,
    Network,
    Restart,
    Scenario,
    faulty_max,
)
from lockstep.scenario.partition import Cast, draw_phases

T = TypeVar("T")

COSTLY = 10
"""A value of an option that costs more than this is drawn rarely, and makes a scenario short."""

EVENTS_MAX = 1500
SCHEDULE_MAX = 48


def generate(choices: Choices, description: Description) -> Scenario:
    """A scenario for a guest, drawn from `choices`; at most (n - 1) // 3 replicas are faulty."""
    options, cost = _options(choices, description)
    cast = _cast(choices, description)
    schedule = _schedule(choices, cast)
    return Scenario(
        n=cast.n,
        nodes=cast.nodes,
        seed=choices.integer(0, (1 << 32) - 1),
        schedule=schedule,
        options=options,
        network=_network(choices),
        phases=draw_phases(choices, description, cast, schedule),
        clocks=_clocks(choices, cast),
        load=_load(choices),
        faulty=_faulty(choices, description, cast),
        restarts=_restarts(choices, cast),
        hears_twin=choices.chance(1, 3),
        odd=weighted(choices, ((0, 5), (5, 2), (30, 1))),
        events_max=_events_max(choices, cast, cost),
    )


def weighted(choices: Choices, options: Sequence[tuple[T, int]]) -> T:
    """One of `options`, each with its weight."""
    return choices.pick([option for option, weight in options for _ in range(weight)])


def _options(choices: Choices, description: Description) -> tuple[dict[str, str], int]:
    """A value for each option, and the highest cost among them."""
    chosen, cost = {}, 1
    for option in description.options:
        cheap = [value for value in option.values if value.cost <= COSTLY]
        costly = [value for value in option.values if value.cost > COSTLY]
        value = choices.pick(costly if costly and choices.chance(1, 50) else cheap or costly)
        chosen[option.name] = value.name
        cost = max(cost, value.cost)
    return chosen, cost


def _events_max(choices: Choices, cast: Cast, cost: int) -> int:
    """How many events; larger clusters need more of them for as many views."""
    if cost > COSTLY:
        return choices.integer(30, 120)
    low = 300 if cast.n <= 7 else 600
    return choices.integer(low, choices.pick((low + 300, 1000, EVENTS_MAX)))


def _cast(choices: Choices, description: Description) -> Cast:
    """Who plays: how many replicas, which are faulty, which of those are twinned."""
    low, high = description.replicas
    n = weighted(choices, ((4, 18), (7, 9), (choices.integer(low, high), 1)))
    n = min(max(n, low), high)
    most = min(faulty_max(n), description.nodes - n)
    ids = list(range(n))
    faulty = []
    for _ in range(weighted(choices, ((0, 1), (min(1, most), 6), (most, 6)))):
        faulty.append(choices.pick(ids))
        ids.remove(faulty[-1])
    twinned = [replica for replica in faulty if choices.chance(3, 5)]
    forger = faulty[0] if faulty and choices.chance(3, 4) else None
    return Cast(n, tuple(range(n)) + tuple(twinned), tuple(faulty), forger)


def _schedule(choices: Choices, cast: Cast) -> tuple[int, ...]:
    """Leaders in runs of one to six views, the faulty ones favoured."""
    length = weighted(choices, ((0, 1), (choices.integer(1, SCHEDULE_MAX), 6)))
    run_max = choices.integer(1, 6)
    favour = choices.integer(1, 6)
    leaders: list[int] = []
    while len(leaders) < length:
        faulty = cast.faulty and choices.chance(favour, 10)
        leader = choices.pick(cast.faulty) if faulty else choices.integer(0, cast.n - 1)
        leaders += [leader] * choices.integer(1, run_max)
    return tuple(leaders[:length])


def _network(choices: Choices) -> Network:
    low = choices.integer(0, 2)
    return Network(
        delay_ms=(low, low + weighted(choices, ((4, 6), (20, 2), (80, 1)))),
        drop=weighted(choices, ((0, 8), (5, 2), (30, 1), (150, 1))),
        duplicate=weighted(choices, ((0, 6), (20, 2), (200, 1))),
        late=weighted(choices, ((0, 6), (10, 1), (50, 1))),
        late_ms=choices.integer(20, 3000),
        replay=weighted(choices, ((0, 6), (10, 1), (100, 1))),
    )


def _clocks(choices: Choices, cast: Cast) -> Clocks:
    nodes = range(len(cast.nodes))
    skewed, staggered = choices.chance(1, 5), choices.chance(1, 8)
    return Clocks(
        pace=tuple(choices.integer(30, 300) for _ in nodes) if skewed else (),
        hasty=weighted(choices, ((0, 6), (30, 2), (200, 1))),
        start_ms=tuple(choices.integer(0, 300) for _ in nodes) if staggered else (),
    )


def _load(choices: Choices) -> Load | None:
    if choices.chance(1, 12):
        return None
    return Load(
        rate=choices.pick((10, 30, 80)),
        burst=weighted(choices, ((1, 8), (3, 3), (30, 1))),
        copies=weighted(choices, ((1, 4), (2, 2), (0, 2))),
        clients=choices.integer(1, 5),
        repeat=weighted(choices, ((0, 2), (100, 1), (400, 1))),
        size=choices.pick((12, 40, 0)),
        large=weighted(choices, ((0, 5), (50, 1))),
        large_size=choices.pick((300, 2000, 6000)),
    )


def _faulty(choices: Choices, description: Description, cast: Cast) -> Faulty | None:
    if cast.forger is None:
        return None
    forges = description.mutations and choices.chance(9, 10)
    return Faulty(
        replica=cast.forger,
        forgeries=tuple(
            _forgery(choices, description, cast)
            for _ in range(weighted(choices, ((1, 3), (2, 3), (4, 3), (12, 1))) if forges else 0)
        ),
        spontaneous=weighted(choices, ((0, 3), (20, 1), (100, 1))),
        garbage=weighted(choices, ((0, 5), (20, 1))),
        relay=weighted(choices, ((0, 5), (20, 1))),
        mute=weighted(choices, ((0, 6), (200, 1))),
        believes=choices.chance(1, 3),
    )


def _forgery(choices: Choices, description: Description, cast: Cast) -> Forgery:
    """One way to lie: always or at times, to all or to some, throughout or for some views."""
    window = choices.chance(1, 3)
    start = choices.integer(1, 30) if window else 0
    kind, mutation = choices.pick(_lies(description))
    return Forgery(
        kind=kind,
        mutations=_chain(choices, description, kind, mutation),
        rate=weighted(choices, ((1000, 2), (300, 2), (100, 1))),
        receivers=_receivers(choices, cast) if choices.chance(2, 5) else (),
        besides=choices.chance(1, 4),
        alone=choices.chance(1, 5),
        old=weighted(choices, ((0, 3), (300, 1))),
        start=start,
        end=start + choices.integer(1, 10) if window else FOREVER,
    )


def _lies(description: Description) -> list[tuple[int, str]]:
    """Each kind of message with each mutation for it: what can be changed most is drawn most."""
    return [
        (kind, mutation.name) for mutation in description.mutations for kind in mutation.messages
    ]


def _chain(choices: Choices, description: Description, kind: int, mutation: str) -> tuple[str, ...]:
    """Most often one mutation; else none, or another one after it."""
    others = [name for of, name in _lies(description) if of == kind]
    length = weighted(choices, ((1, 5), (0, 1), (2, 1)))
    return (mutation, choices.pick(others))[:length]


def _receivers(choices: Choices, cast: Cast) -> tuple[int, ...]:
    """About half of the nodes."""
    return tuple(node for node in range(len(cast.nodes)) if choices.chance(1, 2))


def _restarts(choices: Choices, cast: Cast) -> tuple[Restart, ...]:
    """Amnesia of nodes whose replica is faulty anyway."""
    nodes = [node for node, replica in enumerate(cast.nodes) if replica in cast.faulty]
    if not nodes or choices.chance(3, 4):
        return ()
    return tuple(
        Restart(choices.pick(nodes), choices.integer(10, 4000))
        for _ in range(choices.integer(1, 3))
    )

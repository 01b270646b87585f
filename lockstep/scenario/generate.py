"""Scenarios by swarm: each draws first what exists in it at all, and how often, then the rest.

What can go wrong in a cluster of replicas goes wrong most easily where few of them know something
and are then cut off while a faulty one leads. So leaders are drawn in favour of the faulty, and
phases cut off single nodes, leaders, or a twin with half of the others (the shapes of "Twins: BFT
Systems Made Robust", Bano et al. 2021). Too much trouble at once only stands in its own way: most
scenarios have little of it. Nothing here knows the algorithm.
"""

from __future__ import annotations

from collections.abc import Collection

from lockstep.protocol import Description
from lockstep.scenario.choices import Choices, weighted
from lockstep.scenario.lies import HABITS, draw_faulty
from lockstep.scenario.model import (
    Clocks,
    Load,
    Network,
    Restart,
    Scenario,
    faulty_max,
)
from lockstep.scenario.partition import Cast, draw_phases
from lockstep.scenario.plot import draw_cuts, draw_reigns

COSTLY = 10
"""A value of an option that costs more than this is drawn rarely, and makes a scenario short."""

EVENTS_MAX = 1500
SCHEDULE_MAX = 48

NOISES = (
    "delays",
    "drops",
    "duplicates",
    "late",
    "replays",
    "skewed",
    "hasty",
    "staggered",
    "amnesia",
    "odd",
    *HABITS,
)
"""What may disturb a scenario besides forgeries, twins and cuts."""


def generate(choices: Choices, description: Description) -> Scenario:
    """A scenario for a guest, drawn from `choices`; at most (n - 1) // 3 replicas are faulty."""
    options, cost = _options(choices, description)
    noises = _noises(choices)
    cast = _cast(choices, description)
    if choices.chance(4, 5):
        schedule, reigns = draw_reigns(choices, cast)
        phases = draw_cuts(choices, cast, schedule, reigns)
    else:
        schedule = _schedule(choices, cast)
        phases = draw_phases(choices, description, cast, schedule)
    return Scenario(
        n=cast.n,
        nodes=cast.nodes,
        seed=choices.integer(0, (1 << 32) - 1),
        schedule=schedule,
        options=options,
        network=_network(choices, noises),
        phases=phases,
        clocks=_clocks(choices, cast, noises),
        load=_load(choices),
        faulty=draw_faulty(choices, description, cast, noises),
        restarts=_restarts(choices, cast) if "amnesia" in noises else (),
        hears_twin=choices.chance(1, 3),
        odd=choices.pick((5, 30)) if "odd" in noises else 0,
        events_max=_events_max(choices, cast, cost),
    )


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


def _noises(choices: Choices) -> frozenset[str]:
    """None in half of the scenarios; in a few, many."""
    count = weighted(choices, ((0, 6), (1, 3), (2, 2), (len(NOISES), 1)))
    return frozenset(choices.pick(NOISES) for _ in range(count))


def _events_max(choices: Choices, cast: Cast, cost: int) -> int:
    """How many events; larger clusters need more of them for as many views."""
    if cost > COSTLY:
        return choices.integer(30, 120)
    low = 350 if cast.n <= 4 else 750
    return choices.integer(low, weighted(choices, ((low + 350, 12), (EVENTS_MAX, 1))))


def _cast(choices: Choices, description: Description) -> Cast:
    """Who plays: how many replicas, which are faulty, which of those are twinned."""
    low, high = description.replicas
    n = weighted(choices, ((4, 11), (7, 17), (choices.integer(low, high), 1)))
    n = min(max(n, low), high)
    most = min(faulty_max(n), description.nodes - n)
    ids = list(range(n))
    faulty = []
    for _ in range(weighted(choices, ((0, 1), (min(1, most), 12), (most, 2)))):
        faulty.append(choices.pick(ids))
        ids.remove(faulty[-1])
    twinned = [replica for replica in faulty if choices.chance(1, 4)]
    forges = choices.chance(1, 2) if twinned else choices.chance(11, 12)
    forger = faulty[0] if faulty and forges else None
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


def _network(choices: Choices, noises: Collection[str]) -> Network:
    low = choices.integer(0, 2)
    return Network(
        delay_ms=(low, low + (choices.pick((20, 80)) if "delays" in noises else 4)),
        drop=weighted(choices, ((5, 2), (30, 2), (150, 1))) if "drops" in noises else 0,
        duplicate=choices.pick((20, 200)) if "duplicates" in noises else 0,
        late=choices.pick((10, 50)) if "late" in noises else 0,
        late_ms=choices.integer(20, 3000) if "late" in noises else 0,
        replay=choices.pick((10, 100)) if "replays" in noises else 0,
    )


def _clocks(choices: Choices, cast: Cast, noises: Collection[str]) -> Clocks:
    nodes = range(len(cast.nodes))
    return Clocks(
        pace=tuple(choices.integer(30, 300) for _ in nodes) if "skewed" in noises else (),
        hasty=choices.pick((30, 200)) if "hasty" in noises else 0,
        start_ms=tuple(choices.integer(0, 300) for _ in nodes) if "staggered" in noises else (),
    )


def _load(choices: Choices) -> Load | None:
    if choices.chance(1, 12):
        return None
    return Load(
        rate=choices.pick((10, 20, 40)),
        burst=weighted(choices, ((1, 12), (3, 3), (30, 1))),
        copies=weighted(choices, ((1, 4), (2, 2), (0, 2))),
        clients=choices.integer(1, 5),
        repeat=weighted(choices, ((0, 2), (100, 1), (400, 1))),
        size=choices.pick((12, 40, 0)),
        large=weighted(choices, ((0, 5), (50, 1))),
        large_size=choices.pick((300, 2000, 6000)),
        numbers=True,
    )


def _restarts(choices: Choices, cast: Cast) -> tuple[Restart, ...]:
    """Amnesia of nodes whose replica is faulty anyway."""
    nodes = [node for node, replica in enumerate(cast.nodes) if replica in cast.faulty]
    if not nodes:
        return ()
    return tuple(
        Restart(choices.pick(nodes), choices.integer(10, 4000))
        for _ in range(choices.integer(1, 3))
    )

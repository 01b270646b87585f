"""A plot: quiet views, then a few in which something goes wrong on purpose; again and again.

Deep mistakes need a short story in the right order: something is decided, then few replicas learn
something and are cut off, then a faulty one leads, then all is quiet for so long that the harm
becomes visible. So what happens in the bad views, and how long they last, is drawn once for a
scenario, and played several times with other actors.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.scenario.choices import Choices, weighted
from lockstep.scenario.model import Phase, leader_of
from lockstep.scenario.partition import SHAPES, Cast, Moment, Shape, halves, leader_alone, quorum

VIEWS = 64
"""For so many views a plot is written; scenarios seldom come so far."""

QUIET_MIN = 3
_LENGTHS = ((1, 2), (2, 4), (3, 3), (4, 2))
_LENGTHS_OF_TWINS = ((2, 2), (3, 2), (6, 3), (10, 1))


def draw_reigns(choices: Choices, cast: Cast) -> tuple[tuple[int, ...], tuple[range, ...]]:
    """The leaders, and the reigns: views in a row that one faulty replica leads."""
    quiet_max = choices.integer(QUIET_MIN, 6)
    length = weighted(choices, _LENGTHS_OF_TWINS if cast.twinned else _LENGTHS)
    honest = [replica for replica in range(cast.n) if replica not in cast.faulty]
    villains = _villains(choices, cast) or honest
    leaders: list[int] = []
    reigns = []
    while len(leaders) < VIEWS:
        leaders += [choices.pick(honest) for _ in range(choices.integer(QUIET_MIN, quiet_max))]
        reigns.append(range(len(leaders) + 1, len(leaders) + 1 + length))
        leaders += [choices.pick(villains)] * length
    return tuple(leaders), tuple(reigns)


def _villains(choices: Choices, cast: Cast) -> Sequence[int]:
    """Most often only the one that forges."""
    if cast.forger is not None and choices.chance(5, 6):
        return (cast.forger,)
    return cast.faulty


def draw_cuts(
    choices: Choices, cast: Cast, schedule: Sequence[int], reigns: Sequence[range]
) -> tuple[Phase, ...]:
    """A cut around the beginning of each reign, of one shape and for as many views; or none."""
    if not choices.chance(7 if cast.spares_one or cast.twinned else 2, 8):
        return ()
    shape = _shape(choices, cast)
    ahead = weighted(choices, ((1, 10), (0, 1), (2, 1)))
    whole = ahead + len(reigns[0])
    span = weighted(choices, ((whole, 6), (1, 1), (choices.integer(1, 8), 2)))
    phases = []
    for reign in reigns:
        start = reign.start - ahead
        groups = shape(choices, Moment(cast, (leader_of(schedule, cast.n, start),)))
        events = choices.integer(30, 200)
        phases.append(Phase(start=start, end=start + span, groups=groups, events=events))
    return tuple(phases)


def _shape(choices: Choices, cast: Cast) -> Shape:
    """Twins do most harm on different sides; a leader alone, where the others can go on."""
    if cast.twinned and choices.chance(2, 3):
        return choices.pick((halves, quorum))
    return leader_alone if cast.spares_one and choices.chance(5, 6) else choices.pick(SHAPES)

"""Phases: who is cut off from whom, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from lockstep.protocol import Description
from lockstep.scenario.choices import Choices
from lockstep.scenario.model import Phase, faulty_max, leader_of

Groups = tuple[tuple[int, ...], ...]

PHASES_MAX = 12
VIEW_MS = 60
"""What a phase of one view becomes when it lasts for time instead."""


class Cast(msgspec.Struct, frozen=True):
    """Who plays: `nodes[i]` is the replica of node i; the `forger` is one of the `faulty`."""

    n: int
    nodes: tuple[int, ...]
    faulty: tuple[int, ...]
    forger: int | None

    @property
    def twinned(self) -> tuple[int, ...]:
        """Replicas with two nodes."""
        return self.nodes[self.n :]

    @property
    def spares_one(self) -> bool:
        """Whether the correct replicas are a quorum even without one of them."""
        return faulty_max(self.n) > len(self.faulty)

    def others(self, node: int) -> tuple[int, ...]:
        """All nodes but one."""
        return tuple(other for other in range(len(self.nodes)) if other != node)


class Moment(msgspec.Struct, frozen=True):
    """What a shape is drawn from: who plays, and who leads around the first view of it."""

    cast: Cast
    leaders: tuple[int, ...]


Shape = Callable[[Choices, Moment], Groups]


def draw_phases(
    choices: Choices, description: Description, cast: Cast, schedule: Sequence[int]
) -> tuple[Phase, ...]:
    """None, one that lasts, or several with quiet views between them."""
    if not choices.chance(5, 6):
        return ()
    timed = choices.chance(1, 4)
    shapes = [choices.pick(SHAPES) for _ in range(choices.integer(1, 3))]
    span_max, quiet_max = choices.integer(1, 12), choices.integer(0, 8)
    at, phases = choices.integer(1, 8), []
    for _ in range(choices.integer(1, PHASES_MAX)):
        end = at + choices.integer(1, span_max)
        leaders = tuple(leader_of(schedule, cast.n, view) for view in range(at - 1, at + 3))
        moment = Moment(cast, leaders)
        groups = choices.pick(shapes)(choices, moment)
        phases.append(_phase(choices, description, at, end, groups, timed))
        at = end + choices.integer(0, quiet_max)
    return tuple(phases)


def _phase(
    choices: Choices, description: Description, start: int, end: int, groups: Groups, timed: bool
) -> Phase:
    unit = VIEW_MS if timed else 1
    kinds = [kind.number for kind in description.messages if choices.chance(1, 2)]
    return Phase(
        start=start * unit,
        end=end * unit,
        groups=groups,
        timed=timed,
        events=choices.integer(20, 150),
        kinds=tuple(kinds) if choices.chance(1, 6) else (),
        late_ms=choices.integer(20, 2000) if choices.chance(1, 5) else 0,
    )


def _one_alone(choices: Choices, moment: Moment) -> Groups:
    return (moment.cast.others(choices.integer(0, len(moment.cast.nodes) - 1)),)


def leader_alone(choices: Choices, moment: Moment) -> Groups:
    """One of the leaders around this moment, with its twin."""
    leader = choices.pick(moment.leaders)
    nodes = moment.cast.nodes
    alone = tuple(node for node, replica in enumerate(nodes) if replica == leader)
    return (alone, tuple(node for node in range(len(nodes)) if node not in alone))


def halves(choices: Choices, moment: Moment) -> Groups:
    """Two random sides, twins on different ones."""
    cast = moment.cast
    side = [choices.chance(1, 2) for _ in range(cast.n)]
    side += [not side[replica] for replica in cast.twinned]
    return _sides(side)


def quorum(choices: Choices, moment: Moment) -> Groups:
    """As many replicas as suffice on one side, the faulty among them; their twins on the other."""
    cast = moment.cast
    honest = [replica for replica in range(cast.n) if replica not in cast.faulty]
    aside = [honest.pop(choices.integer(0, len(honest) - 1)) for _ in range(faulty_max(cast.n))]
    side = [replica not in aside for replica in range(cast.n)]
    return _sides([*side, *(False for _ in cast.twinned)])


def _scattered(choices: Choices, moment: Moment) -> Groups:
    """Three random groups."""
    where = [choices.integer(0, 2) for _ in moment.cast.nodes]
    return tuple(tuple(i for i, group in enumerate(where) if group == each) for each in range(3))


def _sides(side: Sequence[bool]) -> Groups:
    return (
        tuple(node for node, left in enumerate(side) if left),
        tuple(node for node, left in enumerate(side) if not left),
    )


SHAPES: tuple[Shape, ...] = (
    _one_alone,
    leader_alone,
    leader_alone,
    halves,
    quorum,
    _scattered,
)

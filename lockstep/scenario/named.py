"""The fixed scenarios, one for each thing that a cluster must live through."""

from __future__ import annotations

import msgspec

from lockstep.protocol import Description, Option
from lockstep.scenario.model import Faulty, Forgery, Load, Network, Phase, Scenario, faulty_max

CALM = Network(delay_ms=(1, 4))
SOME = Load(rate=60, clients=2, repeat=100, size=16)
EVENTS = 250


class Named(msgspec.Struct, frozen=True):
    """A scenario with a name for files, and what can be seen in it, as one line."""

    name: str
    text: str
    scenario: Scenario


def named(description: Description) -> tuple[Named, ...]:
    """The fixed scenarios for the guest of `description`."""
    return (
        Named("fault-free", "four replicas decide on commands", _cluster(4)),
        Named("silent-leader", "replica 1 says nothing, the others pass it by", _silent_leader()),
        Named("partition-and-heal", "nobody has a quorum, then everybody", _partition()),
        Named("twins", "replica 0 runs twice, on either side of a partition", _twins()),
        Named(
            "equivocation", "replica 2 tells nodes 0 and 1 other things", _equivocation(description)
        ),
        Named("fetch", "node 3 misses some views and asks for what it missed", _fetch()),
        Named("seven-replicas", "two of seven replicas are cut off", _seven()),
        Named("thirty-one-replicas", "the largest usual cluster", _cluster(31, events=500)),
        Named(
            "costly-options", "the dearest option values, as used in earnest", _costly(description)
        ),
        Named("malformed", "garbage from replica 3, and events that no cluster sees", _malformed()),
    )


def _cluster(n: int, *, events: int = EVENTS, twins: tuple[int, ...] = ()) -> Scenario:
    return Scenario(
        n=n, nodes=(*range(n), *twins), seed=n, network=CALM, load=SOME, events_max=events
    )


def _silent_leader() -> Scenario:
    return msgspec.structs.replace(_cluster(4), faulty=Faulty(replica=1, mute=1000))


def _partition() -> Scenario:
    phases = (Phase(start=3, end=5, groups=((0, 1), (2, 3)), events=60),)
    return msgspec.structs.replace(_cluster(4), phases=phases)


def _twins() -> Scenario:
    """The twinned replica leads, and each of its nodes has half of the others."""
    phases = tuple(
        Phase(start=start, end=start + 3, groups=((0, 1), (2, 3, 4))) for start in (2, 9, 16)
    )
    return msgspec.structs.replace(
        _cluster(4, events=400, twins=(0,)), schedule=(1, 0, 0, 2, 0, 0, 3, 0, 0), phases=phases
    )


def _equivocation(description: Description) -> Scenario:
    """Whatever can be changed is changed at times, for half of the others."""
    forgeries = tuple(
        Forgery(kind=kind, mutations=(mutation.name,), rate=300, receivers=(0, 1))
        for mutation in description.mutations
        for kind in mutation.messages
    )
    return msgspec.structs.replace(
        _cluster(4, events=400), faulty=Faulty(replica=2, forgeries=forgeries)
    )


def _fetch() -> Scenario:
    phases = tuple(Phase(start=start, end=start + 4, groups=((0, 1, 2),)) for start in (3, 12))
    return msgspec.structs.replace(_cluster(4), phases=phases)


def _seven() -> Scenario:
    cluster = _cluster(7, events=500)
    aside = tuple(range(7 - faulty_max(7)))
    return msgspec.structs.replace(cluster, phases=(Phase(start=3, end=9, groups=(aside,)),))


def _costly(description: Description) -> Scenario:
    options = {option.name: _dearest(option) for option in description.options}
    return msgspec.structs.replace(_cluster(4, events=60), options=options)


def _dearest(option: Option) -> str:
    return max(option.values, key=lambda value: value.cost).name


def _malformed() -> Scenario:
    faulty = Faulty(replica=3, garbage=300, relay=100)
    return msgspec.structs.replace(_cluster(4), faulty=faulty, odd=300)

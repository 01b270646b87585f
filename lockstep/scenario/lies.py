"""What the faulty replica of a scenario does, drawn from what the guest knows how to forge."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from lockstep.protocol import Description
from lockstep.scenario.choices import Choices, weighted
from lockstep.scenario.model import FOREVER, Faulty, Forgery
from lockstep.scenario.partition import Cast

HABITS = ("spontaneous", "garbage", "relay", "mute")
"""What it may do besides forging: fields of `Faulty`."""


def draw_faulty(
    choices: Choices, description: Description, cast: Cast, habits: Collection[str]
) -> Faulty | None:
    """The forger of `cast`, with those of `HABITS` that are named; None without a forger."""
    if cast.forger is None:
        return None
    faulty = Faulty(
        replica=cast.forger,
        forgeries=_forgeries(choices, description, cast),
        believes=choices.chance(2, 3),
    )
    rates = {habit: choices.pick((20, 100)) for habit in HABITS if habit in habits}
    return msgspec.structs.replace(faulty, **rates)


def _forgeries(choices: Choices, description: Description, cast: Cast) -> tuple[Forgery, ...]:
    """Some lies; most are told in every kind of message that can carry them."""
    if not description.mutations:
        return ()
    found: list[Forgery] = []
    for _ in range(weighted(choices, ((1, 3), (2, 3), (4, 3), (8, 2)))):
        kind, mutation = choices.pick(_lies(description))
        kinds = [of for of, name in _lies(description) if name == mutation]
        forgery = _forgery(choices, cast, _chain(choices, description, kind, mutation))
        everywhere = choices.chance(3, 4) if forgery.leading else choices.chance(1, 4)
        for each in kinds if everywhere else [kind]:
            found.append(msgspec.structs.replace(forgery, kind=each))
    return tuple(found)


def _forgery(choices: Choices, cast: Cast, mutations: tuple[str, ...]) -> Forgery:
    """One way to lie: always or at times, to all or to some, throughout or for some views."""
    start = choices.integer(1, 30) if choices.chance(1, 8) else 0
    return Forgery(
        kind=0,
        mutations=mutations,
        rate=weighted(choices, ((1000, 3), (400, 1))),
        receivers=_receivers(choices, cast) if choices.chance(1, 4) else (),
        besides=choices.chance(1, 5),
        alone=choices.chance(1, 6),
        old=weighted(choices, ((0, 6), (300, 1))),
        start=start,
        end=start + choices.integer(1, 10) if start else FOREVER,
        leading=choices.chance(2, 3),
    )


def _lies(description: Description) -> list[tuple[int, str]]:
    """Each kind of message with each mutation for it: what can be changed most is drawn most."""
    return [
        (kind, mutation.name) for mutation in description.mutations for kind in mutation.messages
    ]


def _chain(choices: Choices, description: Description, kind: int, mutation: str) -> tuple[str, ...]:
    """Most often one mutation; else none, or another one after it."""
    others = [name for of, name in _lies(description) if of == kind]
    length = weighted(choices, ((1, 10), (0, 1), (2, 1)))
    return (mutation, choices.pick(others))[:length]


def _receivers(choices: Choices, cast: Cast) -> tuple[int, ...]:
    """About half of the nodes."""
    return tuple(node for node in range(len(cast.nodes)) if choices.chance(1, 2))

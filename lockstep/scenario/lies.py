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

TWISTS = (("none", 8), ("some", 2), ("besides", 1), ("some alone", 1), ("old", 1), ("window", 1))
"""What is special about a lie, with weights."""


def draw_faulty(
    choices: Choices, description: Description, cast: Cast, habits: Collection[str]
) -> Faulty | None:
    """The forger of `cast`, with those of `HABITS` that are named; None without a forger."""
    if cast.forger is None:
        return None
    faulty = Faulty(
        replica=cast.forger,
        forgeries=_forgeries(choices, description, cast),
        careful=choices.chance(4, 5),
    )
    rates = {habit: choices.pick((20, 100)) for habit in HABITS if habit in habits}
    return msgspec.structs.replace(faulty, **rates)


def _forgeries(choices: Choices, description: Description, cast: Cast) -> tuple[Forgery, ...]:
    """Some lies, often many: a careful liar finds out which of them are any good."""
    if not description.mutations:
        return ()
    found: list[Forgery] = []
    for _ in range(weighted(choices, ((1, 2), (3, 3), (8, 4), (16, 2)))):
        kind, mutation = choices.pick(_lies(description))
        kinds = [of for of, name in _lies(description) if name == mutation]
        forgery = _forgery(choices, cast, _chain(choices, description, kind, mutation))
        everywhere = choices.chance(3, 4) if forgery.leading else choices.chance(1, 4)
        for each in kinds if everywhere else [kind]:
            found.append(msgspec.structs.replace(forgery, kind=each))
    return tuple(found)


def _forgery(choices: Choices, cast: Cast, mutations: tuple[str, ...]) -> Forgery:
    """One way to lie, most often plainly: to all, instead of the truth, throughout."""
    twist = weighted(choices, TWISTS)
    start = choices.integer(1, 30) if twist == "window" else 0
    return Forgery(
        kind=0,
        mutations=mutations,
        rate=weighted(choices, ((1000, 4), (400, 1))),
        receivers=_receivers(choices, cast) if twist in ("some", "some alone") else (),
        besides=twist == "besides",
        alone=twist == "some alone",
        old=300 if twist == "old" else 0,
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
    """All nodes but one, about half of them, or one."""
    nodes = range(len(cast.nodes))
    one = choices.pick(nodes)
    how = weighted(choices, (("all but one", 2), ("half", 1), ("one", 1)))
    if how == "half":
        return tuple(node for node in nodes if choices.chance(1, 2))
    return tuple(node for node in nodes if (node == one) is (how == "one"))

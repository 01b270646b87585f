"""Since which version, and until which: what to try next, and what the answers come to.

Nothing is taken for granted about where wrong versions lie: there may be one stretch, several, or
single ones. What lies between two versions that answered alike is only believed to be like them,
and is said so. Versions are in the order of their release; how one is tried is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby, pairwise

import msgspec


class Outcome(StrEnum):
    """What a version came to."""

    WRONG = "wrong"
    RIGHT = "right"
    INCOMPARABLE = "not comparable"


class Probed(msgspec.Struct, frozen=True):
    """A version that was tried; `text` says what it did, or why it cannot be compared."""

    outcome: Outcome
    text: str = ""


class Stretch(msgspec.Struct, frozen=True):
    """Versions next to each other that are all alike, as far as they were tried."""

    outcome: Outcome
    first: str
    last: str
    versions: int
    probed: int


Known = Mapping[str, Probed]
ProbeMany = Callable[[Sequence[str]], Mapping[str, Probed]]


def bisect(versions: Sequence[str], probe_many: ProbeMany, most: int) -> dict[str, Probed]:
    """Try at most `most` of `versions` and give what each came to."""
    known: dict[str, Probed] = {}
    while batch := next_probes(versions, known, most - len(known)):
        known |= probe_many(batch)
    return known


def next_probes(versions: Sequence[str], known: Known, most: int) -> list[str]:
    """Up to `most` versions to try next, which can all be tried at once; empty when all is done.

    First both ends and the middle. Then every change is narrowed down to two neighbours, and the
    next neighbours of these are tried, since a fault may come and go. What is left of `most` goes
    to the widest stretches that are believed to be of one kind.
    """
    if not known:
        chosen = [0, len(versions) // 2, len(versions) - 1]
    else:
        chosen = _narrowing(versions, known) or _neighbours(versions, known)
        chosen = chosen or _widest(versions, known)
    untried = dict.fromkeys(versions[index] for index in chosen if 0 <= index < len(versions))
    return [version for version in untried if version not in known][: max(0, most)]


def stretches(versions: Sequence[str], known: Known) -> list[Stretch]:
    """The answers in the order of the versions.

    Versions that were not tried count to the stretch around them; between two that differ, to
    neither of them.
    """
    tried = [version for version in versions if version in known]
    found = []
    for outcome, group in groupby(tried, key=lambda version: known[version].outcome):
        members = list(group)
        first, last = versions.index(members[0]), versions.index(members[-1])
        found.append(Stretch(outcome, members[0], members[-1], last - first + 1, len(members)))
    return found


def changes(versions: Sequence[str], known: Known) -> list[tuple[str, str]]:
    """Each pair of comparable versions between which wrong became right, or right wrong."""
    pairs = pairwise(_comparable(versions, known))
    return [
        (versions[one], versions[other])
        for one, other in pairs
        if _outcome(versions, known, one) is not _outcome(versions, known, other)
    ]


def alternates(versions: Sequence[str], known: Known) -> bool:
    """Whether the fault went and came back: two intervals do not describe it."""
    comparable = [_outcome(versions, known, index) for index in _comparable(versions, known)]
    return [outcome for outcome, _ in groupby(comparable)].count(Outcome.WRONG) > 1


def _comparable(versions: Sequence[str], known: Known) -> list[int]:
    return [
        index
        for index, version in enumerate(versions)
        if version in known and known[version].outcome is not Outcome.INCOMPARABLE
    ]


def _outcome(versions: Sequence[str], known: Known, index: int) -> Outcome:
    return known[versions[index]].outcome


def _narrowing(versions: Sequence[str], known: Known) -> list[int]:
    """The middle of each gap across which the answer changes."""
    gaps = [(versions.index(one), versions.index(other)) for one, other in changes(versions, known)]
    return list(_middles(versions, known, gaps))


def _neighbours(versions: Sequence[str], known: Known) -> list[int]:
    """On both sides of each change, the next version that was not tried."""
    found = []
    for one, other in changes(versions, known):
        found += [versions.index(one) - 1, versions.index(other) + 1]
    return [i for i in found if 0 <= i < len(versions) and versions[i] not in known]


def _widest(versions: Sequence[str], known: Known) -> list[int]:
    """The middle of the widest gap between versions that answered alike, the ends included."""
    edges = [-1, *_comparable(versions, known), len(versions)]
    by_width = sorted(pairwise(edges), key=lambda gap: gap[0] - gap[1])
    return list(_middles(versions, known, by_width))[:1]


def _middles(
    versions: Sequence[str], known: Known, gaps: Sequence[tuple[int, int]]
) -> Iterator[int]:
    """Of each gap the untried version that is nearest to its middle."""
    for one, other in gaps:
        untried = [i for i in range(one + 1, other) if versions[i] not in known]
        if untried:
            yield min(untried, key=lambda i: abs(2 * i - one - other))

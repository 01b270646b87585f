"""Ways to try many changes with few questions; what works is tried on a larger scale at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lockstep.reduce.search import Search

S = TypeVar("S")
T = TypeVar("T")
Change = Callable[[S, T], S]
RunChange = Callable[[S, int, int], S]


def furthest(works: Callable[[int], bool], limit: int) -> int:
    """Some k of 0..limit where `works(k)`, and `works(k + 1)` is false or k is `limit`.

    Asks about 2 log k times. `works(0)` is taken for granted. Where all below the largest k that
    works do work too, it is that k.
    """
    good, step = 0, 1
    while step <= limit and works(step):
        good, step = step, 2 * step
    bad = min(step, limit + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if works(middle) else (good, middle)
    return good


def each(
    search: Search[S],
    targets: Sequence[T],
    change: Change[S, T],
    grow: Callable[[T], object] = lambda _: None,
) -> None:
    """Try `change` on each of `targets` once, on top of those that worked; `grow` these further."""
    done = 0
    while done < len(targets):
        best = search.best
        taken = search.first(change(best, target) for target in targets[done:])
        if taken is None:
            return
        done += taken + 1
        grow(targets[done - 1])


def sweep(search: Search[S], count: int, size: int, change: RunChange[S]) -> None:
    """Try `change(best, start, end)` on runs of `size` of `count` items, from the back.

    A run that works grows towards the front. `change` leaves items in front of `start` where they
    are.
    """
    end = count
    while end > 0:
        best, ends = search.best, range(end, 0, -size)
        taken = search.first(change(best, max(0, end - size), end) for end in ends)
        if taken is None:
            return
        end = _grown(search, best, ends[taken], size, change)


def _grown(search: Search[S], best: S, end: int, size: int, change: RunChange[S]) -> int:
    """Grow the run of `size` that ends at `end`; gives its start."""
    start = max(0, end - size)
    more = furthest(
        lambda runs: search.consider(change(best, start - runs * size, end)), start // size
    )
    return start - more * size


def exhaust(search: Search[S], candidates: Callable[[S], Iterable[S]]) -> None:
    """Take what `candidates` gives for the best so far, until nothing of it is taken."""
    while search.first(candidates(search.best)) is not None:
        pass

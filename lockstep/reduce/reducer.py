"""The smallest trace that still shows what is wanted, by asking about smaller and smaller ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from lockstep.protocol import Event
from lockstep.reduce.order import Events, name, sort_key
from lockstep.reduce.passes import STAGES, Pass
from lockstep.reduce.search import BudgetSpentError, ConsiderBatch, Search

BATCH_SIZE = 16
MAX_CANDIDATES = 20_000


class Reduction(msgspec.Struct, frozen=True):
    """How far a reduction came.

    `candidates` were asked about, `accepted` of them were taken; `passes` are the names of those
    that had one taken, in the order in which they first did. `minimal` says that every pass was
    tried on these `events` in vain: no single event can be dropped, no body made simpler in one of
    the ways that passes know. It is False while at work, when a budget ran out, and where the
    events to reduce did not show what was wanted.
    """

    events: Events
    candidates: int = 0
    accepted: int = 0
    minimal: bool = False
    passes: tuple[str, ...] = ()


def _silent(_: Reduction) -> None:
    pass


def _never() -> bool:
    return False


def reduce_events(
    events: Sequence[Event],
    consider_batch: ConsiderBatch[Events],
    *,
    first_difference: int | None = None,
    max_candidates: int = MAX_CANDIDATES,
    batch_size: int = BATCH_SIZE,
    stop: Callable[[], bool] = _never,
    on_progress: Callable[[Reduction], object] = _silent,
) -> Reduction:
    """The smallest of `events` found (see `order`) for which `consider_batch` says yes.

    `first_difference` is the index of the last event that should matter, where it is known.
    `on_progress` is called after each candidate taken. The result is the same on every run and for
    every `batch_size`, as long as neither `max_candidates` nor `stop` end the search early.
    """
    used: dict[str, None] = {}

    def so_far(*, minimal: bool = False) -> Reduction:
        return Reduction(search.best, search.candidates, search.accepted, minimal, tuple(used))

    search = Search(
        tuple(events),
        consider_batch,
        sort_key=sort_key,
        name=name,
        batch_size=batch_size,
        max_candidates=max_candidates,
        stop=stop,
        taken=lambda: on_progress(so_far()),
    )
    try:
        if not search.shows(search.best):
            return so_far()
        if first_difference is not None:
            search.consider(search.best[: first_difference + 1])
        _settle(search, used)
    except BudgetSpentError:
        return so_far()
    return so_far(minimal=True)


def _settle(search: Search[Events], used: dict[str, None]) -> None:
    """Run stage after stage, each until it changes nothing, until none of them changes anything."""
    before = -1
    while search.accepted > before:
        before = search.accepted
        for stage in STAGES:
            _settle_stage(search, stage, used)


def _settle_stage(search: Search[Events], stage: Sequence[Pass], used: dict[str, None]) -> None:
    before = -1
    while search.accepted > before:
        before = search.accepted
        for one in stage:
            _run(search, one, used)


def _run(search: Search[Events], one: Pass, used: dict[str, None]) -> None:
    before = search.accepted
    try:
        one(search)
    finally:
        if search.accepted > before:
            used.setdefault(one.__name__)

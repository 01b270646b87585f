"""The smallest program that still shows what is wanted."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockstep.program.edit import tidy
from lockstep.program.tree import Program
from lockstep.reduce.program.order import name, sort_key
from lockstep.reduce.program.passes import STAGES
from lockstep.reduce.search import BudgetSpentError, ConsiderBatch, Search

BATCH_SIZE = 8
MAX_CANDIDATES = 4000


class Reduction(msgspec.Struct, frozen=True):
    """How far a reduction came; `minimal` says that every pass was tried on it in vain."""

    program: Program
    candidates: int = 0
    accepted: int = 0
    minimal: bool = False


def reduce_program(
    program: Program,
    consider_batch: ConsiderBatch[Program],
    *,
    first_site: int | None = None,
    max_candidates: int = MAX_CANDIDATES,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Reduction], object] = lambda _: None,
) -> Reduction:
    """The smallest of `program` found (see `order`) for which `consider_batch` says yes.

    `first_site` is the number of the site that shows it first, where that is known.
    """

    def so_far(*, minimal: bool = False) -> Reduction:
        return Reduction(search.best, search.candidates, search.accepted, minimal)

    search = Search(
        program,
        consider_batch,
        sort_key=sort_key,
        name=name,
        batch_size=BATCH_SIZE,
        max_candidates=max_candidates,
        stop=stop,
        taken=lambda: on_progress(so_far()),
    )
    try:
        if not search.shows(program):
            return so_far()
        if first_site is not None:
            sites = program.sites[: first_site + 1]
            alone = (sites[-1:], sites)
            search.first(tidy(msgspec.structs.replace(program, sites=some)) for some in alone)
        before = -1
        while search.accepted > before:
            before = search.accepted
            for stage in STAGES:
                _settle(search, stage)
    except BudgetSpentError:
        return so_far()
    return so_far(minimal=True)


def _settle(search: Search[Program], stage: tuple[Callable[[Search[Program]], None], ...]) -> None:
    before = -1
    while search.accepted > before:
        before = search.accepted
        for one in stage:
            one(search)

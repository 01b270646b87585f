"""Fewer calls: of sites, of rows, of functions."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockstep.program.edit import tidy
from lockstep.program.tree import Function, Program, Site, Type, walk
from lockstep.reduce.adaptive import exhaust, sweep
from lockstep.reduce.search import Search


def drop_sites(search: Search[Program]) -> None:
    """One site alone, the last one first; else halves, quarters, ... single sites less."""
    sites = search.best.sites
    if len(sites) == 1:
        return
    if (
        search.first(
            tidy(msgspec.structs.replace(search.best, sites=(site,))) for site in reversed(sites)
        )
        is None
    ):
        size = max(1, len(sites) // 2)
        while size:
            sweep(search, len(search.best.sites), size, _without_sites)
            size //= 2


def _without_sites(program: Program, start: int, end: int) -> Program:
    left = (*program.sites[:start], *program.sites[end:])
    return tidy(msgspec.structs.replace(program, sites=left)) if left else program


def drop_rows(search: Search[Program]) -> None:
    """One row of each site alone; else one less."""

    def candidates(program: Program) -> Iterator[Program]:
        for at, site in enumerate(program.sites):
            if len(site.rows) > 1:
                yield from (with_rows(program, at, (row,)) for row in site.rows)
                for out in range(len(site.rows)):
                    yield with_rows(program, at, (*site.rows[:out], *site.rows[out + 1 :]))

    exhaust(search, candidates)


def with_rows(program: Program, at: int, rows: tuple[tuple[int, ...], ...]) -> Program:
    """The program with other arguments at one site."""
    site = Site(program.sites[at].function, rows)
    return msgspec.structs.replace(
        program, sites=(*program.sites[:at], site, *program.sites[at + 1 :])
    )


def enter_calls(search: Search[Program]) -> None:
    """Call what a function calls instead of the function itself."""

    def candidates(program: Program) -> Iterator[Program]:
        for at, site in enumerate(program.sites):
            for top in program.functions[site.function].body:
                for node in walk(top):
                    if node.op in ("call", "return_call"):
                        called = program.functions[node.at[0]]
                        yield _entering(program, at, node.at[0], called)

    exhaust(search, candidates)


def _entering(program: Program, at: int, index: int, called: Function) -> Program:
    """With the arguments of the caller where their types fit, else 0."""
    caller = program.functions[program.sites[at].function]
    rows = []
    for row in program.sites[at].rows:
        left = list(zip(caller.parameters, row, strict=True))
        rows.append(tuple(_taken(left, type_) for type_ in called.parameters))
    sites = (*program.sites[:at], Site(index, tuple(rows)), *program.sites[at + 1 :])
    return tidy(msgspec.structs.replace(program, sites=sites))


def _taken(left: list[tuple[Type, int]], type_: Type) -> int:
    for at, (have, bits) in enumerate(left):
        if have == type_:
            del left[at]
            return bits
    return 0

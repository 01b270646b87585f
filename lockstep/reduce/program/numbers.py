"""Smaller numbers: in instructions, in rows, in segments."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockstep.program.edit import places, replaced
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import Program, Segment, Site
from lockstep.reduce.adaptive import exhaust, sweep
from lockstep.reduce.program.calls import with_rows
from lockstep.reduce.search import Search

_WIDTHS = {"i32": 32, "f32": 32, "i64": 64, "f64": 64, "v128": 128}


def empty_segments(search: Search[Program]) -> None:
    """Segments away, their ends away, zeros in them."""
    if search.first(_emptied(search.best)) is None:
        for number in range(len(search.best.segments)):
            _shorten(search, number)
            _zero(search, number)


def _emptied(program: Program) -> Iterator[Program]:
    used = any(n.op in ("memory.init", "data.drop") for _, n in places(program))
    if not used:
        yield msgspec.structs.replace(program, segments=())
        yield msgspec.structs.replace(
            program, segments=tuple(s for s in program.segments if s.address is not None)
        )


def _shorten(search: Search[Program], number: int) -> None:
    """Halves away, at the end and at the beginning."""

    def candidates(program: Program) -> Iterator[Program]:
        segment = program.segments[number]
        size = len(segment.data) // 2
        while size:
            yield _with_segment(program, number, Segment(segment.address, segment.data[:-size]))
            if segment.address is not None:
                at = segment.address + size
                yield _with_segment(program, number, Segment(at, segment.data[size:]))
            size //= 2

    exhaust(search, candidates)


def _zero(search: Search[Program], number: int) -> None:
    def zeroed(program: Program, start: int, end: int) -> Program:
        segment = program.segments[number]
        data = segment.data[:start] + bytes(end - start) + segment.data[end:]
        return _with_segment(program, number, Segment(segment.address, data))

    size = len(search.best.segments[number].data)
    while size:
        sweep(search, len(search.best.segments[number].data), size, zeroed)
        size //= 4


def _with_segment(program: Program, number: int, segment: Segment) -> Program:
    segments = (*program.segments[:number], segment, *program.segments[number + 1 :])
    return msgspec.structs.replace(program, segments=segments)


def lower_numbers(search: Search[Program]) -> None:
    """Constants, offsets and arguments become 0, 1, or have fewer bits."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in places(program):
            if node.op.endswith(".const"):
                for bits in _lower(node.at[0], _WIDTHS[node.op.split(".")[0]]):
                    yield replaced(program, place, node._replace(at=(bits,)))
            elif node.op in INSTRUCTIONS and INSTRUCTIONS[node.op].width:
                for less in ((0, *node.at[1:]), (0, 0, *node.at[2:])):
                    yield replaced(program, place, node._replace(at=less))
        for at, site in enumerate(program.sites):
            yield from _lower_rows(program, at, site)

    exhaust(search, candidates)


def _lower_rows(program: Program, at: int, site: Site) -> Iterator[Program]:
    types = program.functions[site.function].parameters
    for number, row in enumerate(site.rows):
        for column, bits in enumerate(row):
            for lower in _lower(bits, _WIDTHS[types[column]]):
                new = (*row[:column], lower, *row[column + 1 :])
                rows = (*site.rows[:number], new, *site.rows[number + 1 :])
                yield with_rows(program, at, rows)


def _lower(bits: int, width: int) -> Iterator[int]:
    """0, 1, then ever smaller stretches of bits cleared; of a small number one less."""
    yield from (value for value in (0, 1) if value < bits)
    size = width // 2
    while size >= 4:
        for start in range(0, width, size):
            cleared = bits & ~(((1 << size) - 1) << start)
            if cleared != bits:
                yield cleared
        size //= 2
    if 1 < bits < 256:
        yield from (bits // 2, bits - 1)

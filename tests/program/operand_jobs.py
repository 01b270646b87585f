"""Which operands each instruction is tried on: read in a loop, constant, and one of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from random import Random

import operand_values
from operand_guest import BYTES, INPUT_BYTES, Case, Job, Operands, operand_types, traps

from lockstep.program.instructions import INSTRUCTIONS, Instruction

CONSTANTS, TURNS = 24, 30
"""Variants with a constant, and rows that each is tried on."""


def jobs(seed: int, share: float = 1.0) -> list[Job]:
    """Some 10^6 evaluations of all instructions together, or a share of them."""
    return [
        job
        for row in INSTRUCTIONS.values()
        for job in _of_instruction(Random(f"{seed} {row.name}"), row, share)
        if job.rows
    ]


def chunks(every: Iterable[Job], size: int = 200) -> list[list[Job]]:
    """Jobs that one module holds: of one feature, and not too many for a slow compiler."""
    found: list[list[Job]] = []
    for job in sorted(every, key=lambda job: job.row.feature):
        if found and len(found[-1]) < size and found[-1][0].row.feature == job.row.feature:
            found[-1].append(job)
        else:
            found.append([job])
    return found


def trapping(seed: int, each: int) -> Iterator[Case]:
    """Operands that trap, `each` times for each kind of trap of each instruction."""
    for row in INSTRUCTIONS.values():
        if not row.traps or row.width:
            continue
        random, left = Random(f"{seed} {row.name}"), dict.fromkeys(row.traps, each)
        while any(left.values()):
            operands = _operands(random, row)
            if row.takes[0] in ("i32", "i64"):
                bits = operand_values.WIDTHS[row.takes[0]]
                operands = tuple(
                    random.choice((0, 1 << bits - 1, (1 << bits) - 1, a)) for a in operands
                )
            case = Case(row, (), operands)
            if left.get(traps(case)):
                left[traps(case)] -= 1
                yield case


def _of_instruction(random: Random, row: Instruction, share: float) -> Iterator[Job]:
    types = operand_types(row)
    open_ = (None,) * len(types)
    every = operand_values.lanes(random, row)
    sizes = [type_ if isinstance(type_, int) else BYTES[type_] for type_ in types]
    turns = min(int(1600 * share), INPUT_BYTES // sum(sizes)) // len(every) + 1
    for lanes in every:
        yield _job(random, row, lanes, (open_,), turns)
    if any(isinstance(type_, int) for type_ in types):
        return
    if len(types) == 2 and "v128" not in types:
        pairs = product(*(operand_values.SPECIAL[type_] for type_ in row.takes))
        rows = [pair for pair in pairs if not traps(Case(row, (), pair))]
        yield Job(row, (), (open_,), tuple(rows))
    constants = max(1, int(CONSTANTS * share))
    for at in range(len(types) if len(types) > 1 else 0):
        drawn = [_operands(random, row)[at] for _ in range(constants)]
        variants = [tuple(c if i == at else None for i in range(len(types))) for c in drawn]
        yield _job(random, row, every[-1], variants, max(1, int(TURNS * share)))
    variants = [_operands(random, row) for _ in range(max(1, int(160 * share)))]
    kept = [v for v in variants if not traps(Case(row, every[-1], v))]
    if kept:
        yield Job(row, every[-1], tuple(kept), ((),))


def _job(
    random: Random,
    row: Instruction,
    lanes: tuple[int, ...],
    variants: Iterable[tuple[int | None, ...]],
    turns: int,
) -> Job:
    """A job that does not trap: constants go that mostly would, then rows that still would."""
    kept = tuple(variants)
    places = [at for at, constant in enumerate(kept[0]) if constant is None]
    rows = [tuple(_operands(random, row)[at] for at in places) for _ in range(turns)]
    if row.traps and not row.width:
        kept = (
            tuple(v for v in kept if _trapping(row, lanes, [v], rows) * 2 < len(rows)) or kept[:1]
        )
        rows = [read for read in rows if not _trapping(row, lanes, kept, [read])]
    return Job(row, lanes, kept, tuple(rows))


def _trapping(
    row: Instruction,
    lanes: tuple[int, ...],
    variants: Iterable[tuple[int | None, ...]],
    rows: Iterable[Operands],
) -> int:
    job = Job(row, lanes, tuple(variants), tuple(rows))
    return sum(bool(traps(case)) for case in job.cases())


def _operands(random: Random, row: Instruction) -> Operands:
    return tuple(
        random.getrandbits(type_ * 8)
        if isinstance(type_, int)
        else operand_values.value(random, type_, row.name)
        for type_ in operand_types(row)
    )

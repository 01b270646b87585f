"""Which of two programs is the smaller one."""

from __future__ import annotations

import hashlib
from typing import Any

from lockstep.program.instructions import INSTRUCTIONS, Immediate
from lockstep.program.tree import Program, nodes

PLAIN = (
    *("i32.add", "i64.add", "f32.add", "f64.add", "i64x2.add", "i64.eq", "f32.eq", "f64.eq"),
    *("i32.eqz", "i64.eqz", "i64.clz", "f32.neg", "f64.neg", "v128.not"),
)
_PLAIN = {(INSTRUCTIONS[op].takes, INSTRUCTIONS[op].gives): op for op in PLAIN}


def plainer(op: str) -> str:
    """What stands for all operators of the same types where it does not matter which.

    Empty for that one itself, for loads and stores, and where there is none.
    """
    row = INSTRUCTIONS.get(op)
    if row is None or row.immediate is not Immediate.NONE:
        return ""
    found = _PLAIN.get((row.takes, row.gives), op)
    return found if found != op else ""


def sort_key(program: Program) -> tuple[Any, ...]:
    """A total order on programs. In this order matter:

    1. The number of call sites: each is an event.
    2. The number of instructions, then of functions: all of them have to be read; then of those
       that could be a plainer one (see `plainer`).
    3. Calls, then what is declared: locals, globals, entries of the table, bytes of segments.
    4. How long the numbers are: those of instructions, then those of the calls.
    5. All of it as a text, so that no two programs are equal.
    """
    found = list(nodes(program))
    functions, sites = program.functions, program.sites
    declared = sum(len(f.parameters) + len(f.locals) + len(f.results) for f in functions)
    declared += len(program.globals) + len(program.table) + len(program.elements)
    return (
        len(sites),
        len(found),
        len(functions),
        sum(1 for node in found if plainer(node.op)),
        sum(len(site.rows) for site in sites),
        declared,
        sum(len(segment.data) for segment in program.segments),
        sum(number.bit_length() for node in found for number in node.at),
        sum(bits.bit_length() for site in sites for row in site.rows for bits in row),
        sum(len(s.data) - s.data.count(0) for s in program.segments),
        repr(program),
    )


def name(program: Program) -> bytes:
    """The same for the same program alone."""
    return hashlib.blake2b(repr(program).encode(), digest_size=16).digest()

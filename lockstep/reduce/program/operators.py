"""What does not matter becomes plain: operators, and values that only have to be unusual."""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.program.edit import places, replaced, tidy
from lockstep.program.tree import Node, Program
from lockstep.program.types import results
from lockstep.reduce.adaptive import exhaust
from lockstep.reduce.program.order import plainer
from lockstep.reduce.search import Search

EDGES = {
    "i32": (1, 0x80000000, 0xFFFFFFFF),
    "i64": (1, 1 << 63, (1 << 64) - 1),
    "f32": (0x80000000, 0x3F800000, 0x7FC00000),
    "f64": (1 << 63, 0x3FF << 52, 0x7FF8 << 48),
}
"""Of each type: for floats -0, 1 and a NaN."""
NODES_MAX = 40
"""In a larger program so many values are too many."""


def plain_operators(search: Search[Program]) -> None:
    """An operator becomes the plainest one of its types."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in places(program):
            if op := plainer(node.op):
                yield replaced(program, place, node._replace(op=op))

    exhaust(search, candidates)


def use_edges(search: Search[Program]) -> None:
    """What computes one value becomes a value at the edge of its type."""

    def candidates(program: Program) -> Iterator[Program]:
        found = list(places(program))
        for place, node in found if len(found) <= NODES_MAX else ():
            types = results(program, program.functions[place[0]], node)
            if len(types) == 1 and node.kids:
                for bits in EDGES.get(types[0], ()):
                    constant = Node(f"{types[0]}.const", (), (bits,))
                    yield tidy(replaced(program, place, constant))

    exhaust(search, candidates)

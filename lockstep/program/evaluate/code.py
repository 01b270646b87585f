"""Trees become Python functions, one a node, each of which is given the locals.

A node that gives one value becomes a function that gives it; of several, a list of them; of none,
whatever. Operands are computed from left to right, so traps come in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from lockstep.program.evaluate.state import State
from lockstep.program.instructions import INSTRUCTIONS, Instruction
from lockstep.program.tree import Bits, Node, Program

Frame = list[Bits]
Run = Callable[[Frame], Any]
Gather = Callable[[Frame], list[Bits]]


class Code(NamedTuple):
    """What a node does, and how many values it gives."""

    run: Run
    gives: int


class Host(Protocol):
    """Who runs the code."""

    program: Program
    state: State

    def invoke(self, function: int, arguments: Frame) -> Any:
        """What a function gives, in the form of its count."""

    def step(self) -> None:
        """Count a turn of a loop."""

    def watched(self, row: Instruction) -> Callable[..., Bits]:
        """What an instruction computes, seen by whoever watches."""


Compile = Callable[[Host, Node], Code]
STRUCTURE: dict[str, Compile] = {}
"""The nodes that are not in the table of instructions; other modules of this room add theirs."""


def code(host: Host, node: Node) -> Code:
    """A node's code."""
    row = INSTRUCTIONS.get(node.op)
    return _instruction(host, node) if row else STRUCTURE[node.op](host, node)


def form(values: list[Bits], count: int) -> Any:
    """Values as a node gives them."""
    return values[0] if count == 1 else values


def operands(host: Host, kids: Sequence[Node]) -> tuple[Gather, int]:
    """The values of all kids in a row, and how many."""
    codes = [code(host, kid) for kid in kids]
    runs = [each.run for each in codes]
    if any(each.gives != 1 for each in codes):
        return _flat(codes), sum(each.gives for each in codes)
    return lambda frame: [run(frame) for run in runs], len(runs)


def sequence(host: Host, kids: Sequence[Node], count: int) -> Run:
    """Statements, of which the last ones give `count` values."""
    codes = [code(host, kid) for kid in kids]
    runs = [each.run for each in codes]
    if len(runs) == 1 and codes[0].gives == count:
        return runs[0]
    if count == 0:
        return _one_by_one(runs)
    if count == codes[-1].gives == sum(each.gives for each in codes):
        return _then(_one_by_one(runs[:-1]), runs[-1])
    flat = _flat(codes)
    return lambda frame: form(flat(frame), count)


def _one_by_one(runs: list[Run]) -> Run:
    def run_all(frame: Frame) -> None:
        for run in runs:
            run(frame)

    return run_all


def _then(first: Run, last: Run) -> Run:
    def run(frame: Frame) -> Any:
        first(frame)
        return last(frame)

    return run


def _flat(codes: Sequence[Code]) -> Gather:
    def gather(frame: Frame) -> list[Bits]:
        values: list[Bits] = []
        for run, gives in codes:
            found = run(frame)
            if gives == 1:
                values.append(found)
            elif gives:
                values += found
        return values

    return gather


# Instructions of the table


def _instruction(host: Host, node: Node) -> Code:
    row = INSTRUCTIONS[node.op]
    if row.width:
        return Code(_load(host, node) if row.gives else _store(host, node), len(row.gives))
    run, lanes = host.watched(row), node.at
    kids = [code(host, kid) for kid in node.kids]
    match kids:
        case [Code(one, 1)] if not lanes:
            return Code(lambda frame: run(one(frame)), 1)
        case [Code(one, 1), Code(two, 1)] if not lanes:
            return Code(lambda frame: run(one(frame), two(frame)), 1)
        case _:
            gather = _flat(kids)
            return Code(lambda frame: run(*gather(frame), *lanes), 1)


def _load(host: Host, node: Node) -> Run:
    row, state = INSTRUCTIONS[node.op], host.state
    run, width = row.run, row.width
    _, offset, *lanes = node.at
    gather, _ = operands(host, node.kids)

    def load(frame: Frame) -> Bits:
        address, *vector = gather(frame)
        return run(*vector, state.load(address + offset, width), *lanes)

    return load


def _store(host: Host, node: Node) -> Run:
    row, state = INSTRUCTIONS[node.op], host.state
    run, width = row.run, row.width
    _, offset, *lanes = node.at
    gather, _ = operands(host, node.kids)

    def store(frame: Frame) -> None:
        address, value = gather(frame)
        state.store(address + offset, width, run(value, *lanes))

    return store

"""Operands for which an instruction that may trap does not."""

from __future__ import annotations

from lockstep.program.generate import values
from lockstep.program.generate.scope import Scope
from lockstep.program.instructions import Instruction
from lockstep.program.nan import loose
from lockstep.program.tree import Node, Type

_LIMITS: dict[tuple[str, str], int] = {
    ("i32", "f32"): 0x4F000000,  # 2^31
    ("i64", "f32"): 0x5F000000,  # 2^63
    ("i32", "f64"): 0x41E0000000000000,
    ("i64", "f64"): 0x43E0000000000000,
}


def guarded(scope: Scope, row: Instruction, kids: list[Node]) -> list[Node]:
    """The operands of a division or truncation, made harmless."""
    if ".trunc_" in row.name:
        return [_in_range(scope, row, kids[0])]
    return [kids[0], _divisor(scope, row, kids[1])]


def _divisor(scope: Scope, row: Instruction, divisor: Node) -> Node:
    """Not 0, and never -1 where the dividend could be the smallest number."""
    type_: Type = row.takes[1]
    width = values.WIDTHS[type_]
    constant = values.value(scope.choices, type_)
    if constant not in (0, (1 << width) - 1) and scope.choices.chance(1, 2):
        return Node(f"{type_}.const", (), (constant,))
    if row.name.endswith("_s"):
        positive = Node(f"{type_}.const", (), ((1 << (width - 1)) - 1,))
        divisor = Node(f"{type_}.and", (divisor, positive))
    return Node(f"{type_}.or", (divisor, Node(f"{type_}.const", (), (1,))))


def _in_range(scope: Scope, row: Instruction, number: Node) -> Node:
    """The number where it can be truncated, else 0; unsigned truncation takes it without sign."""
    integer: Type = row.gives[0]
    float_: Type = row.takes[0]
    local = scope.local(float_, fixed=True)
    number = scope.clean(number, float_) if loose(number) else number
    tee, get = Node("local.tee", (number,), (local,)), Node("local.get", (), (local,))
    limit = Node(f"{float_}.const", (), (_LIMITS[integer, float_],))
    zero = Node(f"{float_}.const", (), (0,))
    small = Node(f"{float_}.lt", (Node(f"{float_}.abs", (get,)), limit))
    chosen = Node("select", (tee, zero, small))
    return Node(f"{float_}.abs", (chosen,)) if row.name.endswith("_u") else chosen

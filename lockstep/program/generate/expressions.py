"""Expressions of a wanted type: operands from everywhere, an instruction around them."""

from __future__ import annotations

import functools

from lockstep.program.generate import guards, values
from lockstep.program.generate.idioms import idiom
from lockstep.program.generate.scope import SPARE, Address, Callee, Choice, Role, Scope
from lockstep.program.generate.witness import kept
from lockstep.program.instructions import Immediate, Instruction
from lockstep.program.nan import loose, takes
from lockstep.program.tree import END, Node, Type

COST_MAX = 3000
DEPTH_MAX = 7


def expression(scope: Scope, type_: Type, depth: int = 0) -> Node:
    """A node that gives one `type_`; its NaNs may have any bits."""
    scope.spend()
    if type_ == "funcref":
        return reference(scope)
    if depth >= DEPTH_MAX or scope.budget <= 0 or scope.choices.chance(depth, depth + 2):
        return leaf(scope, type_)
    make = scope.choices.pick(_MAKERS)
    node = make(scope, type_, depth) or instruction(scope, type_, depth) or leaf(scope, type_)
    if scope.watched and scope.choices.chance(1, 2):
        return kept(scope, scope.clean(node, type_), type_)
    return node


def operand(scope: Scope, type_: Type, depth: int = 0) -> Node:
    """The same with canonical NaNs."""
    return scope.clean(expression(scope, type_, depth), type_)


def leaf(scope: Scope, type_: Type) -> Node:
    """Something that is there: a local, a constant, a word of memory, a global."""
    choices = scope.choices
    kind = choices.integer(0, 9)
    names = scope.readable(type_)
    if kind < 5 and names:
        return Node("local.get", (), (choices.pick(names),))
    if kind < 8:
        loaded = load(scope, type_)
        if loaded is not None:
            return loaded
    if kind == 8:
        globals_ = [i for i, entry in enumerate(scope.world.globals) if entry.type == type_]
        if globals_:
            return Node("global.get", (), (choices.pick(globals_),))
    return values.const(choices, type_)


def address(scope: Scope, width: int, *, beyond: bool = False) -> tuple[Node, int] | None:
    """An address and an offset at which `width` bytes are in the window.

    With `beyond` some of them lie past the end of memory.
    """
    choices = scope.choices
    named = [
        (index, role)
        for index, role in enumerate(scope.roles)
        if isinstance(role, Address) and (beyond or role.room >= width)
    ]
    if named and choices.chance(3, 4):
        index, role = choices.pick(named)
        spare = role.room - width
        if beyond:
            more = spare + choices.pick((1, 1, width, width + 8, 1 << 16))
        else:
            more = choices.pick((spare, spare, choices.integer(0, spare)))
        node = role.chain.node(Node("local.get", (), (index,)))
        return (node, role.bias + more) if role.bias + more >= 0 else None
    at = END - width - choices.pick((0, 0, 0, 1, 8, choices.integer(0, 900)))
    if beyond:
        at = choices.pick((END - width + 1, END, END + 8, 0xFFFFFFFF, 0xFFFFFFF8, 0x80000000))
    offset = choices.pick((0, 0, at, choices.integer(0, at), 1))
    return Node("i32.const", (), (at - offset & 0xFFFFFFFF,)), offset


def load(scope: Scope, type_: Type, depth: int = DEPTH_MAX) -> Node | None:
    """A load that gives `type_`, or a load of one lane."""
    found = scope.world.loads.get(type_)
    return accessed(scope, scope.choices.pick(found), depth) if found else None


def accessed(scope: Scope, row: Instruction, depth: int) -> Node | None:
    """The load or store `row` at an address that is drawn."""
    choices = scope.choices
    beyond = scope.risks(row.traps, 1)
    where = address(scope, row.width, beyond=beyond)
    if where is None:
        return None
    node, offset = where
    align = choices.pick(
        (row.width.bit_length() - 1, choices.integer(0, row.width.bit_length() - 1))
    )
    kids = [node, *(operand(scope, type_, depth + 1) for type_ in row.takes[1:])]
    lane = (choices.integer(0, row.lanes - 1),) if row.immediate is Immediate.MEMORY_LANE else ()
    if not row.gives and not beyond:
        scope.stored.append((node, offset, row.width))
    scope.spend()
    return Node(row.name, tuple(kids), (align, offset, *lane))


def instruction(scope: Scope, type_: Type, depth: int) -> Node | None:
    """An instruction that gives `type_`, each as likely as any other."""
    found = scope.world.by_type.get(type_)
    return apply(scope, scope.choices.pick(found), depth) if found else None


def apply(scope: Scope, row: Instruction, depth: int) -> Node | None:
    """`row` with drawn operands, and guarded where it could trap."""
    if row.width:
        return accessed(scope, row, depth)
    choices = scope.choices
    kids = [expression(scope, type_, depth + 1) for type_ in row.takes]
    twice = 3 if row.immediate is Immediate.LANES else 6
    if len(kids) > 1 and row.takes[0] == row.takes[1] and choices.chance(1, twice):
        kids[:2] = _twice(scope, kids[0], row.takes[0])
    return composed(scope, row, kids)


def _twice(scope: Scope, node: Node, type_: Type) -> tuple[Node, Node]:
    """One value as two operands."""
    if node.op in ("local.get", f"{type_}.const"):
        return node, node
    local = scope.local(type_, fixed=True)
    tee = Node("local.tee", (scope.clean(node, type_),), (local,))
    return tee, Node("local.get", (), (local,))


def composed(scope: Scope, row: Instruction, kids: list[Node]) -> Node:
    """`row` of these operands, which are guarded and cleaned where that is needed."""
    if row.traps and not scope.risks(row.traps, 3):
        kids = guards.guarded(scope, row, kids)
    node = Node(row.name, tuple(kids), _lanes(scope, row))
    return Node(row.name, _allowed(scope, row, node), node.at)


def _allowed(scope: Scope, row: Instruction, node: Node) -> tuple[Node, ...]:
    """The operands, cleaned where this instruction would show a NaN's bits."""
    kids = []
    for at, kid in enumerate(node.kids):
        shape = loose(kid)
        bare = not shape or takes(node, at, shape)
        kids.append(kid if bare else scope.clean(kid, row.takes[at]))
    return tuple(kids)


def _lanes(scope: Scope, row: Instruction) -> tuple[int, ...]:
    choices = scope.choices
    if row.immediate is Immediate.LANE:
        return (choices.integer(0, row.lanes - 1),)
    if row.immediate is Immediate.LANES:
        return _shuffle(scope)
    return ()


def _shuffle(scope: Scope) -> tuple[int, ...]:
    """Sixteen lanes: any, or a pattern that compilers know."""
    choices = scope.choices
    match choices.integer(0, 5):
        case 0:
            first, step = choices.integer(0, 31), choices.pick((0, 1, 1, 2))
            return tuple((first + step * i) % 32 for i in range(16))
        case 1:
            half = choices.pick((0, 8))
            return tuple(half + i // 2 + 16 * (i % 2) for i in range(16))
        case 2:
            size = choices.pick((2, 4, 8))
            parts = [choices.integer(0, 32 // size - 1) for _ in range(16 // size)]
            return tuple(size * part + i for part in parts for i in range(size))
        case 3:
            size = choices.pick((2, 4, 8))
            return tuple(i // size * size + size - 1 - i % size for i in range(16))
        case 4:
            return tuple(16 + choices.integer(0, 15) for _ in range(16))
        case _:
            return tuple(choices.integer(0, 31) for _ in range(16))


# Structure


def _instruction(scope: Scope, type_: Type, depth: int) -> Node | None:
    return instruction(scope, type_, depth)


def idiomatic(scope: Scope, type_: Type, depth: int) -> Node | None:
    """Some instructions that compilers know as one."""
    operand = functools.partial(expression, scope, depth=depth + 2)
    return idiom(scope, type_, operand, functools.partial(composed, scope))


def _select(scope: Scope, type_: Type, depth: int) -> Node | None:
    one, other = (expression(scope, type_, depth + 1) for _ in range(2))
    typed = scope.world.has("reference-types") and scope.choices.chance(1, 3)
    condition = expression(scope, "i32", depth + 1)
    return Node("select", (one, other, condition), (), (type_,) if typed else ())


def _if(scope: Scope, type_: Type, depth: int) -> Node | None:
    condition, label = expression(scope, "i32", depth + 1), scope.label()
    scope.open.append((label, (type_,)))
    sides = [
        Node(side, (*_maybe_changed(scope, depth), operand(scope, type_, depth + 1)))
        for side in ("then", "else")
    ]
    scope.open.pop()
    return Node("if", (condition, *sides), (label,), (type_,))


def _block(scope: Scope, type_: Type, depth: int) -> Node | None:
    """A block that may be left early with a value."""
    label = scope.label()
    scope.open.append((label, (type_,)))
    early = operand(scope, type_, depth + 1)
    leaving = Node("br_if", (early, expression(scope, "i32", depth + 1)), (label,))
    kids = (
        *_maybe_changed(scope, depth),
        Node("drop", (leaving,)),
        operand(scope, type_, depth + 1),
    )
    scope.open.pop()
    return Node("block", kids, (label,), (type_,))


def _maybe_changed(scope: Scope, depth: int) -> tuple[Node, ...]:
    """Often a local changes while older copies of it are in use."""
    types = sorted({scope.types[i] for i in range(len(scope.types)) if i not in scope.fixed})
    if not types or scope.choices.chance(1, 2):
        return ()
    type_: Type = scope.choices.pick(types)
    return (set_local(scope, type_, depth),)


def set_local(scope: Scope, type_: Type, depth: int, op: str = "local.set") -> Node:
    """A local of that type gets a value."""
    index = scope.choices.pick(scope.writable(type_))
    return Node(op, (operand(scope, type_, depth + 1),), (index,))


def _tee(scope: Scope, type_: Type, depth: int) -> Node | None:
    return set_local(scope, type_, depth, "local.tee") if scope.writable(type_) else None


def _call(scope: Scope, type_: Type, depth: int) -> Node | None:
    found = [c for c in affordable(scope) if c.signature.results == (type_,)]
    return called(scope, scope.choices.pick(found), depth) if found else None


def affordable(scope: Scope) -> list[Callee]:
    """The functions that can be called here without a call taking too long."""
    most = (COST_MAX - scope.cost) // scope.weight
    return [callee for callee in scope.world.callees if callee.cost <= most]


def called(scope: Scope, callee: Callee, depth: int) -> Node:
    """A call: direct, or through the table where it is there."""
    arguments = tuple(
        fitting(scope, role, type_, depth)
        for role, type_ in zip(callee.roles, callee.signature.parameters, strict=True)
    )
    scope.spend(callee.cost)
    entries = scope.world.entries
    if callee.index in entries and scope.choices.chance(1, 2):
        index = Node("i32.const", (), (SPARE + entries.index(callee.index),))
        signature = scope.world.signatures.index(callee.signature)
        return Node("call_indirect", (*arguments, index), (signature,))
    return Node("call", arguments, (callee.index,))


def fitting(scope: Scope, role: Role, type_: Type, depth: int) -> Node:
    """An argument for a parameter of that role."""
    if isinstance(role, Address | Choice):
        return Node(f"{type_}.const", (), (role.raw(scope.choices),))
    return operand(scope, type_, depth + 1)


def reference(scope: Scope) -> Node:
    """A reference to a function, or none."""
    if scope.world.entries and scope.choices.chance(1, 2):
        return Node("ref.func", (), (scope.choices.pick(scope.world.entries),))
    return Node("ref.null")


_MAKERS = (*[_instruction] * 12, *[idiomatic] * 2, *[_select] * 2, *[_tee] * 2, _if, _block, _call)

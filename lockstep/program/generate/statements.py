"""Statements: what changes locals, globals, memory and tables, and the control around it."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.program.application import WINDOW
from lockstep.program.generate.expressions import (
    accessed,
    affordable,
    called,
    expression,
    operand,
    reference,
    set_local,
)
from lockstep.program.generate.scope import PASSIVE_BYTES, SPARE, Scope
from lockstep.program.generate.witness import seen
from lockstep.program.tree import END, Node, Type
from lockstep.runtimes.traps import MEMORY

DEPTH_MAX = 4
TURNS_MAX = 5

Make = Callable[[Scope, int], Node | None]


def statements(scope: Scope, count: int, depth: int = 0) -> tuple[Node, ...]:
    """Up to `count` statements, as far as the budget goes."""
    found: list[Node] = []
    for _ in range(count):
        if scope.budget <= 0:
            break
        node = statement(scope, depth)
        if node is not None:
            found.append(node)
    return tuple(found)


def statement(scope: Scope, depth: int) -> Node | None:
    """One statement; None where the drawn kind has nothing to work on."""
    scope.spend()
    makers = _SIMPLE if depth >= DEPTH_MAX else _ALL
    return scope.choices.pick(makers)(scope, depth)


def _set(scope: Scope, _: int) -> Node | None:
    types: list[Type] = sorted({t for i, t in enumerate(scope.types) if i not in scope.fixed})
    if not types:
        return None
    type_ = scope.choices.pick(types)
    if scope.watched and scope.choices.chance(1, 4):
        return seen(scope, set_local(scope, type_, 0, "local.tee"), type_)
    return set_local(scope, type_, 0)


def _store(scope: Scope, _: int) -> Node | None:
    return accessed(scope, scope.choices.pick(scope.world.stores), 0)


def _global(scope: Scope, _: int) -> Node | None:
    if not scope.world.globals:
        return None
    index = scope.choices.integer(0, len(scope.world.globals) - 1)
    return Node("global.set", (operand(scope, scope.world.globals[index].type),), (index,))


def _drop(scope: Scope, _: int) -> Node | None:
    type_ = scope.choices.pick(sorted(scope.world.by_type))
    value = operand(scope, type_)
    return seen(scope, value, type_) if scope.watched else Node("drop", (value,))


def _call(scope: Scope, _: int) -> Node | None:
    """A call whose results go to locals, or nowhere."""
    found = affordable(scope)
    if not found:
        return None
    callee = scope.choices.pick(found)
    node = called(scope, callee, 0)
    targets = []
    for type_ in callee.signature.results:
        names = [i for i in scope.writable(type_) if i not in targets]
        targets.append(scope.choices.pick(names) if names else scope.local(type_))
    return Node("unpack", (node,), tuple(targets)) if targets else node


def _if(scope: Scope, depth: int) -> Node | None:
    condition, label = expression(scope, "i32"), scope.label()
    scope.open.append((label, ()))
    then = Node("then", statements(scope, 2, depth + 1))
    both = scope.choices.chance(1, 2)
    otherwise = Node("else", statements(scope, 2, depth + 1) if both else ())
    scope.open.pop()
    return Node("if", (condition, then, otherwise), (label,))


def _block(scope: Scope, depth: int) -> Node | None:
    label = scope.label()
    scope.open.append((label, ()))
    kids = statements(scope, 3, depth + 1)
    scope.open.pop()
    return Node("block", kids, (label,))


def _loop(scope: Scope, depth: int) -> Node | None:
    """A loop of a few turns, counted by a local that nothing else changes."""
    choices = scope.choices
    turns = choices.integer(2, TURNS_MAX)
    if scope.weight * turns > TURNS_MAX**2:
        return None
    counter, label = scope.local("i32", fixed=True), scope.label()
    scope.weight *= turns
    inside = statements(scope, 3, depth + 1)
    scope.weight //= turns
    less = Node("i32.sub", (Node("local.get", (), (counter,)), Node("i32.const", (), (1,))))
    again = Node("br_if", (Node("local.tee", (less,), (counter,)),), (label,))
    start = Node("local.set", (Node("i32.const", (), (turns,)),), (counter,))
    return Node("block", (start, Node("loop", (*inside, again), (label,))), (scope.label(),))


def _branch(scope: Scope, _: int) -> Node | None:
    """Leave a block around here, if a condition holds or by a table."""
    plain = [label for label, results in scope.open if not results]
    if not plain:
        return None
    if scope.choices.chance(1, 3):
        labels = tuple(scope.choices.pick(plain) for _ in range(scope.choices.integer(2, 5)))
        inner, index = scope.label(), expression(scope, "i32")
        table = Node("br_table", (index,), (inner, *labels))
        return Node("block", (table,), (inner,))
    return Node("br_if", (expression(scope, "i32"),), (scope.choices.pick(plain),))


def _return(scope: Scope, _: int) -> Node | None:
    """An early return, if a condition holds."""
    values = tuple(operand(scope, type_) for type_ in scope.results)
    label = scope.label()
    then = Node("then", (Node("return", values),))
    return Node("if", (expression(scope, "i32"), then, Node("else")), (label,))


def _grow(scope: Scope, _: int) -> Node | None:
    """Memory that is as large as it may be cannot grow, by no number."""
    pages = scope.choices.pick((0xFFFFFFFF, 1, 0x10000, 0xFFFF, 0xFFFFFFC0, 0x80000000))
    names = scope.writable("i32")
    if not names:
        return None
    sizes = (Node("memory.grow", (Node("i32.const", (), (pages,)),)), Node("memory.size"))
    return Node("local.set", (Node("i32.xor", sizes),), (scope.choices.pick(names),))


def _bulk(scope: Scope, _: int) -> Node | None:
    """Fill, copy, or take from a passive segment; in the window, or past the end."""
    if not scope.world.has("bulk-memory"):
        return None
    choices = scope.choices
    size = choices.pick((0, 1, 7, 8, 16, 33, choices.integer(0, 64)))
    beyond = scope.risks((MEMORY,), 1)
    target = _place(scope, size, beyond=beyond)
    count = _i32(size)
    match choices.integer(0, 2 if scope.world.passive else 1):
        case 0:
            return Node("memory.fill", (target, operand(scope, "i32"), count))
        case 1:
            return Node("memory.copy", (target, _place(scope, size), count))
        case _:
            start = choices.integer(0, PASSIVE_BYTES)
            segment = choices.integer(0, scope.world.passive - 1)
            size = min(size, PASSIVE_BYTES - start)
            return Node("memory.init", (target, _i32(start), _i32(size)), (segment,))


def _place(scope: Scope, size: int, *, beyond: bool = False) -> Node:
    if beyond:
        return _i32(END - size + scope.choices.pick((1, 8)))
    end = END - size
    return _i32(scope.choices.pick((end, end, scope.choices.integer(WINDOW, end))))


def _table(scope: Scope, _: int) -> Node | None:
    """Changes of the entries that no call goes through, and looks at them."""
    choices = scope.choices
    if not scope.world.has("reference-types"):
        return None
    at = choices.integer(0, SPARE - 1)
    size = choices.integer(0, SPARE - at)
    match choices.integer(0, 3):
        case 0:
            return Node("table.set", (_i32(at), reference(scope)))
        case 1:
            return Node("table.fill", (_i32(at), reference(scope), _i32(size)))
        case 2:
            source = choices.integer(0, SPARE - size)
            return Node("table.copy", (_i32(at), _i32(source), _i32(size)))
        case _:
            names = scope.writable("i32")
            null = Node("ref.is_null", (Node("table.get", (_i32(at),)),))
            sized = Node("i32.add", (null, Node("table.size")))
            return Node("local.set", (sized,), (choices.pick(names),)) if names else None


def _tail(scope: Scope, _: int) -> Node | None:
    """Sometimes return what another function gives."""
    if not scope.world.has("tail-call"):
        return None
    found = [c for c in affordable(scope) if c.signature.results == scope.results]
    if not found:
        return None
    node = called(scope, scope.choices.pick(found), 0)
    then = Node("then", (node._replace(op=f"return_{node.op}"),))
    return Node("if", (expression(scope, "i32"), then, Node("else")), (scope.label(),))


def _i32(value: int) -> Node:
    return Node("i32.const", (), (value & 0xFFFFFFFF,))


def _fault(scope: Scope, _: int) -> Node | None:
    """What may only be done once, at the very end."""
    if not scope.may_trap:
        return None
    choices, world = scope.choices, scope.world
    index = choices.pick((0, SPARE, SPARE + len(world.entries), 0xFFFFFFFF, 0x10000))
    if not world.signatures or choices.chance(1, 4):
        return Node("if", (expression(scope, "i32"), _UNREACHABLE, Node("else")), (scope.label(),))
    signature = choices.integer(0, len(world.signatures) - 1)
    wanted = world.signatures[signature]
    arguments = tuple(operand(scope, type_) for type_ in wanted.parameters)
    node = Node("call_indirect", (*arguments, _i32(index)), (signature,))
    targets = tuple(scope.local(type_) for type_ in wanted.results)
    return Node("unpack", (node,), targets) if targets else node


_UNREACHABLE = Node("then", (Node("unreachable"),))
_WEIGHTS: tuple[tuple[Make, int], ...] = (
    (_set, 8),
    (_store, 6),
    (_global, 2),
    (_drop, 1),
    (_call, 2),
    (_branch, 2),
    (_return, 1),
    (_grow, 1),
    (_bulk, 1),
    (_table, 1),
    (_tail, 1),
    (_fault, 1),
)
_SIMPLE = tuple(make for make, weight in _WEIGHTS for _ in range(weight))
_ALL = (*_SIMPLE, *[_if] * 2, *[_block] * 2, _loop)

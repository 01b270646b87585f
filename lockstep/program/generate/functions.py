"""Whole functions: small ones around one instruction, and larger ones of everything."""

from __future__ import annotations

from lockstep.program.generate.expressions import address, apply, idiomatic, operand
from lockstep.program.generate.scope import Anything, Callee, Scope, World
from lockstep.program.generate.statements import statements
from lockstep.program.generate.witness import looked_at
from lockstep.program.tree import Function, Node, Type

SIZES = ((3, 10), (3, 10), (10, 40), (40, 160))
PARAMETERS_MAX = 4
LOCALS = (0, 1, 3, 6, 24)


def function(world: World, *, may_trap: bool = False) -> tuple[Function, Callee]:
    """A new function, and what its callers must know."""
    choices = world.choices
    budget, watched = choices.integer(*choices.pick(SIZES)), choices.chance(1, 2)
    scope = Scope(world, budget=budget, may_trap=may_trap, watched=watched)
    focused = choices.chance(1, 2)
    body = _focused(scope) if focused else _wild(scope)
    made = scope.finish(looked_at(scope, body) if watched else body)
    index = len(world.callees)
    return made, Callee(index, made.signature, tuple(scope.roles), scope.cost + 4)


def _types(world: World) -> list[Type]:
    """The value types of the program, the numbers more often."""
    return [t for t in ("i32", "i64", "f32", "f64", "i32", "i64", "v128") if t in world.by_type]


def _parameters(scope: Scope, wanted: tuple[Type, ...]) -> None:
    """One of each wanted type, and some more; sometimes an address and a choice among them."""
    choices = scope.choices
    for type_ in wanted:
        scope.parameter(Anything(type_))
    for _ in range(choices.integer(0, max(0, PARAMETERS_MAX - len(wanted)))):
        scope.parameter(Anything(choices.pick(_types(scope.world))))
    for _ in range(choices.pick((0, 1, 1, 2))):
        scope.parameter(scope.address())


def _focused(scope: Scope) -> list[Node]:
    """One instruction or idiom with operands from everywhere; what it gives goes somewhere."""
    if scope.choices.chance(1, 5):
        return _around_idiom(scope)
    row = scope.choices.pick(scope.world.rows)
    _parameters(scope, row.takes[1:] if row.width else row.takes)
    scope.results = row.gives
    node = apply(scope, row, 1)
    if node is None:
        return [*map(_zero, scope.results)]
    if not row.gives:
        return [node]
    return _sunk(scope, node, row.gives[0])


def _around_idiom(scope: Scope) -> list[Node]:
    """The same for some instructions that belong together."""
    type_ = scope.choices.pick(_types(scope.world))
    _parameters(scope, (type_, type_))
    scope.results = (type_,)
    node = idiomatic(scope, type_, 1)
    return _sunk(scope, _zero(type_) if node is None else node, type_)


def _sunk(scope: Scope, node: Node, type_: Type) -> list[Node]:
    """A value is given back, returned, stored, kept while something else is done, or decides."""
    choices = scope.choices
    value = scope.clean(node, type_)
    match choices.integer(0, 7):
        case 0:
            return [Node("return", (value,))]
        case 1:
            return _stored(scope, value, type_)
        case 2:
            local = scope.local(type_)
            kept = Node("local.set", (value,), (local,))
            return [kept, *statements(scope, 2), Node("local.get", (), (local,))]
        case 3:
            scope.results = (type_, *(scope.types[i] for i in range(len(scope.roles))))
            if not scope.world.has("multi-value"):
                scope.results = scope.results[:1]
                return [value]
            alive = [Node("local.get", (), (i,)) for i in range(len(scope.roles))]
            return [value, *alive]
        case 4 if type_ == "i32":
            return [_deciding(scope, value)]
        case _:
            return [value]


def _stored(scope: Scope, value: Node, type_: Type) -> list[Node]:
    """Into memory, straight or in part."""
    rows = [row for row in scope.world.stores if row.takes[1] == type_ and not row.lanes]
    row = scope.choices.pick(rows)
    where = address(scope, row.width)
    if where is None:
        return [value]
    scope.results = ()
    scope.stored.append((*where, row.width))
    return [Node(row.name, (where[0], value), (0, where[1]))]


def _deciding(scope: Scope, condition: Node) -> Node:
    """Between two numbers, by a select or a branch."""
    scope.results = ("i32",)
    one, other = (operand(scope, "i32", 3) for _ in range(2))
    if scope.choices.chance(1, 2):
        return Node("select", (one, other, condition))
    sides = Node("then", (one,)), Node("else", (other,))
    return Node("if", (condition, *sides), (scope.label(),), ("i32",))


def _wild(scope: Scope) -> list[Node]:
    """Statements, then the results."""
    choices, types = scope.choices, _types(scope.world)
    _parameters(scope, ())
    for _ in range(choices.pick(LOCALS)):
        scope.local(choices.pick(types))
    most = 4 if scope.world.has("multi-value") else 1
    count = choices.pick((0, 1, 1, 1, most))
    scope.results = tuple(choices.pick(types) for _ in range(count))
    body = [*statements(scope, 12)]
    return [*body, *(operand(scope, type_) for type_ in scope.results)]


def _zero(type_: Type) -> Node:
    return Node(f"{type_}.const", (), (0,))

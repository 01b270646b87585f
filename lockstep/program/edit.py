"""Changes of a program that keep it well-formed: replace a node, drop a function, tidy up.

A place is the number of a function and the way down from its body: indices of kids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from lockstep.program.tree import Function, Node, Program, Site, nodes, walk

Place = tuple[int, ...]
FUNCTION_AT = ("call", "return_call", "ref.func")
GLOBAL_AT = ("global.get", "global.set")
LOCAL_AT = ("local.get", "local.set", "local.tee", "unpack")
SIGNATURE_AT = ("call_indirect", "return_call_indirect")
_TABLE = (*SIGNATURE_AT, "ref.func")


def places(program: Program) -> Iterator[tuple[Place, Node]]:
    """All places with what is there; a node comes before what is below it."""
    for index, function in enumerate(program.functions):
        for at, top in enumerate(function.body):
            yield from _below((index, at), top)


def _below(place: Place, node: Node) -> Iterator[tuple[Place, Node]]:
    yield place, node
    for at, kid in enumerate(node.kids):
        yield from _below((*place, at), kid)


def replaced(program: Program, place: Place, *new: Node) -> Program:
    """The program with `new` nodes at `place`, one, none or several."""
    index, *way = place
    function = program.functions[index]
    body = _spliced(function.body, way, new)
    return with_function(program, index, msgspec.structs.replace(function, body=body))


def _spliced(kids: tuple[Node, ...], way: list[int], new: tuple[Node, ...]) -> tuple[Node, ...]:
    at, *rest = way
    if not rest:
        return (*kids[:at], *new, *kids[at + 1 :])
    inner = kids[at]._replace(kids=_spliced(kids[at].kids, rest, new))
    return (*kids[:at], inner, *kids[at + 1 :])


def with_function(program: Program, index: int, function: Function) -> Program:
    """The program with another function number `index`."""
    functions = (*program.functions[:index], function, *program.functions[index + 1 :])
    return msgspec.structs.replace(program, functions=functions)


def mapped(program: Program, change: Callable[[Node], Node]) -> Program:
    """The program with `change` done to every node, kids first."""

    def inner(node: Node) -> Node:
        return change(node._replace(kids=tuple(map(inner, node.kids))) if node.kids else node)

    functions = tuple(
        msgspec.structs.replace(function, body=tuple(map(inner, function.body)))
        for function in program.functions
    )
    return msgspec.structs.replace(program, functions=functions)


def tidy(program: Program) -> Program:
    """The same program without what nothing refers to, and with small numbers for the rest."""
    program = _without_functions(program)
    program = _without_globals(program)
    program = _without_signatures(program)
    functions = tuple(map(_small_labels, map(_without_locals, program.functions)))
    return msgspec.structs.replace(program, functions=functions)


def _without_functions(program: Program) -> Program:
    used = {site.function for site in program.sites}
    through_table = False
    waiting = list(used)
    while waiting:
        for top in program.functions[waiting.pop()].body:
            for node in walk(top):
                found = set(node.at) if node.op in FUNCTION_AT else set()
                if node.op in _TABLE and not through_table:
                    through_table = True
                    found |= {entry for entry in program.table if entry is not None}
                waiting += found - used
                used |= found
    table = program.table if through_table or _names_table(program, used) else ()
    number = {old: new for new, old in enumerate(sorted(used))}
    kept = msgspec.structs.replace(
        program,
        functions=tuple(program.functions[old] for old in number),
        sites=tuple(Site(number[site.function], site.rows) for site in program.sites),
        table=tuple(None if entry is None else number.get(entry) for entry in table),
    )
    return _renumbered(kept, FUNCTION_AT, number)


def _names_table(program: Program, used: set[int]) -> bool:
    return any(
        node.op.startswith("table.")
        for index in used
        for top in program.functions[index].body
        for node in walk(top)
    )


def _without_globals(program: Program) -> Program:
    used = sorted({node.at[0] for node in nodes(program) if node.op in GLOBAL_AT})
    number = {old: new for new, old in enumerate(used)}
    kept = tuple(program.globals[old] for old in used)
    return _renumbered(msgspec.structs.replace(program, globals=kept), GLOBAL_AT, number)


def _without_signatures(program: Program) -> Program:
    used = sorted({node.at[0] for node in nodes(program) if node.op in SIGNATURE_AT})
    number = {old: new for new, old in enumerate(used)}
    kept = tuple(program.signatures[old] for old in used)
    return _renumbered(msgspec.structs.replace(program, signatures=kept), SIGNATURE_AT, number)


def _renumbered(program: Program, ops: tuple[str, ...], number: Mapping[int, int]) -> Program:
    if all(old == new for old, new in number.items()):
        return program

    def change(node: Node) -> Node:
        return node._replace(at=(number[node.at[0]], *node.at[1:])) if node.op in ops else node

    return mapped(program, change)


def _without_locals(function: Function) -> Function:
    count = len(function.parameters)
    used = {i for top in function.body for n in walk(top) if n.op in LOCAL_AT for i in n.at}
    kept = [*range(count), *sorted(index for index in used if index >= count)]
    number = {old: new for new, old in enumerate(kept)}
    locals_ = tuple(function.locals[old - count] for old in kept[count:])
    if len(locals_) == len(function.locals):
        return function
    return _with_numbers(msgspec.structs.replace(function, locals=locals_), LOCAL_AT, number)


def _small_labels(function: Function) -> Function:
    """Labels from 0 in the order in which their blocks begin."""
    labels = [
        node.at[0]
        for top in function.body
        for node in walk(top)
        if node.op in ("block", "loop", "if")
    ]
    number = {old: new for new, old in enumerate(labels)}
    labelled = ("block", "loop", "if", "br", "br_if", "br_table")
    return _with_numbers(function, labelled, number)


def _with_numbers(function: Function, ops: tuple[str, ...], number: Mapping[int, int]) -> Function:
    if all(old == new for old, new in number.items()):
        return function

    def change(node: Node) -> Node:
        kids = tuple(map(change, node.kids))
        at = tuple(number[i] for i in node.at) if node.op in ops else node.at
        return node._replace(kids=kids, at=at)

    return msgspec.structs.replace(function, body=tuple(map(change, function.body)))

"""Fewer instructions: statements away, values instead of what computes them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockstep.program.edit import Place, places, replaced, tidy, with_function
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import Node, Program, Type, walk
from lockstep.program.types import results
from lockstep.reduce.adaptive import exhaust
from lockstep.reduce.search import Search

_BLOCKS = ("block", "loop", "if")


def crown(search: Search[Program]) -> None:
    """One node, the smallest first, is all that a site's function does."""

    def candidates(program: Program) -> Iterator[Program]:
        sites = {site.function for site in program.sites}
        for place, node in reversed(_by_size(program)):
            if place[0] in sites and len(place) > 1 and _stands_alone(node):
                function = program.functions[place[0]]
                types = results(program, function, node)
                changed = msgspec.structs.replace(function, results=types, body=(node,))
                yield tidy(with_function(program, place[0], changed))

    exhaust(search, candidates)


def _stands_alone(node: Node) -> bool:
    """Whether nothing in it leaves for somewhere outside."""
    if not node.kids or node.op in ("then", "else"):
        return False
    inside = list(walk(node))
    labels = {n.at[0] for n in inside if n.op in _BLOCKS}
    away = any(n.op.startswith("return") for n in inside)
    return not away and all(labels.issuperset(n.at) for n in inside if n.op.startswith("br"))


def drop_statements(search: Search[Program]) -> None:
    """Statements away: halves of a list, then one at a time, the last ones first."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in reversed(list(_statements(program))):
            if not results(program, program.functions[place[0]], node):
                yield tidy(replaced(program, place))

    exhaust(search, candidates)


def _statements(program: Program) -> Iterator[tuple[Place, Node]]:
    """What stands in a list of nodes."""
    holders: dict[Place, bool] = {}
    for place, node in places(program):
        parent = place[:-1]
        if len(place) == 2 or holders.get(parent):
            yield place, node
        holders[place] = node.op in ("block", "loop", "then", "else")


def use_constants(search: Search[Program]) -> None:
    """What gives one value becomes 0, or one of the locals; the largest first."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in _by_size(program):
            function = program.functions[place[0]]
            types = results(program, function, node)
            if (
                len(types) == 1
                and len(node.kids) + len(place) > 0
                and not node.op.endswith(".const")
            ):
                yield from _simpler(program, place, node, types[0])

    exhaust(search, candidates)


def _by_size(program: Program) -> list[tuple[Place, Node]]:
    sized = [(sum(1 for _ in walk(node)), place, node) for place, node in places(program)]
    return [(place, node) for _, place, node in sorted(sized, key=lambda s: (-s[0], s[1]))]


def _simpler(program: Program, place: Place, node: Node, type_: Type) -> Iterator[Program]:
    if type_ == "funcref":
        yield tidy(replaced(program, place, Node("ref.null")))
        return
    yield tidy(replaced(program, place, Node(f"{type_}.const", (), (0,))))
    if node.kids:
        for index, own in enumerate(program.functions[place[0]].parameters):
            if own == type_:
                yield tidy(replaced(program, place, Node("local.get", (), (index,))))
                return


def hoist(search: Search[Program]) -> None:
    """A node becomes one of the nodes below it that give the same types."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in _by_size(program):
            function = program.functions[place[0]]
            types = results(program, function, node)
            for kid in _inside(node):
                if results(program, function, kid) == types and node.op not in ("then", "else"):
                    yield tidy(replaced(program, place, kid))

    exhaust(search, candidates)


def _inside(node: Node) -> Iterator[Node]:
    """Kids and their kids; branches out of a block that goes with it are no candidates."""
    for kid in node.kids:
        for below in (kid, *kid.kids):
            if below.op not in ("then", "else") and not _leaves(below, node):
                yield below


def _leaves(node: Node, block: Node) -> bool:
    if block.op not in _BLOCKS:
        return False
    return any(n.op.startswith("br") and block.at[0] in n.at for n in walk(node))


def unreturn(search: Search[Program]) -> None:
    """What is returned at the top of a function is what it gives; nothing behind it runs."""

    def candidates(program: Program) -> Iterator[Program]:
        for index, function in enumerate(program.functions):
            for at, node in enumerate(function.body):
                if node.op == "return":
                    body = (*function.body[:at], *node.kids)
                    changed = msgspec.structs.replace(function, body=body)
                    yield tidy(with_function(program, index, changed))

    exhaust(search, candidates)


def unwrap(search: Search[Program]) -> None:
    """A block, loop or side of an `if` is done by itself, in the place of the whole."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in _statements(program):
            if node.op in _BLOCKS:
                for side in node.kids[1:] if node.op == "if" else (node,):
                    if not any(_leaves(kid, node) for kid in side.kids):
                        yield tidy(replaced(program, place, *side.kids))
            elif (
                node.op in ("drop", "unpack", "local.set", "global.set") or node.op in INSTRUCTIONS
            ):
                yield from _opened(program, place, node)

    exhaust(search, candidates)


def _opened(program: Program, place: Place, node: Node) -> Iterator[Program]:
    """Statements below a statement, which stays there only for their sake."""
    function = program.functions[place[0]]
    for kid in node.kids:
        if kid.op in ("call", "unpack", *_BLOCKS) or kid.op.endswith(".tee"):
            types = results(program, function, kid)
            if not types:
                yield tidy(replaced(program, place, kid))
            elif not results(program, function, node):
                yield tidy(replaced(program, place, Node("drop", (kid,))))

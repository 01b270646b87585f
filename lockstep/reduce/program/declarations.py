"""Less declared: parameters, results, globals."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockstep.program.edit import mapped, places, replaced, tidy, with_function
from lockstep.program.tree import Node, Program, Site, walk
from lockstep.program.types import results
from lockstep.reduce.adaptive import exhaust
from lockstep.reduce.search import Search


def fix_parameters(search: Search[Program]) -> None:
    """A parameter that is the same in all calls becomes a constant; one nobody reads goes."""

    def candidates(program: Program) -> Iterator[Program]:
        for index, function in enumerate(program.functions):
            for number, type_ in enumerate(function.parameters):
                values = {
                    row[number] for s in program.sites if s.function == index for row in s.rows
                }
                called = _is_called(program, index)
                if not called and len(values) == 1:
                    constant = Node(f"{type_}.const", (), (values.pop(),))
                    yield _without_parameter(program, index, number, constant)
                yield _without_parameter(program, index, number, Node(f"{type_}.const", (), (0,)))

    exhaust(search, candidates)


def _is_called(program: Program, index: int) -> bool:
    if index in program.table:
        return True
    tops = (top for function in program.functions for top in function.body)
    called = (n for top in tops for n in walk(top) if n.op in ("call", "return_call"))
    return any(node.at[0] == index for node in called)


def _without_parameter(program: Program, index: int, number: int, instead: Node) -> Program:
    """The function's parameter becomes a local where it is written, else `instead`."""
    function = program.functions[index]
    signature = function.signature
    writes = [
        node
        for top in function.body
        for node in walk(top)
        if node.op in ("local.set", "local.tee", "unpack") and number in node.at
    ]
    if writes or index in program.table:
        return program

    def inner(node: Node) -> Node:
        if node.op in ("local.get", "local.set", "local.tee", "unpack"):
            if node.at == (number,):
                return instead
            at = tuple(i - (i > number) for i in node.at)
            return node._replace(at=at, kids=tuple(map(inner, node.kids)))
        return node._replace(kids=tuple(map(inner, node.kids)))

    left = (*signature.parameters[:number], *signature.parameters[number + 1 :])
    body = tuple(map(inner, function.body))
    changed = with_function(
        program, index, msgspec.structs.replace(function, parameters=left, body=body)
    )

    def calls(node: Node) -> Node:
        if node.op in ("call", "return_call") and node.at == (index,):
            return node._replace(kids=(*node.kids[:number], *node.kids[number + 1 :]))
        return node

    if any(len(n.kids) != len(signature.parameters) for n in _calls(program, index)):
        return program
    sites = tuple(
        Site(s.function, tuple((*row[:number], *row[number + 1 :]) for row in s.rows))
        if s.function == index
        else s
        for s in changed.sites
    )
    return tidy(msgspec.structs.replace(mapped(changed, calls), sites=sites))


def _calls(program: Program, index: int) -> list[Node]:
    return [
        node
        for function in program.functions
        for top in function.body
        for node in walk(top)
        if node.op in ("call", "return_call") and node.at == (index,)
    ]


def drop_results(search: Search[Program]) -> None:
    """A function that only a site calls gives less."""

    def candidates(program: Program) -> Iterator[Program]:
        for index, function in enumerate(program.functions):
            count = len(function.results)
            returns = any(n.op.startswith("return") for top in function.body for n in walk(top))
            if count and not returns and not _is_called(program, index):
                for out in range(count):
                    yield from _without_result(program, index, out)

    exhaust(search, candidates)


def _without_result(program: Program, index: int, out: int) -> Iterator[Program]:
    function = program.functions[index]
    at = len(function.body) - len(function.results) + out
    if at < 0 or len(results(program, function, function.body[at])) != 1:
        return
    left = (*function.results[:out], *function.results[out + 1 :])
    for new in ((), (Node("drop", (function.body[at],)),)):
        body = (*function.body[:at], *new, *function.body[at + 1 :])
        changed = msgspec.structs.replace(function, results=left, body=body)
        yield tidy(with_function(program, index, changed))


def fix_globals(search: Search[Program]) -> None:
    """A global's value becomes a constant."""

    def candidates(program: Program) -> Iterator[Program]:
        for place, node in places(program):
            if node.op == "global.get":
                entry = program.globals[node.at[0]]
                yield tidy(replaced(program, place, Node(f"{entry.type}.const", (), (entry.bits,))))

    exhaust(search, candidates)

"""The witness: a global, the last one, that takes what would otherwise go unseen.

A wrong value may be dropped, overwritten, or masked by what is done with it. A watched function
keeps some of the values that it computes in locals of their own, and before it ends adds what it
wrote, locals and memory, to the witness. The other functions, half of them, are left alone: what
nobody looks at is what compilers remove, fuse and keep in registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockstep.program.application import words
from lockstep.program.generate.scope import Scope
from lockstep.program.tree import Node, Type, walk

ROTATION = 7
COST = 6
"""About the number of instructions of a look."""
_LOADS = {1: "i64.load8_u", 2: "i64.load16_u", 4: "i64.load32_u", 8: "i64.load"}


def seen(scope: Scope, value: Node, type_: Type) -> Node:
    """A statement: the witness is turned, and a value, of canonical NaNs, is added to it.

    The value is computed first, so that calls in it may change the witness too.
    """
    again = value
    if type_ == "v128" and value.op != "local.get":
        local = scope.local(type_, fixed=True)
        value, again = Node("local.tee", (value,), (local,)), Node("local.get", (), (local,))
    word, *more = words(type_, value, again)
    witness = (len(scope.world.globals),)
    for other in (*more, Node("global.get", (), witness)):
        turned = Node("i64.rotl", (other, Node("i64.const", (), (ROTATION,))))
        word = Node("i64.add", (word, turned))
    scope.cost += COST * scope.weight
    return Node("global.set", (word,), witness)


def kept(scope: Scope, value: Node, type_: Type) -> Node:
    """A value of canonical NaNs, which a local of its own holds till the function ends."""
    local = scope.local(type_, fixed=True)
    scope.kept.add(local)
    return Node("local.tee", (value,), (local,))


def looked_at(scope: Scope, body: Sequence[Node]) -> list[Node]:
    """The body of a watched function; between it and the results stand the looks."""
    looks = [*_locals(scope, body), *_memory(scope)]
    if not looks or any(node.op == "return" for node in body):
        return list(body)
    first = len(body) - len(scope.results)
    before, results = list(body[:first]), []
    for node, type_ in zip(body[first:], scope.results, strict=True):
        if node.kids:
            local = scope.local(type_)
            before.append(Node("local.set", (node,), (local,)))
            node = Node("local.get", (), (local,))
        results.append(node)
    return [*before, *looks, *results]


def _locals(scope: Scope, body: Sequence[Node]) -> Iterator[Node]:
    written = {
        index
        for top in body
        for node in walk(top)
        if node.op in ("local.set", "local.tee", "unpack")
        for index in node.at
    }
    for index in sorted(written - scope.fixed | written & scope.kept):
        yield seen(scope, Node("local.get", (), (index,)), scope.types[index])


def _memory(scope: Scope) -> Iterator[Node]:
    """What lies where something was stored: addresses stay what they are."""
    for address, offset, width in scope.stored:
        for at in range(0, width, 8):
            load = Node(_LOADS[min(width, 8)], (address,), (0, offset + at))
            yield seen(scope, load, "i64")

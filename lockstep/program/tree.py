"""The tree of a program: what is generated, evaluated, printed, encoded and reduced.

A node is an instruction with its operands as kids. Values are unsigned bit patterns everywhere: a
number in `at` or in a row is below 2^32, 2^64 or 2^128, whatever its type is. Structure, that is
what is not in the table of `instructions.py`, is written so:

    i32.const at=(bits,)                    also for the other value types
    local.get | local.set | local.tee       at=(index,)
    global.get | global.set                 at=(index,)
    select kids=(one, other, condition)     types=() or the type, for the typed form
    block | loop at=(label,) types=results  kids are statements, the last of them give the results
    if at=(label,) types=results            kids=(condition, then, else); these two hold statements
    br at=(label,) kids=values              labels are unique in a function, they are no depths
    br_if at=(label,) kids=(*values, condition)
    br_table at=(label, ..., default) kids=(*values, index)
    return kids=values, unreachable, nop, drop kids=(value,)
    call at=(function,) kids=arguments      return_call likewise
    call_indirect at=(signature,) kids=(*arguments, index)      return_call_indirect likewise
    unpack at=(local, ...) kids=(node,)     its several values go to these locals
    memory.size, memory.grow, memory.fill, memory.copy
    memory.init at=(segment,), data.drop at=(segment,)
    table.get, table.set, table.size, table.grow, table.fill, table.copy
    table.init at=(elements,), elem.drop at=(elements,)
    ref.null, ref.func at=(function,), ref.is_null

A kid may give more than one value: operands are the values of all kids in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

Type = Literal["i32", "i64", "f32", "f64", "v128", "funcref"]
Bits = int

PAGE_BYTES = 1 << 16
MEMORY_PAGES = 64
"""Of a guest with the arena, which is its last page; all that take programs are alike in it."""
END = MEMORY_PAGES * PAGE_BYTES
ARENA = END - PAGE_BYTES
"""Where the only page begins that a program reads and writes."""


class Node(NamedTuple):
    """One instruction; `types` are the results of a block, or the type of a typed select."""

    op: str
    kids: tuple[Node, ...] = ()
    at: tuple[int, ...] = ()
    types: tuple[Type, ...] = ()


class Signature(msgspec.Struct, frozen=True):
    """The type of a function."""

    parameters: tuple[Type, ...]
    results: tuple[Type, ...]


class Function(msgspec.Struct, frozen=True):
    """Parameters come first among the locals; the last nodes of `body` give the results."""

    parameters: tuple[Type, ...]
    results: tuple[Type, ...]
    locals: tuple[Type, ...]
    body: tuple[Node, ...]

    @property
    def signature(self) -> Signature:
        """What a caller sees of it."""
        return Signature(self.parameters, self.results)


class Global(msgspec.Struct, frozen=True):
    """A global of the program; all can be changed."""

    type: Type
    bits: Bits


class Segment(msgspec.Struct, frozen=True):
    """Bytes that are at `address` from the beginning, or wait to be copied (None)."""

    address: int | None
    data: bytes


class Site(msgspec.Struct, frozen=True):
    """Where a function is called: once with each of `rows`, which are its arguments.

    The call of the guest's command k is site k.
    """

    function: int
    rows: tuple[tuple[Bits, ...], ...]


class Program(msgspec.Struct, frozen=True):
    """A generated application.

    `signatures` are those that `call_indirect` names. The table holds function indices, its size is
    its maximum; `elements` are passive segments of function indices.
    """

    functions: tuple[Function, ...]
    sites: tuple[Site, ...]
    globals: tuple[Global, ...] = ()
    signatures: tuple[Signature, ...] = ()
    table: tuple[int | None, ...] = ()
    segments: tuple[Segment, ...] = ()
    elements: tuple[tuple[int, ...], ...] = ()


def walk(node: Node) -> Iterator[Node]:
    """`node` and all below it, itself first."""
    yield node
    for kid in node.kids:
        yield from walk(kid)


def nodes(program: Program) -> Iterator[Node]:
    """All nodes of all functions."""
    for function in program.functions:
        for node in function.body:
            yield from walk(node)

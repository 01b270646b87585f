"""A program as a text that a person can write: the tree as it is in memory, in parentheses.

    (program
      (signature (i32) (i64))            what `call_indirect` names: parameters, results
      (global i32 5)                     type, bit pattern
      (table 0 - 1)                      function indices, `-` for none
      (segment 4193280 00ff)             address or `-`, bytes in hex
      (elements 0 1)
      (function (i32 i32) (i64) (f32)    parameters, results, locals, then the body
        (i32.add (local.get 0) (i32.load 2 0 (i32.const 0x3ffffc))))
      (site 0 (1 0x80000000) (2 3)))     a function and the rows of its arguments

A node is its instruction, its numbers (`Node.at`), its types, its kids. Numbers are decimal or hex,
`;` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from lockstep.errors import UsageError
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import (
    Bits,
    Function,
    Global,
    Node,
    Program,
    Segment,
    Signature,
    Site,
    Type,
)

LINE = 96
_TOKEN = re.compile(r";[^\n]*|\s+|([()])|([^\s();]+)")
_TYPES: dict[str, Type] = {str(type_): type_ for type_ in get_args(Type)}
_HEX_FROM = 1 << 16

Item = str | list["Item"]


def encode(program: Program) -> str:
    """The text of a program; `decode` gives the same program back."""
    lines = ["(program"]
    for signature in program.signatures:
        lines.append(f"  (signature {_list(signature.parameters)} {_list(signature.results)})")
    lines += [f"  (global {entry.type} {_number(entry.bits)})" for entry in program.globals]
    if program.table:
        lines.append(f"  (table {' '.join(map(_index, program.table))})")
    for segment in program.segments:
        lines.append(f"  (segment {_index(segment.address)} {segment.data.hex()})")
    lines += [f"  (elements {' '.join(map(str, some))})" for some in program.elements]
    for function in program.functions:
        types = (function.parameters, function.results, function.locals)
        lines.append(f"  (function {' '.join(map(_list, types))}")
        for node in function.body:
            lines += _lines(node, "    ")
        lines[-1] += ")"
    for site in program.sites:
        rows = "".join(f" ({' '.join(map(_number, row))})" for row in site.rows)
        lines.append(f"  (site {site.function}{rows})")
    return "\n".join(lines) + ")\n"


def decode(text: str) -> Program:
    """The program of a text; raises `UsageError` for one that holds none."""
    try:
        (whole,) = items(text)
        head, *entries = _open(whole)
        if head != "program":
            raise ValueError("it does not begin with `(program`")
        return _program([_open(entry) for entry in entries])
    except (ValueError, KeyError, IndexError) as error:
        raise UsageError(f"that is no program: {error}", hint="see docs/programs.md") from None


def _lines(node: Node, indent: str) -> Iterator[str]:
    """One line where it fits, else the head and its kids below it."""
    short = f"{indent}{_folded(node)}"
    if len(short) <= LINE or not node.kids:
        yield short
        return
    yield f"{indent}({_head(node)}"
    inner = [line for kid in node.kids for line in _lines(kid, indent + "  ")]
    yield from inner[:-1]
    yield f"{inner[-1]})"


def _folded(node: Node) -> str:
    return f"({' '.join([_head(node), *map(_folded, node.kids)])})"


def _head(node: Node) -> str:
    return " ".join([node.op, *map(_number, node.at), *node.types])


def _list(names: tuple[str, ...]) -> str:
    return f"({' '.join(names)})"


def _number(value: int) -> str:
    return hex(value) if value >= _HEX_FROM else str(value)


def _index(value: int | None) -> str:
    return "-" if value is None else str(value)


def items(text: str) -> Iterator[Item]:
    """What stands in the text, parentheses as lists."""
    stack: list[list[Item]] = [[]]
    for match in _TOKEN.finditer(text):
        bracket, word = match.groups()
        if bracket == "(":
            stack.append([])
        elif bracket:
            if len(stack) == 1:
                raise ValueError("a `)` too many")
            stack[-2].append(stack.pop())
        elif word:
            stack[-1].append(word)
    if len(stack) > 1:
        raise ValueError("a `)` is missing")
    yield from stack[0]


def _program(entries: list[list[Item]]) -> Program:
    def named(name: str) -> list[list[Item]]:
        return [entry[1:] for entry in entries if entry[0] == name]

    known = {"signature", "global", "table", "segment", "elements", "function", "site"}
    if strange := [entry[0] for entry in entries if entry[0] not in known]:
        raise ValueError(f"nothing is called `{strange[0]}`")
    return Program(
        functions=tuple(map(_function, named("function"))),
        sites=tuple(Site(_int(at), tuple(map(_row, rows))) for at, *rows in named("site")),
        globals=tuple(Global(_type(type_), _int(bits)) for type_, bits in named("global")),
        signatures=tuple(Signature(_types(p), _types(r)) for p, r in named("signature")),
        table=tuple(_maybe(entry) for table in named("table") for entry in table),
        segments=tuple(map(_segment, named("segment"))),
        elements=tuple(tuple(map(_int, some)) for some in named("elements")),
    )


def _function(items: list[Item]) -> Function:
    parameters, results, locals_, *body = items
    return Function(_types(parameters), _types(results), _types(locals_), tuple(map(_node, body)))


def _node(item: Item) -> Node:
    head, *rest = _open(item)
    op = _word(head)
    kids = tuple(_node(one) for one in rest if isinstance(one, list))
    words = [one for one in rest if isinstance(one, str)]
    types = tuple(_type(word) for word in words if word in _TYPES)
    at = tuple(_int(word) for word in words if word not in _TYPES)
    row = INSTRUCTIONS.get(op)
    if row is not None and len(kids) > len(row.takes):
        raise ValueError(f"{op} takes {len(row.takes)} operands")
    return Node(op, kids, at, types)


def _segment(items: list[Item]) -> Segment:
    address, *data = items
    return Segment(_maybe(address), bytes.fromhex("".join(map(_word, data))))


def _row(item: Item) -> tuple[Bits, ...]:
    return tuple(map(_int, _open(item)))


def _types(item: Item) -> tuple[Type, ...]:
    return tuple(map(_type, _open(item)))


def _type(item: Item) -> Type:
    return _TYPES[_word(item)]


def _maybe(item: Item) -> int | None:
    return None if item == "-" else _int(item)


def _int(item: Item) -> int:
    return int(_word(item), 0)


def _word(item: Item) -> str:
    if not isinstance(item, str):
        raise ValueError("a word was expected, not a list")
    return item


def _open(item: Item) -> list[Item]:
    if isinstance(item, str):
        raise ValueError(f"a list was expected, not `{item}`")
    return item

"""What a find on a program is about: the classes of instructions that are left in it.

One bug shows with loads of each width and in functions of each type, so a class is coarser than an
instruction: `i64.load32_s` is a `load`, `i8x16.shr_u` a `v.shift`. Where all of a class is taken
out of a program, the bugs that need it are silent, and what still shows is another one.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from lockstep.program.edit import tidy
from lockstep.program.nan import clean, cleaned
from lockstep.program.tree import Function, Node, Program, Type
from lockstep.program.types import results

PLAIN = ("local.get", "local.set", "drop", "return", "nop", "then", "else", "unpack")
"""What nearly every program has: it names no bug."""

PLAINEST = frozenset({"i.sum", "f.sum"})
"""What the reducer puts in the place of operators that do not matter."""

_KINDS = {"i32": "i", "i64": "i", "f32": "f", "f64": "f"}
_WORDS = {
    **dict.fromkeys(("and", "or", "xor"), "logic"),
    **dict.fromkeys(("add", "sub"), "sum"),
    **dict.fromkeys(("div", "rem"), "div"),
    **dict.fromkeys(("shl", "shr"), "shift"),
    **dict.fromkeys(("rotl", "rotr"), "rotate"),
    **dict.fromkeys(("eqz", "eq", "ne", "lt", "gt", "le", "ge"), "compare"),
    **dict.fromkeys(("min", "max", "pmin", "pmax"), "minmax"),
}

Signature = frozenset[str]


def class_of(op: str) -> str:
    """The class of an instruction; empty for those that name no bug."""
    if op in PLAIN or op.endswith(".const"):
        return ""
    if op in ("block", "loop", "if"):
        return "block"
    type_, dot, rest = op.partition(".")
    found = re.match(r"[a-z]+", rest)
    word = found[0] if found else rest
    if word in ("load", "store"):
        return word
    if type_ == "v128" or "x" in type_:
        return f"v.{_WORDS.get(word, word)}"
    if type_ in _KINDS:
        return f"{_KINDS[type_]}.{_WORDS.get(word, word)}"
    return op if dot else type_


def signature_of(program: Program) -> Signature:
    """The classes that tell what a program is about; where there is none, its types."""
    types = {type_ for f in program.functions for type_ in (*f.parameters, *f.results)}
    used = frozenset(_counted(program))
    return used - PLAINEST or used or frozenset(types)


def _counted(program: Program) -> Counter[str]:
    """How often each class is there; what only makes a NaN canonical does not count."""

    def inner(node: Node) -> Iterator[str]:
        if cleaned(node):
            yield from inner(node.kids[0].kids[0])
            return
        yield class_of(node.op)
        for kid in node.kids:
            yield from inner(kid)

    counts = Counter(one for f in program.functions for node in f.body for one in inner(node))
    del counts[""]
    return counts


def fingerprint(suspects: Iterable[str], signature: Signature) -> str:
    """Of a find on a program: who differs, and what it takes."""
    text = "\n".join([*sorted(suspects), *sorted(signature)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def by_rarity(program: Program, signature: Signature) -> list[str]:
    """Its classes, the one that is rarest in `program` first."""
    counts = _counted(program)
    return sorted(signature, key=lambda one: (counts[one], one))


def without(program: Program, classes: Collection[str]) -> Program:
    """`program` without the instructions of `classes`: each becomes 0, or goes if it gives nothing.

    One that gives many values stays, and so does one behind which nothing runs.
    """

    def inner(function: Function, node: Node) -> Iterator[Node]:
        if cleaned(node):
            tee = node.kids[0]
            yield from (clean(kid, tee.at[0]) for kid in inner(function, tee.kids[0]))
            return
        kids = tuple(below for kid in node.kids for below in inner(function, kid))
        types, new = results(program, function, node), None
        if class_of(node.op) in classes or _gives(node, types, classes):
            new = kids if node.op == "local.tee" else _zero(node, types)
        yield from (node._replace(kids=kids),) if new is None else new

    functions = tuple(
        msgspec.structs.replace(f, body=tuple(n for node in f.body for n in inner(f, node)))
        for f in program.functions
    )
    return tidy(msgspec.structs.replace(program, functions=functions)) if classes else program


def _gives(node: Node, types: Sequence[Type], classes: Collection[str]) -> bool:
    """Whether it gives a value of a type that is a class."""
    return len(types) == 1 and types[0] in classes and not node.op.endswith(".const")


def _zero(node: Node, types: Sequence[Type]) -> tuple[Node, ...] | None:
    if len(types) > 1 or (not types and node.op.startswith(("br", "return", "unreachable"))):
        return None
    if not types:
        return ()
    return (Node("ref.null") if types[0] == "funcref" else Node(f"{types[0]}.const", (), (0,)),)

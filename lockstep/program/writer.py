"""The code of a function: trees become instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from lockstep.guest.wasm import binary
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import Function, Node, Signature, Type

CODES: Mapping[Type, int] = {
    "i32": 0x7F,
    "i64": 0x7E,
    "f32": 0x7D,
    "f64": 0x7C,
    "v128": 0x7B,
    "funcref": 0x70,
}
EMPTY, LAST, PASSIVE = 0x40, 0x0B, 1
WIDTHS: Mapping[str, int] = {"f32": 4, "f64": 8, "v128": 16}

Write = Callable[["Writer", Node], None]


class Base(msgspec.Struct, frozen=True):
    """How many of each a guest has: where the program's own begin."""

    types: int = 0
    functions: int = 0
    globals: int = 0
    elements: int = 0
    data: int = 0


class Types:
    """The signatures of a module, numbered as they are met."""

    def __init__(self, first: Iterable[Signature], base: int) -> None:
        self.base = base
        self.known = {signature: at for at, signature in enumerate(dict.fromkeys(first), base)}

    def index(self, signature: Signature) -> int:
        return self.known.setdefault(signature, self.base + len(self.known))

    def encode(self) -> list[bytes]:
        return [
            b"\x60" + value_types(signature.parameters) + value_types(signature.results)
            for signature in self.known
        ]


class Writer:
    """Writes the code of one function."""

    __slots__ = ("base", "labels", "out", "signatures", "types")

    def __init__(self, types: Types, signatures: Sequence[Signature], base: Base) -> None:
        self.types, self.signatures, self.base = types, signatures, base
        self.out = bytearray()
        self.labels: list[int] = []

    def write(self, node: Node) -> None:
        """Write the kids, then the node."""
        op, kids, at, _ = node
        prefix = _PREFIXES.get(op)
        if prefix is None:
            _STRUCTURE[op](self, node)
            return
        for kid in kids:
            self.write(kid)
        self.out += prefix
        for value in at:
            self.number(value)

    def number(self, value: int) -> None:
        """Write an unsigned number."""
        if value < 128:
            self.out.append(value)
        else:
            self.out += binary.u32(value)

    def all(self, nodes: Iterable[Node]) -> None:
        """Write one after the other."""
        for node in nodes:
            self.write(node)

    def inside(self, node: Node, code: int) -> None:
        """Write the head of a block, and remember its label."""
        self.out.append(code)
        self.out += self._block_type(node.types)
        self.labels.append(node.at[0])

    def depth(self, label: int) -> int:
        """How many blocks lie between here and `label`."""
        for depth, open_ in enumerate(reversed(self.labels)):
            if open_ == label:
                return depth
        raise ValueError(f"label {label} is not open")

    def _block_type(self, results: tuple[Type, ...]) -> bytes:
        if len(results) > 1:
            return binary.signed(self.types.index(Signature((), results)))
        return bytes([CODES[results[0]] if results else EMPTY])


def body(function: Function, types: Types, signatures: Sequence[Signature], base: Base) -> bytes:
    """A function's locals and code."""
    writer = Writer(types, signatures, base)
    writer.all(function.body)
    runs = _runs(function.locals)
    local = vector(binary.u32(count) + bytes([CODES[type_]]) for type_, count in runs)
    return local + bytes(writer.out) + bytes([LAST])


def _runs(types: Iterable[Type]) -> list[tuple[Type, int]]:
    runs: list[tuple[Type, int]] = []
    for type_ in types:
        if runs and runs[-1][0] == type_:
            runs[-1] = (type_, runs[-1][1] + 1)
        else:
            runs.append((type_, 1))
    return runs


# Structure


def _const(writer: Writer, node: Node) -> None:
    (bits,) = node.at
    type_ = node.op[: -len(".const")]
    writer.out += _CONSTS[type_]
    if type_ in WIDTHS:
        writer.out += bits.to_bytes(WIDTHS[type_], "little")
    else:
        width = 32 if type_ == "i32" else 64
        writer.out += binary.signed(bits - (bits >> (width - 1) << width))


def _block(writer: Writer, node: Node) -> None:
    writer.inside(node, 0x02 if node.op == "block" else 0x03)
    writer.all(node.kids)
    _close(writer)


def _if(writer: Writer, node: Node) -> None:
    condition, then, otherwise = node.kids
    writer.write(condition)
    writer.inside(node, 0x04)
    writer.all(then.kids)
    if otherwise.kids or node.types:
        writer.out.append(0x05)
        writer.all(otherwise.kids)
    _close(writer)


def _close(writer: Writer) -> None:
    writer.labels.pop()
    writer.out.append(LAST)


def _branch(writer: Writer, node: Node) -> None:
    writer.all(node.kids)
    writer.out.append({"br": 0x0C, "br_if": 0x0D}[node.op])
    writer.number(writer.depth(node.at[0]))


def _br_table(writer: Writer, node: Node) -> None:
    writer.all(node.kids)
    writer.out.append(0x0E)
    writer.number(len(node.at) - 1)
    for label in node.at:
        writer.number(writer.depth(label))


def _call_indirect(writer: Writer, node: Node) -> None:
    writer.all(node.kids)
    writer.out.append(0x11 if node.op == "call_indirect" else 0x13)
    writer.number(writer.types.index(writer.signatures[node.at[0]]))
    writer.number(0)


def _select(writer: Writer, node: Node) -> None:
    writer.all(node.kids)
    writer.out += bytes([0x1C, 1, CODES[node.types[0]]]) if node.types else b"\x1b"


def _unpack(writer: Writer, node: Node) -> None:
    writer.all(node.kids)
    for index in reversed(node.at):
        writer.out.append(0x21)
        writer.number(index)


def _indexed(code: bytes, space: str, *after: int) -> Write:
    """An instruction with an index into a space that the guest has entries in too."""

    def write(writer: Writer, node: Node) -> None:
        writer.all(node.kids)
        writer.out += code
        writer.number(node.at[0] + getattr(writer.base, space))
        for value in after:
            writer.number(value)

    return write


def _fixed(code: bytes, *after: int) -> Write:
    """An instruction with indices of its own in front of indices that are always the same."""

    def write(writer: Writer, node: Node) -> None:
        writer.all(node.kids)
        writer.out += code
        for value in (*node.at, *after):
            writer.number(value)

    return write


_CONSTS = {"i32": b"\x41", "i64": b"\x42", "f32": b"\x43", "f64": b"\x44", "v128": b"\xfd\x0c"}
_STRUCTURE: dict[str, Write] = {
    **dict.fromkeys((f"{type_}.const" for type_ in _CONSTS), _const),
    "block": _block,
    "loop": _block,
    "if": _if,
    "br": _branch,
    "br_if": _branch,
    "br_table": _br_table,
    "call_indirect": _call_indirect,
    "return_call_indirect": _call_indirect,
    "select": _select,
    "unpack": _unpack,
    "memory.size": _fixed(b"\x3f", 0),
    "memory.grow": _fixed(b"\x40", 0),
    "call": _indexed(b"\x10", "functions"),
    "return_call": _indexed(b"\x12", "functions"),
    "ref.func": _indexed(b"\xd2", "functions"),
    "global.get": _indexed(b"\x23", "globals"),
    "global.set": _indexed(b"\x24", "globals"),
    "memory.init": _indexed(b"\xfc\x08", "data", 0),
    "data.drop": _indexed(b"\xfc\x09", "data"),
    "table.init": _indexed(b"\xfc\x0c", "elements", 0),
    "elem.drop": _indexed(b"\xfc\x0d", "elements"),
    "memory.copy": _fixed(b"\xfc\x0a", 0, 0),
    "memory.fill": _fixed(b"\xfc\x0b", 0),
    "table.copy": _fixed(b"\xfc\x0e", 0, 0),
    "table.grow": _fixed(b"\xfc\x0f", 0),
    "table.size": _fixed(b"\xfc\x10", 0),
    "table.fill": _fixed(b"\xfc\x11", 0),
    "table.get": _fixed(b"\x25", 0),
    "table.set": _fixed(b"\x26", 0),
    "ref.null": _fixed(b"\xd0\x70"),
}


def opcode(code: int) -> bytes:
    """An opcode as in a module."""
    return bytes([code]) if code < 256 else bytes([code >> 16]) + binary.u32(code & 0xFFFF)


def _prefixes() -> dict[str, bytes]:
    """What stands in front of plain numbers: the table's instructions and the simplest others."""
    found = {name: opcode(row.opcode) for name, row in INSTRUCTIONS.items()}
    return found | {
        "local.get": b"\x20",
        "local.set": b"\x21",
        "local.tee": b"\x22",
        "unreachable": b"\x00",
        "nop": b"\x01",
        "return": b"\x0f",
        "drop": b"\x1a",
        "ref.is_null": b"\xd1",
    }


_PREFIXES = _prefixes()


def value_types(types: Sequence[Type]) -> bytes:
    """Value types behind their number."""
    return binary.sized(bytes(CODES[type_] for type_ in types))


def vector(items: Iterable[bytes]) -> bytes:
    """Entries behind their number."""
    found = list(items)
    return binary.u32(len(found)) + b"".join(found)

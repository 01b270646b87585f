"""Code that computes the same thing twice: as a module has it, and as a wrong runtime would.

A `Form` is one of the two. Both take their operands from locals, so that they can be computed one
after the other, and both say beforehand whether they would trap.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from lockstep.program.tree import Type
from tools.mutants.spelling import CODES, op

PAGE_BITS = 16


class Access(msgspec.Struct, frozen=True):
    """The bytes that a load or store touches, from the address that is its first operand."""

    offset: int
    width: int


class Form(msgspec.Struct, frozen=True):
    """What stands, or shall stand, at a place.

    `order` says which operands `code` takes. `name` is the instruction that may trap, with its
    `access` where it is one to memory. A `soft` form gives 0 or does nothing where `name` traps.
    """

    name: str
    code: bytes
    order: tuple[int, ...]
    access: Access | None = None
    soft: bool = False


class Temporaries:
    """Locals that are added to a function, by type and number; those before it are `had`."""

    def __init__(self, had: int) -> None:
        self._had = had
        self._indices: dict[tuple[Type, int], int] = {}

    def local(self, kind: Type, number: int) -> int:
        """The index of temporary `number` of a type."""
        key = (kind, number)
        return self._indices.setdefault(key, self._had + len(self._indices))

    def kept(self, kinds: tuple[Type, ...]) -> list[int]:
        """One temporary for each of the types."""
        return [self.local(kind, number) for number, kind in enumerate(kinds)]

    def declared(self) -> list[bytes]:
        """The entries that are added to the function's locals."""
        return [b"\1" + bytes([CODES[kind]]) for kind, _ in self._indices]


def saved(locals_: list[int]) -> bytes:
    """The operands go from the stack into locals."""
    return b"".join(op("local.set", index) for index in reversed(locals_))


def computed(form: Form, operands: list[int], gives: tuple[Type, ...]) -> bytes:
    """The form, with its operands from locals; its results are on the stack."""
    given = [operands[place] for place in form.order]
    bare = b"".join(op("local.get", index) for index in given) + form.code
    if not form.soft:
        return bare
    kind = bytes([CODES[gives[0]]]) if gives else b"\x40"
    head = would_trap(form, operands) + op("if") + kind
    return head + (zero(gives[0]) if gives else b"") + op("else") + bare + op("end")


def zero(kind: Type) -> bytes:
    """The constant 0 of a type."""
    size = {"f32": 4, "f64": 8, "v128": 16}.get(kind)
    return op(f"{kind}.const", 0) if size is None else op(f"{kind}.const") + bytes(size)


def would_trap(form: Form, operands: list[int]) -> bytes:
    """Leaves an i32 on the stack: whether the instruction traps with these operands."""
    given = [operands[place] for place in form.order]
    if form.access is not None:
        return _outside(given[0], form.access)
    family, _, verb = form.name.partition(".")
    if verb.startswith(("div_", "rem_")) and family in ("i32", "i64"):
        return _division(family, verb, *given)
    if verb.startswith("trunc_f"):
        return _truncation(family, verb, given[0])
    return op("i32.const", 1 if form.name == "unreachable" else 0)


def _outside(address: int, access: Access) -> bytes:
    end = op("local.get", address) + op("i64.extend_i32_u")
    end += op("i64.const", access.offset + access.width) + op("i64.add")
    size = op("memory.size", 0) + op("i64.extend_i32_u") + op("i64.const", PAGE_BITS)
    return end + size + op("i64.shl") + op("i64.gt_u")


def _division(family: str, verb: str, one: int, other: int) -> bytes:
    by_zero = op("local.get", other) + op(f"{family}.eqz")
    if verb != "div_s":
        return by_zero
    least = -1 << (31 if family == "i32" else 63)
    overflow = op("local.get", one) + op(f"{family}.const", least) + op(f"{family}.eq")
    overflow += op("local.get", other) + op(f"{family}.const", -1) + op(f"{family}.eq")
    return by_zero + overflow + op("i32.and") + op("i32.or")


def _truncation(family: str, verb: str, value: int) -> bytes:
    """A float is converted where its integral part is in range; a NaN is nowhere."""
    kind: Type = "f32" if "f32" in verb else "f64"
    bits = int(family[1:]) - verb.endswith("_s")
    low = -1 << bits if verb.endswith("_s") else 0
    whole = op("local.get", value) + op(f"{kind}.trunc")
    above = whole + op("i64.const", low) + op(f"{kind}.convert_i64_s") + op(f"{kind}.ge")
    top = op("i64.const", 1 << bits - 1) + op(f"{kind}.convert_i64_u")
    below = whole + top + top + op(f"{kind}.add") + op(f"{kind}.lt")
    return above + below + op("i32.and") + op("i32.eqz")


def differ(kind: Type, one: int, other: int, floats: str) -> bytes:
    """Leaves an i32: whether two locals differ.

    With `floats`, a float type or shape, one NaN is as good as another.
    """
    code = _raw(kind, one, other)
    if not floats:
        return code + (op("v128.any_true") if kind == "v128" else b"")
    nans = _nan(floats, one) + _nan(floats, other)
    if kind != "v128":
        return code + nans + op("i32.and") + op("i32.gt_u")
    return code + nans + op("v128.and") + op("v128.andnot") + op("v128.any_true")


def _raw(kind: Type, one: int, other: int) -> bytes:
    """Whether the bits differ; of a vector, in which 32 bits."""
    bits = {"f32": "i32", "f64": "i64", "v128": "i32x4"}.get(kind, kind)
    cast = op(f"{bits}.reinterpret_{kind}") if kind in ("f32", "f64") else b""
    parts = (op("local.get", value) + cast for value in (one, other))
    return b"".join(parts) + op(f"{bits}.ne")


def _nan(family: str, value: int) -> bytes:
    return op("local.get", value) * 2 + op(f"{family}.ne")


class Cell(NamedTuple):
    """How bytes of memory are read and put back, as one value of type `kind`."""

    kind: Type
    load: str
    store: str

    def read(self, address: int, offset: int, value: int) -> bytes:
        """The bytes behind the address in a local, into the local `value`."""
        taken = op("local.get", address) + op(self.load, 0, offset)
        return taken + op("local.set", value)

    def write(self, address: int, offset: int, value: int) -> bytes:
        """The bytes in a local go back."""
        return op("local.get", address) + op("local.get", value) + op(self.store, 0, offset)


CELLS: Final = {
    1: Cell("i32", "i32.load8_u", "i32.store8"),
    2: Cell("i32", "i32.load16_u", "i32.store16"),
    4: Cell("i32", "i32.load", "i32.store"),
    8: Cell("i64", "i64.load", "i64.store"),
    16: Cell("v128", "v128.load", "v128.store"),
}
"""By the number of bytes."""

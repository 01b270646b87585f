"""What a wrong runtime may make of one instruction.

Each rule takes a site and gives the forms that it may turn into, none for a site that it is not
about. Instructions are found by changing words of a name: `i32.lt_s` becomes `i32.lt_u`, and a name
that does not exist, or does not take and give the same, is no mutation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache

import msgspec

from lockstep.guest.wasm import binary
from lockstep.guest.wasm.binary import Reader
from lockstep.program.instructions import INSTRUCTIONS, Instruction
from lockstep.program.tree import Type
from tools.mutants.code import Access, Form
from tools.mutants.spelling import head, op, text
from tools.mutants.stack import Place


class Kind(StrEnum):
    """The classes of mutations."""

    OPERATION = "operation swapped"
    SIGN = "sign changed"
    WIDTH = "width changed"
    LANE = "wrong lane"
    DROPPED = "dropped store"
    CONSTANT = "constant off by one"
    OPERANDS = "operands swapped"
    CONDITION = "condition inverted"
    TRAP = "missing trap"
    LOCAL = "neighbouring local"
    OFFSET = "wrong offset"


class Mutation(msgspec.Struct, frozen=True):
    """One way to get a site wrong: `rule` is the same at every site, `after` is for people."""

    kind: Kind
    rule: str
    after: str
    form: Form


class Site(msgspec.Struct, frozen=True):
    """A place as the rules see it; `locals` are all of its function's, parameters first."""

    place: Place
    locals: tuple[Type, ...]

    @property
    def row(self) -> Instruction | None:
        """The instruction in the table, where it is there."""
        return INSTRUCTIONS.get(self.place.name)

    @property
    def text(self) -> str:
        """The instruction as people read it."""
        return text(self.place.name, self.place.instruction.immediates)

    @property
    def pattern(self) -> tuple[str, ...]:
        """What a compiler may go by: the instruction, and where its operands come from.

        Of a constant the size counts, of a local its type and number.
        """
        name, place = self.place.name, self.place
        value = place.instruction.immediates[0].value if place.instruction.immediates else 0
        if name in ("i32.const", "i64.const"):
            return name, str(value.bit_length())
        if name == "local.get":
            return name, *place.gives, str(value)
        return name, *place.sources

    @property
    def form(self) -> Form:
        """What stands there."""
        row = self.row
        access = Access(self.offset, row.width) if row and row.width else None
        return Form(self.place.name, self.place.code, self.order, access)

    @property
    def order(self) -> tuple[int, ...]:
        """The operands as they are."""
        return tuple(range(len(self.place.takes)))

    @property
    def tail(self) -> bytes:
        """The bytes of the immediates."""
        return self.place.code[len(head(self.place.name)) :]

    @property
    def offset(self) -> int:
        """Of a load or store."""
        return self.place.instruction.immediates[0].value


Rule = Callable[[Site], Iterator[tuple[str, str, Form]]]

WORDS = {
    "add": ("sub",),
    "sub": ("add",),
    "mul": ("add",),
    "div": ("rem", "mul"),
    "rem": ("div",),
    "and": ("or",),
    "or": ("and", "xor"),
    "xor": ("or",),
    "andnot": ("and",),
    "shl": ("shr_u", "shr_s", "rotl"),
    "shr": ("shl",),
    "rotl": ("rotr", "shl"),
    "rotr": ("rotl",),
    "clz": ("ctz",),
    "ctz": ("clz",),
    "popcnt": ("clz", "abs"),
    "eq": ("ne",),
    "ne": ("eq",),
    "lt": ("le", "gt"),
    "le": ("lt", "ge"),
    "gt": ("ge", "lt"),
    "ge": ("gt", "le"),
    "min": ("max",),
    "max": ("min",),
    "pmin": ("pmax", "min"),
    "pmax": ("pmin", "max"),
    "avgr": ("max",),
    "abs": ("neg",),
    "neg": ("abs",),
    "sqrt": ("abs",),
    "ceil": ("floor",),
    "floor": ("ceil",),
    "trunc": ("nearest",),
    "nearest": ("trunc",),
    "extend8": ("extend16",),
    "extend16": ("extend8",),
    "extend32": ("extend16",),
    "q15mulr": ("add",),
}
"""What the first word behind the dot may turn into; the rest stays, or goes."""

_ACCESS = re.compile(r"(\w+)\.(load|store)(\d*)(|_\w+)")
"""Family, verb, width and the rest of a name."""

COMMUTES = {"add", "mul", "and", "or", "xor", "eq", "ne", "min", "max", "avgr", "dot", "extmul"} | {
    "q15mulr"
}


def mutations(site: Site) -> list[Mutation]:
    """All that may become of `site`, in a fixed order."""
    return [Mutation(kind, *found) for kind, rule in RULES.items() for found in rule(site)]


def _operation(site: Site) -> Iterator[tuple[str, str, Form]]:
    family, _, verb = site.place.name.partition(".")
    first, *rest = verb.split("_")
    for word in WORDS.get(first, ()):
        names = ["_".join((word, *rest)), word, "_".join((word, *rest[-1:]))]
        found = next((n for n in names if _alike(site.place.name, f"{family}.{n}")), None)
        if found:
            yield _renamed(site, f"{family}.{found}")
    if "sat" in rest and _alike(site.place.name, f"{family}.{first}"):
        yield _renamed(site, f"{family}.{first}")


def _sign(site: Site) -> Iterator[tuple[str, str, Form]]:
    name = site.place.name
    other = re.sub(r"_([su])(?=$|_)", lambda m: "_u" if m[1] == "s" else "_s", name)
    if other != name and _alike(site.place.name, other):
        yield _renamed(site, other)


def _width(site: Site) -> Iterator[tuple[str, str, Form]]:
    for name in _widths(site.place.name):
        yield _renamed(site, name)


@cache
def _widths(name: str) -> tuple[str, ...]:
    """Accesses of other widths; what is wider or narrower than a plain one has no sign."""
    had = _ACCESS.fullmatch(name)
    if had is None:
        return ()
    found = []
    for other, row in INSTRUCTIONS.items():
        new = _ACCESS.fullmatch(other)
        if new and new.group(1, 2) == had.group(1, 2) and new[3] != had[3]:
            kept = new[4] in (had[4], "") or (had[4], new[4]) == ("", "_u")
            if kept and _alike(name, other) and row.immediate is INSTRUCTIONS[name].immediate:
                found.append(other)
    return tuple(found)


def _lane(site: Site) -> Iterator[tuple[str, str, Form]]:
    row = site.row
    if row and row.lanes:
        lane = (site.tail[-1] + 1) % row.lanes
        yield _with(site, "next lane", row.name, site.tail[:-1] + bytes([lane]))
    else:
        for name in _lanes(site.place.name):
            yield _renamed(site, name)


@cache
def _lanes(name: str) -> tuple[str, ...]:
    """The same on lanes of another size, or on the other half of them."""
    alike = (other for other in INSTRUCTIONS if other != name and _alike(name, other))
    return tuple(other for other in alike if _unshaped(other) == _unshaped(name))


def _unshaped(name: str) -> str:
    """The name without the number of its lanes, and whether they are the low ones."""
    return re.sub(r"\d+x\d+|low|high", "", name)


def _dropped(site: Site) -> Iterator[tuple[str, str, Form]]:
    if site.row and site.row.width and not site.row.gives:
        yield "nothing", "nothing", Form("nop", b"", ())


def _constant(site: Site) -> Iterator[tuple[str, str, Form]]:
    name, place = site.place.name, site.place
    if name in ("i32.const", "i64.const"):
        for step in (1, -1):
            value = place.instruction.immediates[0].value + step
            yield f"{step:+}", f"{name} {value}", Form(name, op(name, value), ())
    elif name.endswith(".const"):
        bits = bytes([site.tail[0] ^ 1]) + site.tail[1:]
        after = f"{name} with its lowest bit inverted"
        yield "lowest bit", after, Form(name, head(name) + bits, ())


def _operands(site: Site) -> Iterator[tuple[str, str, Form]]:
    row, takes = site.row, site.place.takes
    if row is None or row.width or len(takes) < 2 or takes[0] != takes[1]:
        return
    if row.name.partition(".")[2].split("_")[0] not in COMMUTES:
        order = (1, 0, *site.order[2:])
        yield "swapped", f"{site.text}, operands swapped", Form(row.name, site.place.code, order)


def _condition(site: Site) -> Iterator[tuple[str, str, Form]]:
    if site.place.name in ("if", "br_if", "select", "select t"):
        if "funcref" in site.place.takes:  # whether two of them differ cannot be asked
            return
        form = Form(site.place.name, op("i32.eqz") + site.place.code, site.order)
        yield "inverted", f"{site.text}, condition inverted", form


def _trap(site: Site) -> Iterator[tuple[str, str, Form]]:
    row = site.row
    if row is None or not row.traps:
        return
    if row.name.partition(".")[2].startswith("trunc_f"):
        yield _renamed(site, row.name.replace("trunc", "trunc_sat"))
    else:
        result = "0" if row.gives else "nothing"
        after = f"{site.text}, {result} instead of a trap"
        yield "no trap", after, msgspec.structs.replace(site.form, soft=True)


def _local(site: Site) -> Iterator[tuple[str, str, Form]]:
    if site.place.name != "local.get" or site.place.gives == ("funcref",):
        return
    index, all_ = site.place.instruction.immediates[0].value, site.locals
    below = next((i for i in reversed(range(index)) if all_[i] == all_[index]), None)
    above = next((i for i in range(index + 1, len(all_)) if all_[i] == all_[index]), None)
    for rule, other in (("below", below), ("above", above)):
        if other is not None:
            yield rule, f"local.get {other}", Form("local.get", op("local.get", other), ())


def _offset(site: Site) -> Iterator[tuple[str, str, Form]]:
    row = site.row
    if row is None or not row.width:
        return
    reader = Reader(site.tail, "immediates")
    align, offset = reader.u32(), reader.u32()
    others = {"none": 0, "more": offset + row.width, "less": offset - row.width}
    for rule, other in others.items():
        if 0 <= other < 1 << 32 and other != offset:
            tail = binary.u32(align) + binary.u32(other) + site.tail[reader.at :]
            form = Form(row.name, head(row.name) + tail, site.order, Access(other, row.width))
            yield rule, f"{row.name} offset={other}", form


RULES: dict[Kind, Rule] = {
    Kind.OPERATION: _operation,
    Kind.SIGN: _sign,
    Kind.WIDTH: _width,
    Kind.LANE: _lane,
    Kind.DROPPED: _dropped,
    Kind.CONSTANT: _constant,
    Kind.OPERANDS: _operands,
    Kind.CONDITION: _condition,
    Kind.TRAP: _trap,
    Kind.LOCAL: _local,
    Kind.OFFSET: _offset,
}
"""Every class, and what it makes of a site."""


def _alike(name: str, other: str) -> bool:
    """Whether there is such an other instruction, and it takes and gives the same."""
    row, new = INSTRUCTIONS.get(name), INSTRUCTIONS.get(other)
    if row is None or new is None:
        return False
    return (row.takes, row.gives) == (new.takes, new.gives)


def _renamed(site: Site, name: str) -> tuple[str, str, Form]:
    """Another instruction with the immediates of the site's, as far as they fit it."""
    row = INSTRUCTIONS[name]
    if not row.width:
        return _with(site, name, name, site.tail)
    reader = Reader(site.tail, "immediates")
    align, offset = min(reader.u32(), row.width.bit_length() - 1), reader.u32()
    lane = bytes(byte % row.lanes for byte in site.tail[reader.at :])
    return _with(site, name, name, binary.u32(align) + binary.u32(offset) + lane)


def _with(site: Site, rule: str, name: str, tail: bytes) -> tuple[str, str, Form]:
    """An instruction on the same operands, with these immediates."""
    row = INSTRUCTIONS[name]
    access = Access(site.offset, row.width) if row.width else None
    shown = f"{name} offset={site.offset}" if access and access.offset else name
    shown += f" {tail[-1]}" if row.lanes else ""
    return rule, shown, Form(name, head(name) + tail, site.order, access)

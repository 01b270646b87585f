"""Which section of the WebAssembly core specification says what an instruction does: data.

The addresses are those of headings and of labels that are the same in 2.0 and in 3.0. Operators
with a sign (`_s`, `_u`) have labels that are not, so that theirs is the section they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from lockstep.program.instructions import INSTRUCTIONS

CORE = "https://webassembly.github.io/spec/core/"
NUMERICS, EXECUTION = "exec/numerics.html", "exec/instructions.html"
LIMITS_PLACE = "appendix/implementation.html"


class Section(msgspec.Struct, frozen=True):
    """A place in the specification: what it is called, and behind `CORE` where it is."""

    title: str
    place: str

    @property
    def url(self) -> str:
        """The whole address."""
        return CORE + self.place


FLOAT = r"abs|neg|ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|copysign"
INTEGER = r"clz|ctz|popcnt|add|sub|mul|and|or|xor|shl|rotl|rotr|eqz"

ROWS: tuple[tuple[str, str, str], ...] = (
    # what an instruction is called, the title and the place; `\1` is what the pattern caught
    (rf"i(?:32|64)\.({INTEGER})", r"Integer Operations, i\1", rf"{NUMERICS}#op-i\1"),
    (r"i(?:32|64)\.(eq|ne)", r"Integer Operations, i\1", rf"{NUMERICS}#op-i\1"),
    (
        r"i(?:32|64)\.(?:(div|rem|shr|lt|gt|le|ge)|(extend(?=\d)))(?:\d+)?_[su]",
        r"Integer Operations",
        f"{NUMERICS}#integer-operations",
    ),
    (rf"f(?:32|64)\.({FLOAT})", r"Floating-Point Operations, f\1", rf"{NUMERICS}#op-f\1"),
    (
        r"f(?:32|64)\.(eq|ne|lt|gt|le|ge)",
        r"Floating-Point Operations, f\1",
        rf"{NUMERICS}#op-f\1",
    ),
    (
        r"[if](?:32|64)\.(wrap|demote|promote|reinterpret)_[if](?:32|64)",
        r"Conversions, \1",
        rf"{NUMERICS}#op-\1",
    ),
    (
        r"[if](?:32|64)\.(trunc|trunc_sat|convert|extend)_[if](?:32|64)_[su]",
        "Conversions",
        f"{NUMERICS}#conversions",
    ),
    (r"memory\.grow", "Memory Instructions, memory.grow", f"{EXECUTION}#exec-memory-grow"),
    (
        r"memory\..+|data\.drop|[ifv]\d+\.(?:load|store).*",
        "Memory Instructions",
        f"{EXECUTION}#memory-instructions",
    ),
    (r"v128\..+|[if]\d+x\d+\..+", "Vector Instructions", f"{EXECUTION}#vector-instructions"),
    (r"table\..+|elem\.drop", "Table Instructions", f"{EXECUTION}#table-instructions"),
    (r"ref\..+", "Reference Instructions", f"{EXECUTION}#reference-instructions"),
    (r"select|drop", "Parametric Instructions", f"{EXECUTION}#parametric-instructions"),
    (
        r"(?:local|global)\.(?:get|set|tee)",
        "Variable Instructions",
        f"{EXECUTION}#variable-instructions",
    ),
    (
        r"block|loop|if|br|br_if|br_table|return|call|call_indirect|return_call|"
        r"return_call_indirect|unreachable|nop",
        "Control Instructions",
        f"{EXECUTION}#control-instructions",
    ),
    (r"[if](?:32|64)\.const", "Numeric Instructions", f"{EXECUTION}#numeric-instructions"),
)


def section_of(op: str) -> Section | None:
    """The section about an instruction; None for what is no instruction."""
    for pattern, title, place in ROWS:
        if found := re.fullmatch(pattern, op):
            return Section(found.expand(title), found.expand(place))
    return None


def sections(ops: Iterable[str]) -> list[Section]:
    """The sections about these instructions, each once, in their order."""
    found = [section for op in ops if (section := section_of(op))]
    return list(dict.fromkeys(found))


def _places() -> dict[str, Section]:
    structure = ("memory.grow", "memory.size", "table.get", "ref.null", "select", "local.get", "if")
    found = [section_of(op) for op in (*INSTRUCTIONS, *structure)]
    limits = Section("Implementation Limitations", LIMITS_PLACE)
    return {section.place: section for section in (*found, limits) if section}


PLACES = _places()
"""Every section that a record can name."""

"""What a program gives, in words: as the specification writes values, and as bits."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockstep.program.alone import Alone, Gave, alone
from lockstep.program.application import writers
from lockstep.program.text import literal
from lockstep.program.trap import Trap
from lockstep.program.tree import Bits, Program, Site, Type, nodes
from lockstep.program.trial import sound

_COMMON = frozenset(
    ("local.get", "local.set", "drop", "return", "nop", "then", "else", "unpack", "call")
)
"""What nearly every program has: it tells nothing, unless there is nothing else."""
OPS_MAX = 4


class Case(msgspec.Struct, frozen=True):
    """A program that can be called by anybody; `right` is None where no one result is right."""

    program: Program
    alone: Alone
    right: list[Bits] | Trap | None

    @property
    def call(self) -> Site | None:
        """The one call that there is; None where there are more."""
        first, *more = self.program.sites
        return first if not more and len(first.rows) == 1 else None

    @property
    def type(self) -> Type | None:
        """The type of the one result that shows all; None where there are more."""
        if self.call is None:
            return None
        results = self.program.functions[self.call.function].results
        words = 2 if results == ("v128",) else 1
        return results[0] if len(results) == 1 and len(self.alone.tests) == words else None

    @property
    def silent(self) -> bool:
        """Whether nothing comes of it but that it ends."""
        functions = (self.program.functions[site.function] for site in self.program.sites)
        return not writers(self.program) and not any(one.results for one in functions)

    def called(self) -> str:
        """The call in the words of people, `f0(f32.const nan:0x1)`."""
        if self.call is None:
            return "the calls of the script"
        types = self.program.functions[self.call.function].parameters
        row = zip(types, self.call.rows[0], strict=True)
        return f"f{self.call.function}({', '.join(literal(*one) for one in row)})"

    def value(self, words: Sequence[Bits]) -> str:
        """What these words are, as the specification writes it."""
        if self.type is not None and len(words) == len(self.alone.tests):
            return literal(self.type, sum(word << 64 * at for at, word in enumerate(words)))
        return ", ".join(f"{word:#x}" for word in words)

    def short(self, words: Sequence[Bits]) -> str:
        """The same without the type, which the instruction tells; a vector as one number."""
        if self.type == "v128":
            return f"{sum(word << 64 * at for at, word in enumerate(words)):#x}"
        return self.value(words).rpartition(".const ")[2]

    def printed(self, words: Sequence[Bits], *, plain: bool) -> list[str]:
        """What the command lines print for these words."""
        if plain:
            return [f"{word:#x}" for word in words]
        digits = [f"{word:016x}" for word in words]
        return [f" {' '.join(digits[at : at + 2])}" for at in range(0, len(digits), 2)]

    def same(self, gave: Gave) -> bool:
        """Whether it is what is right, as far as can be told."""
        return isinstance(self.right, list) and tuple(self.right) == gave.words


def case_of(program: Program) -> Case:
    """What there is to say of a program."""
    found = alone(program)
    return Case(program, found, found.right() if sound(program) else None)


def telling(program: Program) -> list[str]:
    """The instructions that tell what a program is about, each once, in their order."""
    ops = list(dict.fromkeys(node.op for node in nodes(program)))
    rare = [op for op in ops if op not in _COMMON and not op.endswith(".const")]
    return rare or [op for op in ops if op not in ("then", "else", "unpack")]

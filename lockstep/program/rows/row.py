"""What a row says of its instruction."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import cast

import msgspec

from lockstep.guest.wasm.opcodes import OPCODES
from lockstep.program.tree import Type
from lockstep.runtimes.traps import MEMORY


class Immediate(StrEnum):
    """What follows the opcode."""

    NONE = "none"
    MEMORY = "memory"
    """log2 of the alignment, offset."""
    LANE = "lane"
    LANES = "lanes"
    """16 of them."""
    MEMORY_LANE = "memory and lane"
    """log2 of the alignment, offset, lane."""


class Instruction(msgspec.Struct, frozen=True):
    """An instruction that computes or touches memory.

    `run` takes the operands as unsigned bit patterns, then the lanes, gives a pattern or raises
    `Trap`. Of a load it takes what was read instead of the address, as a number of `width` bytes; a
    store's takes no address and gives what is to be written.
    """

    name: str
    opcode: int
    """A two-part opcode is `prefix << 16 | number`."""
    takes: tuple[Type, ...]
    gives: tuple[Type, ...]
    run: Callable[..., int]
    immediate: Immediate = Immediate.NONE
    lanes: int = 0
    """A lane is below this."""
    width: int = 0
    """How many bytes a load or store touches, which is its natural alignment."""
    traps: tuple[str, ...] = ()
    """The kinds of trap that some operands give."""

    @property
    def feature(self) -> str:
        """What it needs beyond the first version of WebAssembly; empty for nothing."""
        return OPCODES[self.opcode].feature


def operation(
    opcode: int, name: str, signature: str, run: Callable[..., int], *traps: str, lanes: int = 0
) -> Instruction:
    """The signature is written as `i32 i32 -> i32`."""
    takes, gives = _types(signature)
    kind = Immediate.LANE if lanes else Immediate.NONE
    return Instruction(name, opcode, takes, gives, run, kind, lanes, traps=traps)


def access(
    opcode: int, name: str, signature: str, width: int, run: Callable[..., int], *, lanes: int = 0
) -> Instruction:
    """A load or a store."""
    takes, gives = _types(signature)
    kind = Immediate.MEMORY_LANE if lanes else Immediate.MEMORY
    return Instruction(name, opcode, takes, gives, run, kind, lanes, width, (MEMORY,))


def _types(signature: str) -> tuple[tuple[Type, ...], tuple[Type, ...]]:
    takes, gives = (tuple(side.split()) for side in signature.split("->"))
    return cast("tuple[Type, ...]", takes), cast("tuple[Type, ...]", gives)

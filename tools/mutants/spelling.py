"""Instructions by name: their bytes, their text, and what they take and give."""

from __future__ import annotations

from typing import Final

from lockstep.guest.wasm import binary
from lockstep.guest.wasm.opcodes import Immediate, Kind
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import Type

STRUCTURE: Final = {
    "unreachable": 0x00, "nop": 0x01, "block": 0x02, "loop": 0x03, "if": 0x04, "else": 0x05,
    "end": 0x0B, "br": 0x0C, "br_if": 0x0D, "br_table": 0x0E, "return": 0x0F, "call": 0x10,
    "call_indirect": 0x11, "return_call": 0x12, "return_call_indirect": 0x13, "drop": 0x1A,
    "select": 0x1B, "select t": 0x1C, "local.get": 0x20, "local.set": 0x21, "local.tee": 0x22,
    "global.get": 0x23, "global.set": 0x24, "table.get": 0x25, "table.set": 0x26,
    "memory.size": 0x3F, "memory.grow": 0x40, "i32.const": 0x41, "i64.const": 0x42,
    "f32.const": 0x43, "f64.const": 0x44, "ref.null": 0xD0, "ref.is_null": 0xD1,
    "ref.func": 0xD2, "memory.init": 0xFC0008, "data.drop": 0xFC0009, "memory.copy": 0xFC000A,
    "memory.fill": 0xFC000B, "table.init": 0xFC000C, "elem.drop": 0xFC000D,
    "table.copy": 0xFC000E, "table.grow": 0xFC000F, "table.size": 0xFC0010,
    "table.fill": 0xFC0011, "v128.const": 0xFD000C,
}  # fmt: skip
"""What is not in the table of the instructions that programs are made of."""

NUMBERS: Final = STRUCTURE | {name: row.opcode for name, row in INSTRUCTIONS.items()}
NAMES: Final = {number: name for name, number in NUMBERS.items()}
VALUES: Final[dict[int, Type]] = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
}
CODES: Final = {name: code for code, name in VALUES.items()}

_BITS = {"i32.const": 32, "i64.const": 64}


def op(name: str, *immediates: int) -> bytes:
    """An instruction with unsigned immediates, or with an integer constant modulo its size."""
    if name in _BITS:
        return head(name) + binary.signed(_signed(immediates[0], _BITS[name]))
    return head(name) + b"".join(map(binary.u32, immediates))


def head(name: str) -> bytes:
    """The bytes of an opcode."""
    prefix, number = divmod(NUMBERS[name], 1 << 16)
    return bytes([prefix]) + binary.u32(number) if prefix else bytes([number])


def _signed(value: int, bits: int) -> int:
    half = 1 << bits - 1
    return (value + half) % (2 * half) - half


def text(name: str, immediates: tuple[Immediate, ...]) -> str:
    """An instruction as people read it; of a memory argument only the offset."""
    words = [name]
    for found in immediates:
        if found.kind is Kind.MEMORY_ARGUMENT:
            words += [f"offset={found.value}"] if found.value else []
        elif found.kind not in (Kind.MEMORY, Kind.TABLE, Kind.VALUE_TYPES):
            words.append(str(found.value))
    return " ".join(words)

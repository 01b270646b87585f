"""Addresses that are computed: chains of steps from a raw value, each of which can be undone.

A chain is what a program does to a raw value to get an address: so that the values of rows can be
chosen for the address they lead to, whatever wraps on the way.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockstep.program.tree import Bits, Node, Type
from lockstep.scenario.choices import Choices

_MASK = 0xFFFFFFFF
Kind = Literal["add", "sub", "xor", "rotl", "shl", "shr_u", "and", "mul"]
KINDS: tuple[Kind, ...] = ("add", "sub", "xor", "rotl", "shl", "shl", "shr_u", "and", "mul")
ADDRESS_BITS = 22
"""An address in a memory of 4 MiB has no more."""


class Step(msgspec.Struct, frozen=True):
    """One i32 operation with a constant."""

    kind: Kind
    by: int


class Chain(msgspec.Struct, frozen=True):
    """From a raw value of `type` to an address that is a multiple of `multiple`."""

    type: Type
    steps: tuple[Step, ...]
    multiple: int

    def node(self, raw: Node) -> Node:
        """The address, from the raw value."""
        node = Node("i32.wrap_i64", (raw,)) if self.type == "i64" else raw
        for step in self.steps:
            node = Node(f"i32.{step.kind}", (node, Node("i32.const", (), (step.by,))))
        return node

    def raw(self, address: int, noise: int) -> Bits:
        """A raw value that leads to `address`; `noise` fills the bits that do not matter."""
        value = address
        for step in reversed(self.steps):
            value = _undone(step, value, noise)
        return value | (noise >> 32 << 32) if self.type == "i64" else value


def chain(choices: Choices) -> Chain:
    """Half are plain, others have up to three steps."""
    type_: Type = "i64" if choices.chance(1, 8) else "i32"
    if choices.chance(1, 2):
        return Chain(type_, (), 1)
    steps: list[Step] = []
    for _ in range(choices.integer(1, 3)):
        kind = choices.pick(KINDS)
        last = not steps  # steps are drawn from the address backwards
        if kind in ("shl", "shr_u", "and") and not last:
            kind = "add"
        steps.append(_step(choices, kind))
    multiple = 1 << steps[0].by if steps[0].kind == "shl" else 1
    return Chain(type_, tuple(reversed(steps)), multiple)


def _step(choices: Choices, kind: Kind) -> Step:
    match kind:
        case "shl":
            return Step(kind, choices.integer(1, 4))
        case "shr_u":
            return Step(kind, choices.integer(1, 32 - ADDRESS_BITS))
        case "rotl":
            return Step(kind, choices.integer(1, 31))
        case "and":
            return Step(kind, (1 << ADDRESS_BITS) - 1 | choices.pick((0, 0x80000000, 0x01000000)))
        case "mul":
            return Step(kind, choices.pick((3, 5, 7, 9, 0xFFFFFFFF, 0x80000001)))
        case _:
            edge = choices.pick((1, 4, 8, 16, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8, 0x7FFFFFFF))
            return Step(kind, edge)


def _undone(step: Step, value: int, noise: int) -> int:
    by = step.by
    match step.kind:
        case "add":
            return value - by & _MASK
        case "sub":
            return value + by & _MASK
        case "xor":
            return value ^ by
        case "rotl":
            return (value >> by | value << (32 - by)) & _MASK
        case "shl":
            return (value >> by | noise << (32 - by)) & _MASK
        case "shr_u":
            return (value << by | noise & ((1 << by) - 1)) & _MASK
        case "and":
            return (value | noise & ~by) & _MASK
        case "mul":
            return value * pow(by, -1, 1 << 32) & _MASK

"""What lasts from call to call: memory, globals, the table, segments that are not yet dropped.

Its methods are named as the instructions; immediates come first, operands after.
Source: WebAssembly Core Specification 2.0, sections 4.4.6 (table), 4.4.7 (memory) and 4.5.4.
"""

from __future__ import annotations

from typing import Final, TypeVar

from lockstep.errors import EvaluationError
from lockstep.program.trap import Trap
from lockstep.program.tree import PAGE_BYTES, Bits, Program
from lockstep.runtimes.traps import MEMORY, TABLE, UNDEFINED, UNINITIALIZED

NULL: Final = -1
"""A null reference among function indices."""
FAILED: Final = 0xFFFFFFFF
"""What a `grow` that is refused gives; memory and table are at their maximum from the beginning."""

Part = TypeVar("Part", list[int], tuple[int, ...], bytes)


class State:
    """A program's state; of memory only the arena, its last page: what is below is the guest's."""

    def __init__(self, program: Program, memory_pages: int) -> None:
        self._program, self._pages = program, memory_pages
        self._end = memory_pages * PAGE_BYTES
        self.arena = self._end - PAGE_BYTES
        self.reset()

    def reset(self) -> None:
        """Everything as it is after instantiation."""
        program = self._program
        self.memory = bytearray(PAGE_BYTES)
        self.globals = [entry.bits for entry in program.globals]
        self.table = [NULL if entry is None else entry for entry in program.table]
        self._elements = list(program.elements)
        self._segments = [s.data if s.address is None else b"" for s in program.segments]
        for segment in program.segments:
            if segment.address is not None:
                self._write(segment.address, segment.data)

    def load(self, address: int, size: int) -> Bits:
        """`size` bytes as a number."""
        at = self._at(address, size)
        return int.from_bytes(self.memory[at : at + size], "little")

    def store(self, address: int, size: int, bits: Bits) -> None:
        """A number as `size` bytes."""
        self._write(address, bits.to_bytes(size, "little"))

    def _write(self, address: int, data: bytes) -> None:
        at = self._at(address, len(data))
        self.memory[at : at + len(data)] = data

    def _at(self, address: int, size: int) -> int:
        """The place in the arena; traps beyond memory, also for no bytes at all."""
        if address + size > self._end:
            raise Trap(MEMORY)
        if address >= self.arena:
            return address - self.arena
        if not size:
            return 0
        raise EvaluationError(
            f"the program touches byte {address:#x}, which is the guest's",
            hint=f"its own memory begins at {self.arena:#x}",
        )

    def memory_size(self) -> Bits:
        """In pages."""
        return self._pages

    def memory_grow(self, pages: int) -> Bits:
        """The size before, or that it failed."""
        return FAILED if pages else self._pages

    def memory_fill(self, address: int, byte: int, size: int) -> None:
        """`size` times the low 8 bits of `byte`."""
        at = self._at(address, size)
        self.memory[at : at + size] = bytes([byte & 0xFF]) * size

    def memory_copy(self, to: int, of: int, size: int) -> None:
        """As if through a buffer: both may overlap."""
        at, after = self._at(of, size), self._at(to, size)
        self.memory[after : after + size] = self.memory[at : at + size]

    def memory_init(self, segment: int, to: int, of: int, size: int) -> None:
        """From a segment, which is empty where it was dropped or active."""
        self._write(to, _part(self._segments[segment], of, size, MEMORY))

    def data_drop(self, segment: int) -> None:
        """Nothing is left of it."""
        self._segments[segment] = b""

    def entry(self, index: int) -> int:
        """The function that an indirect call finds."""
        if index >= len(self.table):
            raise Trap(UNDEFINED)
        if self.table[index] == NULL:
            raise Trap(UNINITIALIZED)
        return self.table[index]

    def table_get(self, index: int) -> int:
        """A function index or `NULL`."""
        return _part(self.table, index, 1, TABLE)[0]

    def table_set(self, index: int, entry: int) -> None:
        """A function index or `NULL`."""
        self.table_fill(index, entry, 1)

    def table_size(self) -> Bits:
        """In entries."""
        return len(self.table)

    def table_grow(self, _: int, count: int) -> Bits:
        """The size before, or that it failed."""
        return FAILED if count else len(self.table)

    def table_fill(self, at: int, entry: int, count: int) -> None:
        """`count` times the same entry."""
        self._entries(at, [entry] * len(_part(self.table, at, count, TABLE)))

    def table_copy(self, to: int, of: int, count: int) -> None:
        """As if through a buffer: both may overlap."""
        self._entries(to, _part(self.table, of, count, TABLE))

    def table_init(self, elements: int, to: int, of: int, count: int) -> None:
        """From a segment, which is empty where it was dropped."""
        self._entries(to, list(_part(self._elements[elements], of, count, TABLE)))

    def _entries(self, at: int, entries: list[int]) -> None:
        _part(self.table, at, len(entries), TABLE)
        self.table[at : at + len(entries)] = entries

    def elem_drop(self, elements: int) -> None:
        """Nothing is left of them."""
        self._elements[elements] = ()


def _part(whole: Part, at: int, count: int, kind: str) -> Part:
    if at + count > len(whole):
        raise Trap(kind)
    return whole[at : at + count]

"""Trees become bytes: what a graft adds to a guest, or a module that stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from lockstep.guest.audit import APPLY
from lockstep.guest.wasm import External, Limits, Section, SectionId, binary
from lockstep.guest.wasm.module import HEADER, ORDER
from lockstep.program.application import application, segments
from lockstep.program.tree import (
    MEMORY_PAGES,
    Function,
    Global,
    Node,
    Program,
    Segment,
)
from lockstep.program.writer import CODES, LAST, PASSIVE, Base, Types, Writer, body, vector


class Parts(msgspec.Struct, frozen=True):
    """Entries of sections, with indices that count from a base. `bodies` belong to functions."""

    types: list[bytes]
    functions: list[bytes]
    globals: list[bytes]
    elements: list[bytes]
    data: list[bytes]
    bodies: list[bytes]
    table: bytes
    counts_data: bool


def application_parts(program: Program, base: Base, *, restores: bool) -> Parts:
    """The program as an application, whose last function is `lockstep_apply`.

    With `restores` each call begins with memory, globals and table as they were at first.
    """
    functions = application(program, restores=restores)
    return _parts(program, functions, segments(program, restores=restores), base)


def donor(program: Program, *, restores: bool) -> bytes:
    """The same as a module that can be grafted into any guest."""
    parts = application_parts(program, Base(), restores=restores)
    memory = _name("env") + _name("memory") + bytes([External.MEMORY]) + _memory()
    apply = _export(APPLY, len(parts.functions) - 1)
    return _module(parts, {SectionId.IMPORT: [memory], SectionId.EXPORT: [apply]})


def standalone(program: Program, exports: Mapping[str, int]) -> bytes:
    """The program's functions in a module of their own, with a memory of the guest's size."""
    parts = _parts(program, program.functions, program.segments, Base())
    exported = [_export(*export) for export in exports.items()]
    return _module(parts, {SectionId.MEMORY: [_memory()], SectionId.EXPORT: exported})


def command(program: Program) -> bytes:
    """A WASI command whose `_start` is the last function; function -1 is `fd_write`."""
    parts = _parts(program, program.functions, program.segments, Base(functions=1))
    i32 = CODES["i32"]
    write = b"\x60" + binary.sized(bytes([i32] * 4)) + binary.sized(bytes([i32]))
    kind = bytes([External.FUNCTION]) + binary.u32(len(parts.types))
    memory = _name("memory") + bytes([External.MEMORY, 0])
    more = {
        SectionId.TYPE: [*parts.types, write],
        SectionId.IMPORT: [_name("wasi_snapshot_preview1") + _name("fd_write") + kind],
        SectionId.MEMORY: [_memory()],
        SectionId.EXPORT: [memory, _export("_start", len(program.functions))],
    }
    return _module(parts, more)


def _parts(
    program: Program, functions: Sequence[Function], data: Sequence[Segment], base: Base
) -> Parts:
    types = Types((function.signature for function in functions), base.types)
    bodies = [body(function, types, program.signatures, base) for function in functions]
    size = len(program.table)
    return Parts(
        functions=[binary.u32(types.index(function.signature)) for function in functions],
        globals=[_global(entry) for entry in program.globals],
        elements=_elements(program, base),
        data=[_segment(segment) for segment in data],
        bodies=bodies,
        table=b"\x70" + Limits(size, size).encode() if size else b"",
        counts_data=any(segment.address is None for segment in data),
        types=types.encode(),
    )


def _elements(program: Program, base: Base) -> list[bytes]:
    """Active segments for the filled stretches of the table behind the passive ones."""
    passive = [b"\1\0" + _indices(functions, base) for functions in program.elements]
    active, at = [], 0
    while at < len(program.table):
        run: list[int] = []
        while at + len(run) < len(program.table):
            entry = program.table[at + len(run)]
            if entry is None:
                break
            run.append(entry)
        if run:
            active.append(b"\0" + _offset(at) + _indices(run, base))
        at += len(run) + 1
    return [*passive, *active]


def _module(parts: Parts, more: Mapping[SectionId, list[bytes]]) -> bytes:
    contents = {
        SectionId.TYPE: parts.types,
        SectionId.FUNCTION: parts.functions,
        SectionId.TABLE: [parts.table] if parts.table else [],
        SectionId.GLOBAL: parts.globals,
        SectionId.ELEMENT: parts.elements,
        SectionId.CODE: [binary.sized(body) for body in parts.bodies],
        SectionId.DATA: parts.data,
        **more,
    }
    vectors = {id_: vector(entries) for id_, entries in contents.items() if entries}
    if parts.counts_data:
        vectors[SectionId.DATA_COUNT] = binary.u32(len(parts.data))
    sections = [Section(id_, vectors[id_]) for id_ in ORDER if id_ in vectors]
    return HEADER + b"".join(bytes([s.id]) + binary.sized(s.data) for s in sections)


def _global(entry: Global) -> bytes:
    writer = Writer(Types((), 0), (), Base())
    writer.write(Node(f"{entry.type}.const", (), (entry.bits,)))
    return bytes([CODES[entry.type], 1]) + bytes(writer.out) + bytes([LAST])


def _segment(segment: Segment) -> bytes:
    head = bytes([PASSIVE]) if segment.address is None else b"\0" + _offset(segment.address)
    return head + binary.sized(segment.data)


def _offset(value: int) -> bytes:
    return b"\x41" + binary.signed(value) + bytes([LAST])


def _memory() -> bytes:
    return Limits(MEMORY_PAGES, MEMORY_PAGES).encode()


def _export(name: str, function: int) -> bytes:
    return _name(name) + bytes([External.FUNCTION]) + binary.u32(function)


def _name(text: str) -> bytes:
    return binary.sized(text.encode())


def _indices(functions: Sequence[int], base: Base) -> bytes:
    return vector(binary.u32(base.functions + function) for function in functions)

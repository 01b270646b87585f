"""Make a guest of a WASI command that imports more than a guest may: answer the rest inside it.

Compilers with a runtime of their own (Go's, say) import clocks, randomness, arguments and files.
Sealing puts functions in the place of these imports, whose answers are the same everywhere: no
arguments, no environment, no files, a clock that counts how often it was read and what was slept,
and random numbers from a fixed seed. `fd_read`, `fd_write` and `proc_exit` stay imports.

Imports come first among functions, and there are as many functions as before: only imports change
places among themselves, no other index moves. The memory is made as large at once as it may become,
so that nothing hangs on what a runtime grants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from lockstep.errors import GuestError
from lockstep.guest import answers
from lockstep.guest.audit import ALLOWED, WASI
from lockstep.guest.wasm import (
    Export,
    External,
    Import,
    Limits,
    Module,
    Section,
    SectionId,
    binary,
    entries,
)
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.entries import WALKS, moved
from lockstep.guest.wasm.module import ORDER
from lockstep.guest.wasm.opcodes import Kind

MEMORY_PAGES: Final = 1024
"""64 MiB: room for a heap of some 30 MiB and a collector that works when it has doubled."""

_I32, _I64_CONST, _END, _MUTABLE_I64 = b"\x7f", b"\x42", b"\x0b", b"\x7e\x01"
_REFERS = rb"[\x10\x12\xd2][\x00-\x%02x]"  # call, return_call, ref.func of one of the first


def seal(module: bytes) -> bytes:
    """The module as a guest, without its custom sections.

    Raises `GuestError` for an import that is no function of WASI preview 1, and for a memory that
    is larger than `MEMORY_PAGES` from the start.
    """
    opened = Module.decode(module, "module to seal")
    _check(opened)
    contents = {section.id: section.data for section in opened.sections}
    contents |= _changed(opened, _Places(opened.imports()))
    kept = [Section(id_, contents[id_]) for id_ in ORDER if id_ in contents]
    return Module(opened.path, tuple(kept)).encode()


class _Places:
    """Which imports stay (each name once), which are answered, and where each of them goes."""

    def __init__(self, imports: Sequence[Import]) -> None:
        allowed = [at for at, entry in enumerate(imports) if (WASI, entry.name) in ALLOWED]
        self.first = {imports[at].name: at for at in reversed(allowed)}
        self.kept = sorted(self.first.values())
        self.answered = [at for at in range(len(imports)) if at not in self.kept]
        self.moves = {at: new for new, at in enumerate(self.kept + self.answered)}

    def place(self, kind: Kind, index: int) -> int:
        """The new index of anything."""
        return self.moves.get(index, index) if kind is Kind.FUNCTION else index


def _check(module: Module) -> None:
    for entry in module.imports():
        if entry.module != WASI or entry.kind is not External.FUNCTION:
            raise GuestError(
                module.path,
                f"imports {entry.module}.{entry.name}, which is no function of WASI preview 1",
            )
    memories = module.memories()
    if len(memories) != 1 or memories[0].minimum > MEMORY_PAGES:
        raise GuestError(module.path, f"does not have one memory of at most {MEMORY_PAGES} pages")


def _changed(module: Module, places: _Places) -> dict[SectionId, bytes]:
    """The sections that sealing changes."""
    imports = module.imports()
    functions = [imports[at].type for at in places.answered] + module.functions()
    found = {
        SectionId.IMPORT: [_import(imports[at]) for at in places.kept],
        SectionId.FUNCTION: [binary.u32(type_) for type_ in functions],
        SectionId.MEMORY: [Limits(MEMORY_PAGES, MEMORY_PAGES).encode()],
        SectionId.GLOBAL: [
            *_moved(module, SectionId.GLOBAL, places),
            *map(_counter, (answers.CLOCK_START_NS, answers.RANDOM_SEED)),
        ],
        SectionId.EXPORT: [_export(entry, places) for entry in module.exports()],
        SectionId.ELEMENT: _moved(module, SectionId.ELEMENT, places),
        SectionId.CODE: [binary.sized(code) for code in _code(module, places)],
    }
    return {id_: _list(parts) for id_, parts in found.items() if parts}


def _moved(module: Module, id_: SectionId, places: _Places) -> list[bytes]:
    return module.entries(id_, partial(moved, walk=WALKS[id_], place=places.place))


def _code(module: Module, places: _Places) -> list[bytes]:
    may_refer = re.compile(_REFERS % (len(places.moves) - 1))
    found = [_answer(module, places, at) for at in places.answered]
    for body in module.bodies():
        if not may_refer.search(body.data):  # true of most: reading code takes seconds a megabyte
            found.append(body.data)
            continue
        reader = Reader(body.data, module.path, body.offset)
        found.append(moved(reader, entries.body, places.place))
    return found


def _answer(module: Module, places: _Places, at: int) -> bytes:
    """The function in place of import `at`."""
    imports, types = module.imports(), module.types()
    name, signature = imports[at].name, types[imports[at].type]
    own = module.space(SectionId.GLOBAL)
    globals_: Mapping[str, int] = {"clock": own, "random": own + 1}
    if name in places.first:  # imported once more: it calls the one that stays
        given = "".join(f"local.get {index} " for index in range(len(signature.parameters)))
        return answers.body(f"{given} call {places.moves[places.first[name]]}", globals_)
    return answers.body(answers.answer(name, answers=signature.results == _I32), globals_)


def _import(entry: Import) -> bytes:
    names = binary.sized(entry.module.encode()) + binary.sized(entry.name.encode())
    return names + bytes([entry.kind]) + binary.u32(entry.type)


def _export(entry: Export, places: _Places) -> bytes:
    index = entry.index
    if entry.kind is External.FUNCTION:
        index = places.place(Kind.FUNCTION, index)
    return binary.sized(entry.name.encode()) + bytes([entry.kind]) + binary.u32(index)


def _counter(start: int) -> bytes:
    return _MUTABLE_I64 + _I64_CONST + binary.signed(start) + _END


def _list(parts: Sequence[bytes]) -> bytes:
    return binary.u32(len(parts)) + b"".join(parts)

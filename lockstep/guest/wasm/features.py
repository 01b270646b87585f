"""Which features beyond the first version of WebAssembly a module uses."""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.guest.wasm import entries
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.declarations import External
from lockstep.guest.wasm.module import Module, SectionId
from lockstep.guest.wasm.opcodes import (
    BULK_MEMORY,
    MULTI_VALUE,
    MUTABLE_GLOBALS,
    OPCODES,
    REFERENCE_TYPES,
    VALUE_TYPES,
    Immediate,
    Kind,
    instructions,
)


def features(module: Module) -> tuple[str, ...]:
    """The names of the features, in order; none for a module of the first version.

    Reads the whole module: some three seconds a megabyte. Raises `GuestError` for an instruction or
    type that is not in WebAssembly 2.0.
    """
    found = {""}.union(_of_signatures(module), _of_declarations(module), _of_code(module))
    return tuple(sorted(found - {""}))


def _of_signatures(module: Module) -> Iterator[str]:
    for signature in module.types():
        yield from (VALUE_TYPES[code] for code in signature.parameters + signature.results)
        if len(signature.results) > 1:
            yield MULTI_VALUE


def _of_declarations(module: Module) -> Iterator[str]:
    imports = module.imports()
    if module.space(SectionId.TABLE) > 1:
        yield REFERENCE_TYPES
    if module.data_count() is not None or any(_flags(module, SectionId.DATA)):
        yield BULK_MEMORY
    for flags in filter(None, _flags(module, SectionId.ELEMENT)):
        yield REFERENCE_TYPES if flags > 3 else BULK_MEMORY
    mutable = [entry.mutable for entry in imports if entry.kind is External.GLOBAL]
    ours = enumerate(mutable + [flags == 1 for flags in _flags(module, SectionId.GLOBAL)])
    shared = {entry.index for entry in module.exports() if entry.kind is External.GLOBAL}
    if any(mutable) or any(index in shared for index, changes in ours if changes):
        yield MUTABLE_GLOBALS


def _flags(module: Module, id_: SectionId) -> list[int]:
    """The flags of each segment or global: the one such immediate that it has."""
    walk = entries.WALKS[id_]

    def flags(reader: Reader) -> int:
        return sum(found.value for found in walk(reader) if found.kind is Kind.FLAGS)

    return module.entries(id_, flags)


def _of_code(module: Module) -> Iterator[str]:
    for body in module.bodies():
        reader = Reader(body.data, module.path, body.offset)
        yield from (VALUE_TYPES[code] for code in entries.local_types(reader))
        for instruction in instructions(reader):
            yield OPCODES[instruction.opcode].feature
            yield from map(_of_immediate, instruction.immediates)
        reader.finish()


def _of_immediate(found: Immediate) -> str:
    if found.kind is Kind.BLOCK and found.value >= 0:
        return MULTI_VALUE
    if found.kind is Kind.TABLE and (found.value or found.end - found.start > 1):
        return REFERENCE_TYPES  # the first version has a zero byte there
    return ""

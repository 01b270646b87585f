"""A program into a guest that was taken apart once: as `graft`, without reading what we write."""

from __future__ import annotations

from lockstep.guest.audit import APPLY
from lockstep.guest.graft import check_guest
from lockstep.guest.wasm import External, Limits, Module, SectionId, binary
from lockstep.guest.wasm.module import HEADER, ORDER
from lockstep.program.encode import Parts, application_parts
from lockstep.program.tree import MEMORY_PAGES, Program
from lockstep.program.writer import Base


class Host:
    """A guest that takes programs in the place of its application."""

    def __init__(self, guest: bytes) -> None:
        """Raises `GuestError` for a guest that cannot take one."""
        module = Module.decode(guest, "guest")
        check_guest(module)
        self._bodies = [body.data for body in module.bodies()]
        entry = module.export(External.FUNCTION, APPLY)
        assert entry is not None
        self._site = entry.index - module.imported(External.FUNCTION)
        self._kept = {section.id: section.data for section in module.sections}
        self._base = Base(
            types=module.count(SectionId.TYPE),
            functions=module.space(SectionId.FUNCTION),
            globals=module.space(SectionId.GLOBAL),
            elements=module.count(SectionId.ELEMENT),
            data=module.count(SectionId.DATA),
        )
        self._vectors = {
            id_: _opened(module, id_)
            for id_ in (
                SectionId.TYPE,
                SectionId.FUNCTION,
                SectionId.GLOBAL,
                SectionId.ELEMENT,
                SectionId.DATA,
            )
        }

    def with_program(self, program: Program, *, restores: bool) -> bytes:
        """The guest with the program as its application."""
        parts = application_parts(program, self._base, restores=restores)
        contents = dict(self._kept)
        added = {
            SectionId.TYPE: parts.types,
            SectionId.FUNCTION: parts.functions[:-1],
            SectionId.GLOBAL: parts.globals,
            SectionId.ELEMENT: parts.elements,
            SectionId.DATA: parts.data,
        }
        for id_, entries in added.items():
            count, present = self._vectors[id_]
            if entries or count:
                contents[id_] = binary.u32(count + len(entries)) + present + b"".join(entries)
        contents[SectionId.CODE] = self._code(parts)
        contents[SectionId.MEMORY] = binary.u32(1) + Limits(MEMORY_PAGES, MEMORY_PAGES).encode()
        if parts.table:
            contents[SectionId.TABLE] = binary.u32(1) + parts.table
        if parts.counts_data:
            contents[SectionId.DATA_COUNT] = binary.u32(self._base.data + len(parts.data))
        return HEADER + b"".join(
            bytes([id_]) + binary.sized(contents[id_]) for id_ in ORDER if id_ in contents
        )

    def _code(self, parts: Parts) -> bytes:
        bodies = list(self._bodies)
        bodies[self._site] = parts.bodies[-1]
        bodies += parts.bodies[:-1]
        return binary.u32(len(bodies)) + b"".join(map(binary.sized, bodies))


def _opened(module: Module, id_: SectionId) -> tuple[int, bytes]:
    """How many entries a section has, and their bytes."""
    reader = module.reader(id_)
    if reader is None:
        return 0, b""
    count = reader.u32()
    return count, reader.data[reader.at :]

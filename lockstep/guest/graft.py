"""Put another application in the place of a guest's own, in the finished module.

No index of the guest moves: the donor's types, functions, globals and segments go behind the
guest's, the donor's function becomes the body of the guest's `lockstep_apply`. The memory gets one
last page, the arena, that the guest itself never touches.
"""

from __future__ import annotations

from lockstep.errors import GuestError
from lockstep.guest.audit import APPLY
from lockstep.guest.wasm import (
    External,
    FunctionType,
    Limits,
    Module,
    Section,
    SectionId,
    binary,
)
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.entries import INDICES, WALKS, body, moved
from lockstep.guest.wasm.module import ORDER
from lockstep.guest.wasm.opcodes import Kind

_APPLY_TYPE = FunctionType(b"\x7f" * 4, b"")
_PAGES_MAX = 1 << 16
_UNMOVED = {Kind.MEMORY, Kind.TABLE}  # there is one memory, and only one side has a table


def graft(module: bytes, donor: bytes) -> bytes:
    """The guest `module`, with the function `lockstep_apply` of `donor` as its application.

    The donor is a core module that imports at most the memory `env.memory`, and exports
    `lockstep_apply` (four i32, no result). Its other exports are dropped, so a function that its
    `ref.func` names must stand in an element segment. Custom sections of both are dropped. Raises
    `GuestError` for two that cannot be put together.
    """
    guest, program = Module.decode(module, "guest"), Module.decode(donor, "donor")
    shift = _Shift(guest, program, _application(guest), _application(program))
    pages = _grown(guest)
    _check_donor(program, pages)
    if guest.space(SectionId.TABLE) and program.space(SectionId.TABLE):
        raise GuestError(guest.path, "has a table of its own, and so has the donor")
    return _assembled(shift, pages).encode()


class _Shift:
    """Moves the donor's entries behind the guest's: function `own` to `site`, the rest in order."""

    def __init__(self, guest: Module, program: Module, site: int, own: int) -> None:
        self.guest, self.program, self.site, self.own = guest, program, site, own
        self.had = {kind: guest.space(id_) for kind, id_ in INDICES.items()}
        self.has = {kind: program.space(id_) for kind, id_ in INDICES.items()}

    def place(self, kind: Kind, index: int) -> int | None:
        """The index in the guest for one in the donor."""
        if index >= self.has[kind]:
            return None
        if kind in _UNMOVED:
            return index
        if kind is not Kind.FUNCTION:
            return self.had[kind] + index
        return self.site if index == self.own else self.had[kind] + index - (index > self.own)

    def entries(self, id_: SectionId) -> list[bytes]:
        """The donor's entries that are added to the guest's."""
        walk = WALKS[id_]
        found = self.program.entries(id_, lambda reader: moved(reader, walk, self.place))
        return _without(found, self.own) if id_ is SectionId.FUNCTION else found

    def bodies(self) -> list[bytes]:
        """The donor's function bodies."""
        readers = [Reader(b.data, self.program.path, b.offset) for b in self.program.bodies()]
        return [moved(reader, body, self.place) for reader in readers]


def _application(module: Module) -> int:
    """The index of the function that is replaced in a guest, and taken from a donor."""
    entry = module.export(External.FUNCTION, APPLY)
    if entry is None:
        raise GuestError(module.path, f"does not export a function `{APPLY}`")
    if module.signature(entry.index) != _APPLY_TYPE:
        raise GuestError(module.path, f"its `{APPLY}` does not take four i32 and give nothing")
    if entry.index < module.imported(External.FUNCTION):
        raise GuestError(module.path, f"its `{APPLY}` is an import")
    return entry.index


def check_guest(guest: Module) -> None:
    """Raise `GuestError` for a guest whose application cannot be replaced."""
    _application(guest)
    _grown(guest)


def _grown(guest: Module) -> int:
    """The pages of the guest with its arena."""
    memories = guest.memories()
    if len(memories) != 1 or guest.imported(External.MEMORY):
        raise GuestError(guest.path, "does not have one memory of its own")
    pages = memories[0].minimum
    if memories[0].maximum != pages:
        hint = "link it with the same initial and maximum memory"
        raise GuestError(guest.path, "its memory can grow: an arena has no place", hint=hint)
    if pages >= _PAGES_MAX:
        raise GuestError(guest.path, "its memory has no room for one more page")
    return pages + 1


def _check_donor(program: Module, pages: int) -> None:
    imports = [(entry.module, entry.name, entry.kind) for entry in program.imports()]
    surplus = [f"{i[0]}.{i[1]}" for i in imports if i != ("env", "memory", External.MEMORY)]
    if surplus or len(imports) > 1:
        names = ", ".join(surplus) or "more than one memory"
        raise GuestError(program.path, f"imports more than the memory `env.memory`: {names}")
    if program.count(SectionId.MEMORY):
        hint = "import the memory `env.memory`"
        raise GuestError(program.path, "has a memory of its own", hint=hint)
    if program.reader(SectionId.START):
        raise GuestError(program.path, "has a start function")
    for limits in program.memories():
        if limits.minimum > pages or (limits.maximum or pages) < pages:
            raise GuestError(program.path, f"wants another memory than {pages} pages")


def _assembled(shift: _Shift, pages: int) -> Module:
    guest, program = shift.guest, shift.program
    contents = {section.id: section.data for section in guest.sections}
    for id_ in WALKS:
        if added := shift.entries(id_):
            contents[id_] = _appended(guest, id_, added)
    contents[SectionId.CODE] = _code(shift)
    contents[SectionId.MEMORY] = binary.u32(1) + Limits(pages, pages).encode()
    if SectionId.DATA_COUNT in contents or program.data_count() is not None:
        count = sum(module.count(SectionId.DATA) for module in (guest, program))
        contents[SectionId.DATA_COUNT] = binary.u32(count)
    kept = [Section(id_, contents[id_]) for id_ in ORDER if id_ in contents]
    return Module(guest.path, tuple(kept))


def _appended(guest: Module, id_: SectionId, added: list[bytes]) -> bytes:
    reader = guest.reader(id_)
    count = reader.u32() if reader else 0
    present = reader.data[reader.at :] if reader else b""
    return binary.u32(count + len(added)) + present + b"".join(added)


def _code(shift: _Shift) -> bytes:
    ours, theirs = [body.data for body in shift.guest.bodies()], shift.bodies()
    ours[shift.site - shift.guest.imported(External.FUNCTION)] = theirs[shift.own]
    bodies = ours + _without(theirs, shift.own)
    return binary.u32(len(bodies)) + b"".join(map(binary.sized, bodies))


def _without(items: list[bytes], index: int) -> list[bytes]:
    return items[:index] + items[index + 1 :]

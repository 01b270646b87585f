"""Other code in the place of single instructions, in the finished module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lockstep.guest.wasm import Module, Section, SectionId, binary
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.module import ORDER
from tools.mutants.code import Temporaries, computed, saved
from tools.mutants.mutations import Mutation, Site, mutations
from tools.mutants.stack import Context, Function, places


class Mutant(msgspec.Struct, frozen=True):
    """One site of a function got wrong in one way."""

    function: int
    site: Site
    mutation: Mutation

    @property
    def offset(self) -> int:
        """Where in the module the instruction lies."""
        return self.site.place.instruction.offset

    @property
    def text(self) -> str:
        """What and where, for people."""
        where = f"function {self.function}, byte {self.offset}"
        return f"{where}: {self.mutation.kind}: {self.site.text} -> {self.mutation.after}"

    @property
    def mistake(self) -> tuple[str, str]:
        """What is done wrong, in words that hold at other sites too."""
        return self.mutation.kind, self.mutation.rule


class Edit(msgspec.Struct, frozen=True):
    """`code` instead of `size` bytes at byte `offset` of the module."""

    offset: int
    size: int
    code: bytes


Edits = Mapping[int, tuple[Iterable[Edit], Temporaries]]
"""By the number of the function; the edits of each in the order of their offsets."""


def sites(context: Context, numbers: Iterable[int]) -> list[tuple[int, Site]]:
    """All sites of these functions that something may become of, each with its function."""
    found = []
    for number in numbers:
        function = context.function(number)
        for place in places(context, function):
            site = Site(place, function.locals)
            if place.live and mutations(site):
                found.append((number, site))
    return found


def miscompiled(module: Module, context: Context, mutants: Iterable[Mutant]) -> bytes:
    """The module as the wrong runtime has it; no two mutants at one site."""
    edits: dict[int, tuple[list[Edit], Temporaries]] = {}
    for mutant in sorted(mutants, key=lambda one: one.offset):
        had = len(context.function(mutant.function).locals)
        found, temporaries = edits.setdefault(mutant.function, ([], Temporaries(had)))
        form, place = mutant.mutation.form, mutant.site.place
        code = form.code
        if form.soft or form.order != mutant.site.order:
            kept = temporaries.kept(place.takes)
            code = saved(kept) + computed(form, kept, place.gives)
        found.append(Edit(mutant.offset, len(place.code), code))
    return edited(module, context, edits)


def edited(
    module: Module, context: Context, edits: Edits, others: Mapping[SectionId, bytes] = {}
) -> bytes:
    """The module with these edits, and with `others` as those sections."""
    bodies = [
        _body(context.function(number), *edits[number]) if number in edits else body.data
        for number, body in enumerate(context.bodies, context.first)
    ]
    contents = {section.id: section.data for section in module.sections} | dict(others)
    contents[SectionId.CODE] = binary.u32(len(bodies)) + b"".join(map(binary.sized, bodies))
    kept = [Section(id_, contents[id_]) for id_ in ORDER if id_ in contents]
    return Module(module.path, tuple(kept)).encode()


def _body(function: Function, edits: Iterable[Edit], temporaries: Temporaries) -> bytes:
    data, start = function.body.data, function.body.offset
    declared, added = Reader(data, "body"), temporaries.declared()
    groups = declared.u32()
    parts = [binary.u32(groups + len(added)), data[declared.at : function.code - start], *added]
    copied = function.code - start
    for edit in edits:
        parts += [data[copied : edit.offset - start], edit.code]
        copied = edit.offset - start + edit.size
    return b"".join([*parts, data[copied:]])


def appended(module: Module, id_: SectionId, added: Sequence[bytes]) -> bytes:
    """The contents of a section with more entries behind those that it has."""
    reader = module.reader(id_)
    count = reader.u32() if reader else 0
    present = reader.data[reader.at :] if reader else b""
    return binary.u32(count + len(added)) + present + b"".join(added)

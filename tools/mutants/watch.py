"""Whether a mutation would have changed anything: the module computes both ways at each site.

At a site the operands are kept, both forms are computed on them, and a global remembers whether
they ever differed; the module goes on with the right one. A store is tried and taken back. The
globals are no part of the guest's memory, so that all else, its digests too, is as it was.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import wasmtime

from lockstep.guest.wasm import External, Module, SectionId, binary
from tools.mutants.code import CELLS, Access, Temporaries, computed, differ, saved, would_trap
from tools.mutants.rewrite import Edit, Mutant, appended, edited
from tools.mutants.spelling import CODES, op
from tools.mutants.stack import Context

EXECUTED, DIFFERED = 1, 2
_FIRST_RESULT = 16
"""The number of the first temporary that is no operand."""
_COPIES = {"abs", "neg", "copysign", "pmin", "pmax", "splat", "replace", "extract", "reinterpret"}
"""First words of float instructions that give the very bits of a NaN."""
_COMPUTED = {("f32", "f32"), ("f64", "f64"), ("f32x4", "v128"), ("f64x2", "v128")}
"""Families of instructions, and results, of which a NaN may be any."""


class Watched(NamedTuple):
    """What a run wrote to stdout, and what became of each mutant's site: EXECUTED | DIFFERED."""

    output: bytes
    flags: list[int]


class Watch:
    """A module that watches all of `mutants`, no two of them at one site."""

    def __init__(self, module: Module, context: Context, mutants: Sequence[Mutant]) -> None:
        self._engine = wasmtime.Engine()
        self._module = wasmtime.Module(self._engine, watching(module, context, mutants))
        self._count = len(mutants)

    def run(self, stdin: bytes) -> Watched:
        """Run the guest on `stdin`, to its end or a trap."""
        store, linker = wasmtime.Store(self._engine), wasmtime.Linker(self._engine)
        linker.define_wasi()
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder, "in"), Path(folder, "out")
            files[0].write_bytes(stdin)
            wasi = wasmtime.WasiConfig()
            wasi.stdin_file, wasi.stdout_file = files
            store.set_wasi(wasi)
            exports = linker.instantiate(store, self._module).exports(store)
            with contextlib.suppress(wasmtime.ExitTrap, wasmtime.Trap):
                exports["_start"](store)  # type: ignore[operator]
            flags = [exports[_exported(number)].value(store) for number in range(self._count)]  # type: ignore[union-attr]
            store.close()
            return Watched(files[1].read_bytes(), flags)


def watching(module: Module, context: Context, mutants: Sequence[Mutant]) -> bytes:
    """The module with a global for each of `mutants`, exported, that watches its site."""
    first = module.space(SectionId.GLOBAL)
    edits: dict[int, tuple[list[Edit], Temporaries]] = {}
    for number, mutant in sorted(enumerate(mutants), key=lambda pair: pair[1].offset):
        had = len(context.function(mutant.function).locals)
        found, temporaries = edits.setdefault(mutant.function, ([], Temporaries(had)))
        found.append(Edit(mutant.offset, 0, _watch(mutant, temporaries, first + number)))
    cells = [bytes([CODES["i32"], 1]) + op("i32.const", 0) + op("end")] * len(mutants)
    names = [
        binary.sized(_exported(n).encode()) + bytes([External.GLOBAL]) + binary.u32(first + n)
        for n in range(len(mutants))
    ]
    others = {
        SectionId.GLOBAL: appended(module, SectionId.GLOBAL, cells),
        SectionId.EXPORT: appended(module, SectionId.EXPORT, names),
    }
    return edited(module, context, edits, others)


def _exported(number: int) -> str:
    return f"watched {number}"


def _watch(mutant: Mutant, temporaries: Temporaries, flag: int) -> bytes:
    """What stands before the instruction of a mutant: it leaves the stack as it found it."""
    place, wrong = mutant.site.place, mutant.mutation.form
    if place.name in ("if", "br_if"):
        return _remember(op("i32.const", 1), flag)
    kept = temporaries.kept(place.takes)
    traps = op("i32.const", 0) if wrong.soft else would_trap(wrong, kept)
    ends = [temporaries.local("i32", _FIRST_RESULT + number) for number in range(2)]
    code = saved(kept) + would_trap(mutant.site.form, kept) + op("local.set", ends[0])
    code += traps + op("local.set", ends[1])
    either = b"".join(op("local.get", end) for end in ends)
    code += either + op("i32.or") + op("if") + bytes([CODES["i32"]]) + either + op("i32.ne")
    compare = _results if place.gives else _stores
    code += op("else") + compare(mutant, temporaries, kept) + op("end")
    return _remember(code, flag) + b"".join(op("local.get", index) for index in kept)


def _remember(code: bytes, flag: int) -> bytes:
    """`code` leaves whether the forms differ; the global remembers it."""
    code += op("i32.const", 1) + op("i32.shl") + op("i32.const", EXECUTED) + op("i32.or")
    return code + op("global.get", flag) + op("i32.or") + op("global.set", flag)


def _results(mutant: Mutant, temporaries: Temporaries, kept: list[int]) -> bytes:
    """Compute both, neither of which traps; leaves whether the results differ."""
    (kind,) = gives = mutant.site.place.gives
    code, results = b"", []
    for number, form in enumerate((mutant.site.form, mutant.mutation.form)):
        results.append(temporaries.local(kind, _FIRST_RESULT + 2 + number))
        code += computed(form, kept, gives) + op("local.set", results[-1])
    return code + differ(kind, results[0], results[1], _nans_alike(mutant))


def _nans_alike(mutant: Mutant) -> str:
    """The float type, or shape, of a result whose NaN may be any; empty where bits count."""
    family, _, verb = mutant.site.place.name.partition(".")
    row = mutant.site.row
    if row is None or row.width or verb.split("_")[0] in _COPIES:
        return ""
    return family if (family, *row.gives) in _COMPUTED else ""


def _stores(mutant: Mutant, temporaries: Temporaries, kept: list[int]) -> bytes:
    """Store wrongly, take it back, store rightly; leaves whether memory differs."""
    right, wrong = mutant.site.form, mutant.mutation.form
    accesses = [form.access for form in (wrong, right) if form.access]
    address, held = kept[0], [_cells(accesses, temporaries, turn) for turn in range(3)]
    code = _read(accesses, address, held[0]) + computed(wrong, kept, ())
    code += _read(accesses, address, held[1])
    for access, value in zip(accesses, held[0], strict=True):
        code += CELLS[access.width].write(address, access.offset, value)
    code += computed(right, kept, ()) + _read(accesses, address, held[2])
    code += op("i32.const", 0)
    for access, one, other in zip(accesses, held[1], held[2], strict=True):
        code += differ(CELLS[access.width].kind, one, other, "") + op("i32.or")
    return code


def _cells(accesses: Sequence[Access], temporaries: Temporaries, turn: int) -> list[int]:
    return [
        temporaries.local(CELLS[access.width].kind, _FIRST_RESULT + 2 + 2 * turn + number)
        for number, access in enumerate(accesses)
    ]


def _read(accesses: Sequence[Access], address: int, values: Sequence[int]) -> bytes:
    """Remember what is in memory."""
    return b"".join(
        CELLS[access.width].read(address, access.offset, value)
        for access, value in zip(accesses, values, strict=True)
    )

"""Tiny guests with one site to get wrong, and what watching or running it tells."""

from __future__ import annotations

import wasmtime

from lockstep.guest.wasm import Module
from tools.mutants.field import Field
from tools.mutants.rewrite import Mutant
from tools.mutants.stack import Context
from tools.mutants.subject import Subject
from tools.mutants.watch import Watch

WAT = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\08\\00\\00\\00")
  (data (i32.const 100) "\\80\\7f")
  (func $work (param $x i32) (result i32) (local $y i32) {work})
  (func (export "_start")
    (i32.store (i32.const 16) (call $work (i32.const 7)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""
"""The guest writes the result of `work` 7, and the four bytes behind it, which are 0."""

PAGE = 65536


def subject(work: str) -> Subject:
    """A guest whose function 1 is `work`."""
    module = Module.decode(bytes(wasmtime.wat2wasm(WAT.format(work=work))))
    return Subject("tiny", module, Context(module), (1,), (b"",))


def mutants(field: Field, text: str, after: str) -> list[Mutant]:
    """Those at the sites of this instruction that turn it into `after`."""
    found = [
        mutant
        for function, site in field.sites
        if site.text == text
        for mutant in field.at(function, site)
        if mutant.mutation.after == after
    ]
    assert found
    return found


def flags(work: str, text: str, after: str) -> int:
    """What a run tells of the only such mutant: executed (1), differed (2)."""
    tiny = subject(work)
    (mutant,) = mutants(Field(tiny), text, after)
    (flag,) = Watch(tiny.module, tiny.context, [mutant]).run(b"").flags
    return flag

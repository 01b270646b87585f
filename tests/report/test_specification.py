"""Every instruction has its section."""

from __future__ import annotations

import pytest

from lockstep.program.instructions import INSTRUCTIONS
from lockstep.report.specification import PLACES, section_of, sections

# fmt: off
STRUCTURE = (
    "block", "loop", "if", "br", "br_if", "br_table", "return", "unreachable", "call",
    "call_indirect", "return_call", "select", "drop", "local.get", "local.tee", "global.set",
    "memory.size", "memory.grow", "memory.fill", "memory.copy", "memory.init", "data.drop",
    "table.get", "table.grow", "table.init", "elem.drop", "ref.null", "ref.func",
)
# fmt: on


@pytest.mark.parametrize("op", [*INSTRUCTIONS, *STRUCTURE])
def test_an_instruction_has_a_section_that_records_may_name(op: str) -> None:
    section = section_of(op)
    assert section is not None
    assert section.place in PLACES
    assert section.url == f"https://webassembly.github.io/spec/core/{section.place}"


@pytest.mark.parametrize(
    ("op", "place"),
    [
        ("f32.abs", "exec/numerics.html#op-fabs"),
        ("f64.min", "exec/numerics.html#op-fmin"),
        ("i64.shl", "exec/numerics.html#op-ishl"),
        ("i64.div_u", "exec/numerics.html#integer-operations"),
        ("i32.extend8_s", "exec/numerics.html#integer-operations"),
        ("i64.extend_i32_u", "exec/numerics.html#conversions"),
        ("f32.convert_i64_u", "exec/numerics.html#conversions"),
        ("i32.trunc_sat_f32_s", "exec/numerics.html#conversions"),
        ("f32.demote_f64", "exec/numerics.html#op-demote"),
        ("v128.load32_zero", "exec/instructions.html#memory-instructions"),
        ("i16x8.shr_s", "exec/instructions.html#vector-instructions"),
        ("memory.grow", "exec/instructions.html#exec-memory-grow"),
    ],
)
def test_the_section_is_the_one_about_it(op: str, place: str) -> None:
    section = section_of(op)
    assert section is not None
    assert section.place == place


def test_a_section_is_named_once_and_nonsense_has_none() -> None:
    assert section_of("f32.nonsense") is None
    found = sections(["i32.div_s", "nonsense", "i64.rem_u", "i32.load"])
    assert [section.title for section in found] == ["Integer Operations", "Memory Instructions"]

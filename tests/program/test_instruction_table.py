"""The table of instructions as such."""

import re

import pytest
import wasmtime
from operand_guest import operand_types
from operand_jobs import trapping

from lockstep.guest.wasm.opcodes import OPCODES, SATURATING, SIGN_EXTENSION, SIMD, Kind
from lockstep.program.instructions import INSTRUCTIONS, Immediate, Instruction
from lockstep.program.writer import opcode
from lockstep.runtimes import traps

ROWS = list(INSTRUCTIONS.values())
STRUCTURE = {*range(0x28), 0x3F, 0x40, *range(0x41, 0x45), *range(0xD0, 0xD3), 0xFD000C}


def by_name(row: Instruction) -> str:
    return row.name


def test_every_instruction_that_computes_or_touches_memory_has_one_row() -> None:
    bulk = set(range(0xFC0008, 0xFC0012))
    opcodes = [row.opcode for row in ROWS]
    assert len(set(opcodes)) == len(opcodes) == len(INSTRUCTIONS)
    assert set(opcodes) == set(OPCODES) - STRUCTURE - bulk
    assert {row.feature for row in ROWS} == {"", SIGN_EXTENSION, SATURATING, SIMD}


def immediates(row: Instruction) -> tuple[str, list[int], tuple[Kind, ...]]:
    """As text, as bytes, and as the table of opcodes knows them."""
    match row.immediate:
        case Immediate.MEMORY:
            return "offset=5", [row.width.bit_length() - 1, 5], (Kind.MEMORY_ARGUMENT,)
        case Immediate.MEMORY_LANE:
            lane = row.lanes - 1
            align = row.width.bit_length() - 1
            return f"offset=5 {lane}", [align, 5, lane], (Kind.MEMORY_ARGUMENT, Kind.LANE)
        case Immediate.LANE:
            return f"{row.lanes - 1}", [row.lanes - 1], (Kind.LANE,)
        case Immediate.LANES:
            return " ".join(map(str, range(16, 32))), list(range(16, 32)), (Kind.V128,)
        case _:
            return "", [], ()


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_name_types_opcode_and_immediates_are_those_of_another_parser(row: Instruction) -> None:
    text, numbers, kinds = immediates(row)
    operands = " ".join(f"(local.get {at})" for at in range(len(row.takes)))
    module = wasmtime.wat2wasm(
        f"(module (memory 1) (func (param {' '.join(row.takes)}) (result {' '.join(row.gives)})"
        f" ({row.name} {text} {operands})))"
    )
    wasmtime.Module.validate(wasmtime.Engine(), module)
    assert opcode(row.opcode) + bytes(numbers) + b"\x0b" in bytes(module)
    assert OPCODES[row.opcode].immediates == kinds


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_results_are_bit_patterns_of_their_type(row: Instruction) -> None:
    widths = {"i32": 32, "i64": 64, "f32": 32, "f64": 64, "v128": 128}
    taken = [t * 8 if isinstance(t, int) else widths[t] for t in operand_types(row)]
    lanes = [0] * {Immediate.LANES: 16, Immediate.NONE: 0, Immediate.MEMORY: 0}.get(
        row.immediate, 1
    )
    given = widths[row.gives[0]] if row.gives else row.width * 8
    for pattern in (1, 0x4B, int("3b" * 16, 16), int("7f" * 16, 16), int("40" * 16, 16)):
        operands = [pattern & (1 << bits) - 1 for bits in taken]
        if row.name.startswith(("i32.trunc_f", "i64.trunc_f")):
            operands = [0x3F800000 if taken == [32] else 0x3FF0000000000000]
        assert 0 <= row.run(*operands, *lanes) < 1 << given


def test_a_row_says_which_traps_its_operands_can_give() -> None:
    pure = {row.name: set(row.traps) for row in ROWS if row.traps and not row.width}
    found: dict[str, set[str]] = {}
    for case in trapping(seed=1, each=1):
        with pytest.raises(Exception, match="integer") as caught:
            case.expected()
        found.setdefault(case.row.name, set()).add(str(caught.value))
    assert found == pure
    assert all(re.search(r"\.(div|rem|trunc)_", name) for name in pure)
    assert {kind for row in ROWS for kind in row.traps} <= traps.KINDS
    assert all((row.traps == (traps.MEMORY,)) == bool(row.width) for row in ROWS)

"""The binary format: what engines accept is read, the rest is refused with its place."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from lockstep.errors import GuestError
from lockstep.guest.wasm import (
    Export,
    External,
    FunctionType,
    Limits,
    Module,
    SectionId,
    binary,
    entries,
    features,
    instructions,
    read_file,
)
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.opcodes import OPCODES, Kind

MANY = 5_000
HEADER = b"\0asm\1\0\0\0"

LATER = (
    *("custom_page_sizes", "exceptions", "function_references", "gc", "memory64", "multi_memory"),
    *("relaxed_simd", "stack_switching", "threads", "wide_arithmetic"),
)

EVERYTHING = """
(module
  (type $pair (func (param i32 f64) (result i32 i64)))
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (func $pair (type $pair) (local v128 i64) (i32.const -7) (i64.const 1))
  (func $indirect (param i32) (call_indirect $t (type $pair)
    (i32.const 0) (f64.const 1) (local.get 0)) (drop) (drop))
  (func $copy (memory.init $bytes (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $bytes)
    (block (result i32 i64) (i32.const 1) (f64.const 2) (call $pair)) (drop) (drop)
    (block $a (block $b (br_table $a $b $a (global.get $base)))))
  (table $t 4 9 funcref)
  (memory (export "memory") 2 3)
  (global $counter (mut i64) (i64.const -1))
  (export "pair" (func $pair)) (export "counter" (global $counter)) (export "t" (table $t))
  (start $copy)
  (elem (table $t) (i32.const 0) func $pair $log)
  (elem $later func $copy)
  (elem declare func $indirect)
  (elem (table $t) (i32.const 2) funcref (ref.func $pair) (ref.null func))
  (data (i32.const 16) "active")
  (data $bytes "passive"))
"""


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def section(id_: int, data: bytes) -> bytes:
    return bytes([id_]) + binary.sized(data)


def fault_of(data: bytes, *, read: SectionId | None = None) -> str:
    with pytest.raises(GuestError) as caught:
        read_all(data) if read is None else Module.decode(data).entries(read, Reader.u32)
    return caught.value.message


def read_all(data: bytes) -> None:
    """Decode whatever can be decoded."""
    module = Module.decode(data)
    module.customs(), module.memories(), module.exports(), module.data_count()
    module.signature(0)
    for id_, walk in entries.WALKS.items():
        module.entries(id_, exhausted(walk))
        module.space(id_)
    features(module)


def exhausted(walk: entries.Walk) -> Callable[[Reader], int]:
    return lambda reader: sum(1 for _ in walk(reader))


class TestNumbers:
    @given(st.integers(0, 2**32 - 1))
    def test_an_unsigned_number_comes_back(self, value: int) -> None:
        reader = Reader(binary.u32(value), "m")
        assert (reader.u32(), reader.done) == (value, True)

    @given(st.integers(-(2**63), 2**63 - 1))
    def test_a_signed_number_comes_back(self, value: int) -> None:
        reader = Reader(binary.signed(value), "m")
        assert (reader.signed(64), reader.done) == (value, True)

    @pytest.mark.parametrize(
        ("encoded", "value"),
        [("00", 0), ("8000", 0), ("8080808000", 0), ("ffffffff0f", 2**32 - 1), ("e58e26", 624485)],
    )
    def test_padded_unsigned_numbers_are_read(self, encoded: str, value: int) -> None:
        assert Reader(bytes.fromhex(encoded), "m").u32() == value

    @pytest.mark.parametrize("encoded", ["", "80", "ffffffff1f", "808080808000", "ffffffffff01"])
    def test_unsigned_numbers_cut_short_or_too_large_are_refused(self, encoded: str) -> None:
        with pytest.raises(GuestError):
            Reader(bytes.fromhex(encoded), "m").u32()

    @pytest.mark.parametrize(
        ("encoded", "value"),
        [("7f", -1), ("ff7f", -1), ("40", -64), ("c000", 64), ("8080808078", -(2**31))],
    )
    def test_signed_numbers_are_read_as_twos_complement(self, encoded: str, value: int) -> None:
        assert Reader(bytes.fromhex(encoded), "m").signed(32) == value

    @pytest.mark.parametrize("encoded", ["8080808008", "8080808077", "808080808000"])
    def test_signed_numbers_of_more_bits_are_refused(self, encoded: str) -> None:
        with pytest.raises(GuestError):
            Reader(bytes.fromhex(encoded), "m").signed(32)


class TestModule:
    def test_a_module_is_encoded_to_the_bytes_it_came_from(self) -> None:
        data = wasm(EVERYTHING)
        assert Module.decode(data).encode() == data

    def test_sections_say_where_they_lie(self) -> None:
        data = wasm(EVERYTHING)
        for found in Module.decode(data).sections:
            assert data[found.offset : found.offset + len(found.data)] == found.data

    def test_declarations_are_read(self) -> None:
        module = Module.decode(wasm(EVERYTHING))
        pair = FunctionType(b"\x7f\x7c", b"\x7f\x7e")
        assert module.types()[0] == pair
        assert module.signature(1) == pair
        assert module.signature(0) == FunctionType(b"\x7f", b"")
        assert module.signature(4) is None
        assert [(i.module, i.name, i.kind) for i in module.imports()] == [
            ("env", "log", External.FUNCTION),
            ("env", "base", External.GLOBAL),
        ]
        assert module.memories() == [Limits(2, 3)]
        assert module.export(External.FUNCTION, "pair") == Export("pair", External.FUNCTION, 1)
        assert module.export(External.MEMORY, "pair") is None
        assert module.data_count() == 2
        assert [module.space(SectionId.FUNCTION), module.space(SectionId.GLOBAL)] == [4, 2]
        assert "name" in module.customs()

    def test_imported_memories_and_tables_are_read_with_their_limits(self) -> None:
        module = Module.decode(
            wasm('(module (import "a" "m" (memory 1)) (import "a" "t" (table 2 3 externref)))')
        )
        assert module.memories() == [Limits(1, None)]
        assert module.imports()[1].limits == Limits(2, 3)

    @given(st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**32 - 1))
    def test_limits_come_back(self, minimum: int, maximum: int | None) -> None:
        limits = Limits(minimum, maximum)
        assert Limits.read(Reader(limits.encode(), "m")) == limits

    def test_bodies_are_found_where_they_lie(self) -> None:
        data = wasm("(module (func (nop)) (func (local i32) (unreachable)))")
        bodies = Module.decode(data).bodies()
        assert [body.data.hex() for body in bodies] == ["00010b", "01017f000b"]
        assert [data[body.offset :][: len(body.data)] for body in bodies] == [
            b.data for b in bodies
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "is empty"),
            (b"\0asm", "is cut short"),
            (b"\0asm\x0d\0\1\0", "a WebAssembly component, not a core module"),
            (b"\0asm\2\0\0\0", "of another version (02 00 00 00)"),
            (b"  (module)", "is WebAssembly text"),
            (b";; text", "is WebAssembly text"),
            (b"\x7fELF\2\1\1\0\0\0", "begins with b'\\x7fELF\\x02\\x01\\x01\\x00'"),
        ],
    )
    def test_what_is_no_core_module_is_called_by_its_name(self, data: bytes, words: str) -> None:
        assert words in fault_of(data)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"\x0d\0", "unknown section 13 at byte 8"),
            (b"\1\x05\0", "5 bytes are announced where 1 are left at byte 10"),
            (b"\1", "ends too early at byte 9"),
            (section(3, b"\0") + section(1, b"\0"), "the type section is out of order at byte 11"),
            (section(1, b"\0") * 2, "the type section is out of order at byte 11"),
            (section(1, b"\1\x5f"), "unknown type 0x5f at byte 11"),
            (section(1, b"\1\x60\1\x60\0"), "unknown value type 0x60 at byte 13"),
            (section(1, b"\0\0"), "1 bytes too many at byte 11"),
            (section(2, b"\1\0\0\4\0"), "unknown kind of import 4 at byte 13"),
            (section(2, b"\1\1\xff\0\0\0"), "a name is not UTF-8 at byte 11"),
            (section(5, b"\1\3\1\1"), "limits of an unknown kind (3) at byte 11"),
            (section(4, b"\1\x7f\0\0"), "unknown reference type 0x7f at byte 11"),
            (section(6, b"\1\x7f\2"), "unknown flags 2 at byte 12"),
            (section(9, b"\1\x08"), "unknown flags 8 at byte 11"),
            (section(11, b"\1\3"), "unknown flags 3 at byte 11"),
            (section(7, b"\1\0\x05\0"), "unknown kind of export 5 at byte 12"),
            (section(3, b"\1\0"), "0 bodies for another number of functions"),
            (section(3, b"\1\0") + section(10, b"\1\3\0\x06\x0b"), "instruction 0x06 at byte 17"),
            (section(3, b"\1\0") + section(10, b"\1\3\0\x0b\x0b"), "1 bytes too many at byte 18"),
            (section(3, b"\1\0") + section(10, b"\1\2\0\x02"), "ends too early at byte 18"),
        ],
    )
    def test_a_fault_is_named_with_its_byte(self, data: bytes, words: str) -> None:
        assert words in fault_of(HEADER + data)

    @pytest.mark.parametrize("id_", sorted({*SectionId} - {SectionId.CUSTOM, SectionId.START}))
    def test_a_count_that_lies_costs_nothing(self, id_: SectionId) -> None:
        data = HEADER + section(id_, b"\xff\xff\xff\xff\x0f")
        if id_ is not SectionId.DATA_COUNT:
            assert "4294967295 entries are announced at byte 10" in fault_of(data, read=id_)
        assert Module.decode(data).count(id_) == 2**32 - 1

    def test_custom_sections_without_end_are_refused(self) -> None:
        assert "more than 1000 sections" in fault_of(HEADER + section(0, b"\0") * 1001)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("absent.wasm", "No such file"),
            (".", "is not a regular file"),
            ("/dev/zero", "is not a regular file"),
            ("a\0b", "cannot be read"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_named(
        self, tmp_path: Path, name: str, words: str
    ) -> None:
        with pytest.raises(GuestError, match=re.escape(words)):
            read_file(tmp_path / name)

    def test_a_file_that_is_too_large_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "large.wasm"
        with path.open("wb") as file:
            file.truncate((64 << 20) + 1)
        with pytest.raises(GuestError, match="64 MiB"):
            read_file(path)


class TestHostileBytes:
    @given(st.binary(max_size=400))
    def test_garbage_behind_a_header_is_refused_or_read(self, garbage: bytes) -> None:
        with suppress(GuestError):
            read_all(HEADER + garbage)

    @given(st.sampled_from(sorted(SectionId)), st.binary(max_size=200), st.binary(max_size=100))
    def test_garbage_in_a_section_is_refused_or_read(
        self, id_: SectionId, garbage: bytes, code: bytes
    ) -> None:
        functions = b"" if id_ in (1, 2) else section(3, b"\1\0")
        before, after = section(id_, garbage), section(10, b"\1" + binary.sized(code))
        with suppress(GuestError):
            read_all(HEADER + (functions + before if id_ > 3 else before + functions) + after)

    @given(st.data())
    def test_a_module_with_changed_bytes_is_refused_or_read(self, data: st.DataObject) -> None:
        module = bytearray(wasm(EVERYTHING))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(8, len(module) - 1))
            module[place] = data.draw(st.integers(0, 255))
        with suppress(GuestError):
            read_all(bytes(module))

    def test_a_module_cut_short_anywhere_is_refused_or_read(self) -> None:
        module = wasm(EVERYTHING)
        whole = {found.offset + len(found.data) for found in Module.decode(module).sections}
        for size in range(len(module)):
            if size in whole | {8}:
                with suppress(GuestError):
                    read_all(module[:size])
            else:
                fault_of(module[:size])

    @pytest.mark.parametrize(
        "data",
        [
            section(1, b"\1\x60" + binary.sized(b"\x7f" * MANY) + b"\0"),
            section(1, binary.u32(MANY) + b"\x60\0\0" * MANY),
            section(2, binary.u32(MANY) + b"\0\0\0\0" * MANY),
            section(3, binary.u32(MANY) + b"\0" * MANY),
            section(6, binary.u32(MANY) + b"\x7f\0\x0b" * MANY),
            section(7, binary.u32(MANY) + b"\0\0\0" * MANY),
            section(9, b"\1\0\x0b" + binary.u32(MANY) + b"\0" * MANY),
            section(11, binary.u32(MANY) + b"\1\0" * MANY),
            section(3, b"\1\0")
            + section(10, b"\1" + binary.sized(b"\0\x0e" + binary.u32(MANY) + bytes(MANY + 1))),
            section(3, b"\1\0")
            + section(10, b"\1" + binary.sized(binary.u32(MANY) + b"\1\x7f" * MANY + b"\x0b")),
        ],
        ids=lambda data: f"section {data[0]}",
    )
    def test_many_small_things_take_little_memory(self, data: bytes) -> None:
        tracemalloc.start()
        with suppress(GuestError):
            read_all(HEADER + data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 100 * len(data)

    def test_nesting_without_end_needs_no_stack(self) -> None:
        code = b"\0" + b"\2\x40" * 20_000
        data = HEADER + section(3, b"\1\0") + section(10, b"\1" + binary.sized(code))
        assert "ends too early" in fault_of(data)


@cache
def with_all_spaces() -> bytes:
    return wasm("""
(module (type (func)) (type (func (param i32)))
  (import "e" "f" (func)) (memory 1) (table 1 funcref) (global (mut i32) (i32.const 0))
  (func (local i32) (data.drop $d)) (elem $e func 0) (data $d "x"))
""")


def operands(opcode: int) -> bytes:
    """Immediates that are valid for every instruction that has such."""
    plain = {Kind.BLOCK: b"\x40", Kind.LABELS: b"\1\0\0", Kind.F32: bytes(4), Kind.F64: bytes(8)}
    plain |= {Kind.V128: bytes(16), Kind.REFERENCE: b"\x70", Kind.VALUE_TYPES: b"\1\x7f"}
    plain |= {Kind.MEMORY_ARGUMENT: b"\0\0"}
    return b"".join(plain.get(kind, b"\0") for kind in OPCODES[opcode].immediates)


def encoded(opcode: int) -> bytes:
    if opcode < 256:
        return bytes([opcode])
    return bytes([opcode >> 16]) + binary.u32(opcode & 0xFFFF)


def example(opcode: int) -> bytes:
    """Code that holds the instruction, closed where it opens a block."""
    if opcode in (0x05, 0x0B):
        return b"\4\x40\0" + encoded(opcode) + b"\0\x0b" * (opcode == 0x05)
    return encoded(opcode) + operands(opcode) + b"\0\x0b" * (2 <= opcode <= 4)


def candidates() -> Iterator[int]:
    yield from (code for code in range(256) if code not in (0xFB, 0xFC, 0xFD, 0xFE))
    yield from (0xFC0000 + number for number in range(0x20))
    yield from (0xFD0000 + number for number in range(0x120))


@cache
def engine() -> wasmtime.Engine:
    """WebAssembly 2.0 and tail calls, and nothing later."""
    config = wasmtime.Config()
    config.wasm_tail_call = True
    for name in LATER:
        setattr(config, f"wasm_{name}", False)
    return wasmtime.Engine(config)


def validates(module: bytes) -> bool:
    try:
        wasmtime.Module.validate(engine(), module)
    except wasmtime.WasmtimeError:
        return False
    return True


def body_with(code: bytes) -> bytes:
    """The module above, with `code` and unreachable code around it as the function's body."""
    module = Module.decode(with_all_spaces())
    body = b"\1\1\x7f\0" + code + b"\0\x0b"
    parts = [
        section(s.id, b"\1" + binary.sized(body) if s.id is SectionId.CODE else s.data)
        for s in module.sections
    ]
    return HEADER + b"".join(parts)


class TestInstructions:
    def test_each_instruction_is_as_long_as_an_engine_thinks(self) -> None:
        for opcode in OPCODES:
            code = example(opcode)
            assert validates(body_with(code)), hex(opcode)
            walked = list(instructions(Reader(b"\0" + code + b"\0\x0b", "m")))
            assert opcode in [found.opcode for found in walked], hex(opcode)
            assert walked[-2:] == [(len(code) + 1, 0, ()), (len(code) + 2, 0x0B, ())]

    def test_no_other_instruction_is_known_to_an_engine(self) -> None:
        for opcode in {*candidates()} - {*OPCODES}:
            codes = [encoded(opcode) + bytes(zeros) for zeros in (0, 1, 2, 16)]
            assert not any(validates(body_with(code)) for code in codes), hex(opcode)

    def test_immediates_say_what_and_where_they_are(self) -> None:
        data = bytes.fromhex("41ff7e 11e40003 0e02050607 280290 01 0b")
        walked = list(instructions(Reader(data, "m", base=100)))
        assert [found.offset for found in walked] == [100, 103, 107, 112, 116]
        constant, call, table, load, _ = (found.immediates for found in walked)
        assert constant == ((Kind.I32, 1, 3, -129),)
        assert call == ((Kind.TYPE, 4, 6, 100), (Kind.TABLE, 6, 7, 3))
        assert table == ((Kind.LABELS, 8, 12, 3),)
        assert load == ((Kind.MEMORY_ARGUMENT, 13, 16, 144),)

    def test_the_walk_ends_with_the_expression(self) -> None:
        reader = Reader(bytes.fromhex("02400b 0b ff"), "m")
        assert [found.opcode for found in instructions(reader)] == [0x02, 0x0B, 0x0B]
        assert reader.at == 4

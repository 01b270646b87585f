"""What a module needs is seen, and what no guest may need is refused by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import wasmtime

from lockstep.errors import GuestError
from lockstep.guest import catalog
from lockstep.guest.audit import Audit, audit, require_guest
from lockstep.guest.wasm import Limits

WASI = "wasi_snapshot_preview1"
CALL = "(func (param i32 i32 i32 i32) (result i32))"
IMPORTS = f"""
(import "{WASI}" "fd_read" {CALL})
(import "{WASI}" "fd_write" {CALL})
(import "{WASI}" "proc_exit" (func (param i32)))
"""
START = '(func (export "_start"))'
MEMORY = '(memory (export "memory") 2 2)'
APPLY = '(func (export "lockstep_apply") (param i32 i32 i32 i32))'


def wasm(*parts: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"(module {' '.join(parts)})"))


def refusal(source: bytes | Path) -> GuestError:
    with pytest.raises(GuestError) as caught:
        require_guest(source)
    return caught.value


class TestAudit:
    def test_a_guest_is_described(self) -> None:
        module = wasm(IMPORTS, MEMORY, START, APPLY)
        found = audit(module)
        assert found.imports == tuple(f"{WASI}.{n}" for n in ("fd_read", "fd_write", "proc_exit"))
        assert found.exports == ("memory", "_start", "lockstep_apply")
        assert (found.surplus, found.missing, found.features) == ((), (), ())
        assert (found.memory, found.memory_fixed) == (Limits(2, 2), True)
        assert (found.table, found.start, found.application) == (False, False, True)
        assert found.size == len(module)
        assert found.sha256 == hashlib.sha256(module).hexdigest()
        assert [name for name, _ in found.sections][:3] == ["type", "import", "function"]
        require_guest(module)

    def test_what_a_guest_need_not_have_is_seen(self) -> None:
        found = audit(
            wasm(
                '(memory (export "m") 1 5) (table 1 funcref) (func $f) (start $f) (@custom "note")'
            )
        )
        assert (found.memory, found.memory_fixed) == (Limits(1, 5), False)
        assert (found.table, found.start, found.application) == (True, True, False)
        assert len(found.missing) == 2
        assert "note" in found.customs

    def test_an_imported_memory_and_table_count(self) -> None:
        found = audit(wasm('(import "e" "m" (memory 3)) (import "e" "t" (table 1 funcref))'))
        assert (found.memory, found.memory_fixed, found.table) == (Limits(3), False, True)
        assert found.surplus == ("e.m", "e.t")

    @pytest.mark.parametrize(
        ("memory", "words"),
        [
            ("", "none"),
            ("(memory 2 2)", "2 pages, fixed"),
            ("(memory 2 9)", "2 pages, growing up to 9"),
            ("(memory 2)", "2 pages, growing without end"),
        ],
    )
    def test_people_read_it_line_by_line(self, memory: str, words: str) -> None:
        lines = dict(audit(wasm(memory, START)).lines())
        assert lines["memory"] == words
        assert lines["imports"] == "none"
        assert lines["exports"] == "_start"
        assert lines["missing exports"] == "a memory `memory`"
        assert lines["start function"] == "no"


class TestFeatures:
    @pytest.mark.parametrize(
        ("part", "feature"),
        [
            ("(func (drop (i32.extend8_s (i32.const 0))))", "sign-extension"),
            ("(func (drop (i32.trunc_sat_f64_u (f64.const 0))))", "saturating-float-to-int"),
            ("(memory 1) (data $d) (func (data.drop $d))", "bulk-memory"),
            ('(data "passive")', "bulk-memory"),
            ("(table 1 funcref) (func $f) (elem func $f)", "bulk-memory"),
            ("(func (result i32 i32) (i32.const 0) (i32.const 0))", "multi-value"),
            ("(func (i32.const 0) (block (param i32) (drop)))", "multi-value"),
            ("(func (param externref))", "reference-types"),
            ("(func (local funcref))", "reference-types"),
            ("(table 1 funcref) (table 1 funcref)", "reference-types"),
            ("(table 1 funcref) (elem (i32.const 0) funcref (ref.null func))", "reference-types"),
            ("(func (local v128))", "simd"),
            ("(func (drop (v128.const i64x2 0 0)))", "simd"),
            ("(func (return_call 0))", "tail-call"),
            ('(global (export "g") (mut i32) (i32.const 0))', "mutable-globals"),
            ('(import "e" "g" (global (mut i32)))', "mutable-globals"),
        ],
    )  # fmt: skip
    def test_a_feature_is_named(self, part: str, feature: str) -> None:
        assert audit(wasm(part)).features == (feature,)

    def test_the_first_version_has_none(self) -> None:
        found = audit(
            wasm(
                '(global (mut f32) (f32.const 1)) (global (export "g") i32 (i32.const 1))'
                '(memory 1) (data (i32.const 0) "x")'
                "(table 2 2 funcref) (elem (i32.const 0) func 0)"
                "(func (param f64) (result i32) (block (result i32)"
                "  (call_indirect (param f64) (result i32) (local.get 0) (i32.const 0))))"
            )
        )
        assert found.features == ()

    def test_a_padded_table_index_is_not_of_the_first_version(self) -> None:
        plain = wasm("(table 1 funcref) (func (call_indirect (i32.const 0)))")
        call, padded = b"\x11\0\0\x0b", b"\x11\0\x80\x80\x80\x80\0\x0b"
        changed = bytearray(plain.replace(call, padded))
        for size_at in (4, 6):  # of the body and of the section: size | count | size | locals | i32
            changed[plain.index(call) - size_at] += len(padded) - len(call)
        assert audit(plain).features == ()
        assert wasmtime.Module(wasmtime.Engine(), bytes(changed))
        assert audit(bytes(changed)).features == ("reference-types",)


class TestRefusals:
    def test_every_surplus_import_is_named_with_the_remedy(self) -> None:
        error = refusal(
            wasm(
                IMPORTS,
                f'(import "{WASI}" "clock_time_get" (func (param i32 i64 i32) (result i32)))',
                '(import "env" "shared" (global i32))',
                MEMORY,
                START,
            )
        )
        assert f"{WASI}.clock_time_get, env.shared" in error.message
        assert "fd_read" not in error.message
        assert "seal it" in str(error.hint)

    @pytest.mark.parametrize(
        "part",
        [
            f'(import "{WASI}" "fd_read" (func (param i32 i32 i32) (result i32)))',
            f'(import "{WASI}" "proc_exit" (func (param i32) (result i32)))',
        ],
    )
    def test_an_import_of_another_signature_is_refused(self, part: str) -> None:
        assert "with another signature" in refusal(wasm(part, MEMORY, START)).message

    @pytest.mark.parametrize(
        "part",
        [
            f'(import "{WASI}" "fd_read" (global i32))',
            '(import "wasi_unstable" "fd_read" (func))',
            f'(import "{WASI}" "fd_close" {CALL})',
        ],
    )
    def test_an_import_of_another_kind_or_name_is_surplus(self, part: str) -> None:
        assert "imports what no guest may" in refusal(wasm(part, MEMORY, START)).message

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            ((MEMORY,), "does not export a function `_start`"),
            ((START,), "does not export a memory `memory`"),
            ((), "`_start` without parameters and results and a memory `memory`"),
            (('(func (export "_start") (param i32))', MEMORY), "a function `_start`"),
            (('(global (export "_start") i32 (i32.const 0))', MEMORY), "a function `_start`"),
            ((START, '(func (export "memory"))'), "a memory `memory`"),
        ],
    )
    def test_a_missing_export_is_named(self, parts: tuple[str, ...], words: str) -> None:
        error = refusal(wasm(*parts))
        assert words in error.message
        assert error.hint

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "is empty"),
            (b"#!/bin/sh\n", "begins with b'#!/bin/s'"),
            (b"(module)", "WebAssembly text"),
            (b"\0asm\x0d\0\1\0", "a WebAssembly component"),
        ],
    )
    def test_a_file_that_is_no_module_is_refused_with_its_path(
        self, tmp_path: Path, content: bytes, words: str
    ) -> None:
        path = tmp_path / "guest.wasm"
        path.write_bytes(content)
        error = refusal(path)
        assert words in error.message
        assert error.message.startswith(f"{path}: ")

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        assert "cannot be read: No such file" in refusal(tmp_path / "absent.wasm").message


@pytest.fixture(scope="module")
def hotstuff() -> Audit:
    guest = catalog.find("hotstuff")
    require_guest(guest.path)
    return audit(guest.path)


class TestShippedHotStuff:
    def test_it_imports_exactly_the_three(self, hotstuff: Audit) -> None:
        assert sorted(hotstuff.imports) == [
            f"{WASI}.{name}" for name in ("fd_read", "fd_write", "proc_exit")
        ]
        assert hotstuff.surplus == hotstuff.missing == ()

    def test_it_uses_nothing_beyond_the_first_version(self, hotstuff: Audit) -> None:
        assert hotstuff.features == ()

    def test_it_is_small(self, hotstuff: Audit) -> None:
        assert hotstuff.size < 200_000

    def test_its_memory_is_fixed_and_below_4_mib(self, hotstuff: Audit) -> None:
        assert hotstuff.memory is not None
        assert hotstuff.memory_fixed
        assert hotstuff.memory.minimum * 65536 < 4 << 20

    def test_a_program_can_be_grafted(self, hotstuff: Audit) -> None:
        assert (hotstuff.table, hotstuff.start, hotstuff.application) == (False, False, True)

    def test_it_carries_no_custom_section(self, hotstuff: Audit) -> None:
        assert hotstuff.customs == ()

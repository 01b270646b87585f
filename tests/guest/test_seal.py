"""Sealing: the three imports stay, all others are answered, the same everywhere."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from driving import drive

from lockstep.errors import GuestError
from lockstep.guest import answers, audit
from lockstep.guest.seal import MEMORY_PAGES, seal
from lockstep.guest.wasm import Module, Section, SectionId, binary
from lockstep.guest.wasm.module import ORDER

WASI = "wasi_snapshot_preview1"
I32, I64 = b"\x7f", b"\x7e"
SIGNATURES = {
    "proc_exit": (I32, b""),
    "args_sizes_get": (I32 * 2, I32),
    "fd_write": (I32 * 4, I32),
    "clock_time_get": (I32 + I64 + I32, I32),
    "random_get": (I32 * 2, I32),
    "poll_oneoff": (I32 * 4, I32),
    "fd_read": (I32 * 4, I32),
    "path_open": (I32 * 5 + I64 * 2 + I32 * 2, I32),
    "sched_yield": (b"", I32),
    "thread_kill": (I32, b""),
}


def listed(*items: bytes) -> bytes:
    return binary.u32(len(items)) + b"".join(items)


def module(
    imports: Sequence[str], code: str, *, pages: bytes = b"\0\2", source: str = WASI
) -> bytes:
    """A command that imports these, in this order, and whose start runs `code`.

    In `code` `call NAME` calls an import; global `clock` is its own, and starts as 7.
    """
    names = sorted(set(imports))
    types = [b"\x60" + binary.sized(p) + binary.sized(r) for p, r in map(SIGNATURES.get, names)]  # type: ignore[misc]
    entries = [
        binary.sized(source.encode())
        + binary.sized(name.encode())
        + b"\0"
        + binary.u32(names.index(name))
        for name in imports
    ]
    for index, name in reversed(list(enumerate(imports))):
        code = code.replace(f"call {name}", f"call {index}")
    own = len(imports)
    contents = {
        SectionId.TYPE: listed(*types, b"\x60\0\0"),
        SectionId.IMPORT: listed(*entries),
        SectionId.FUNCTION: listed(binary.u32(len(names))),
        SectionId.TABLE: b"\1\x70\0\1",
        SectionId.MEMORY: b"\1" + pages,
        SectionId.GLOBAL: listed(b"\x7e\1\x42\7\x0b"),
        SectionId.EXPORT: listed(b"\6_start\0" + binary.u32(own), b"\6memory\2\0"),
        SectionId.ELEMENT: listed(b"\0\x41\0\x0b" + listed(binary.u32(0))),
        SectionId.CODE: listed(binary.sized(answers.body(code, {"clock": 0, "random": 0}))),
    }
    present = [Section(id_, contents[id_]) for id_ in ORDER if id_ in contents]
    custom = Section(SectionId.CUSTOM, b"\4note!")
    return Module("test", (custom, *present)).encode()


def tells(count: int) -> str:
    """Code that writes `count` bytes from place 64 to stdout, and its errno to place 20."""
    return f"""
        i32.const 8  i32.const 64  i32.store 0  i32.const 12  i32.const {count}  i32.store 0
        i32.const 20  i32.const 1  i32.const 8  i32.const 1  i32.const 16  call fd_write
        i32.store 0
    """


def run(tmp_path: Path, imports: Sequence[str], code: str, count: int) -> bytes:
    """What the sealed command has at place 64 when it has run `code`."""
    path = tmp_path / "sealed.wasm"
    path.write_bytes(seal(module(imports, code + tells(count))))
    audit.require_guest(path)
    found = drive(path, [])
    assert (found.trap, found.code) == ("", None)
    return found.output


def test_only_what_a_guest_may_import_is_left_and_nothing_that_names_tools() -> None:
    sealed = audit.audit(seal(module(list(SIGNATURES), tells(0))))
    assert sealed.surplus == sealed.missing == sealed.customs == ()
    assert set(sealed.imports) == {f"{WASI}.{n}" for n in ("proc_exit", "fd_write", "fd_read")}
    assert sealed.memory_fixed
    assert sealed.memory is not None
    assert sealed.memory.minimum == MEMORY_PAGES


def test_there_are_no_arguments_and_no_files(tmp_path: Path) -> None:
    nine = "i32.const 0  " * 5 + "i64.const 0  " * 2 + "i32.const 0  " * 2
    code = f"""
        i32.const 64  i32.const 5  i32.store 0  i32.const 68  i32.const 5  i32.store 0
        i32.const 72  i32.const 64  i32.const 68  call args_sizes_get  i32.store 0
        i32.const 76  {nine} call path_open  i32.store 0
    """
    answered = run(tmp_path, ("path_open", "args_sizes_get", "fd_write"), code, 16)
    assert struct.unpack("<4I", answered) == (0, 0, 0, 8)


def test_a_clock_counts_its_readers_and_what_is_slept(tmp_path: Path) -> None:
    look = (
        "i32.const 120  i32.const 0  i64.const 0  i32.const {} call clock_time_get  i32.store 0  "
    )
    sleep = """
        i32.const 208  i32.const 0  i32.store 0  i32.const 224  i64.const 5000000  i64.store 0
        i32.const 116  i32.const 7  i32.store 0
        i32.const 120  i32.const 200  i32.const 300  i32.const 1  i32.const 116  call poll_oneoff
        i32.store 0
    """
    code = look.format(64) + look.format(72) + sleep + look.format(80)
    answered = run(tmp_path, ("poll_oneoff", "fd_write", "clock_time_get"), code, 60)
    first, second, third = struct.unpack("<3Q", answered[:24])
    assert first == answers.CLOCK_START_NS + 1000
    assert (second - first, third - second) == (1000, 5_000_000 + 1000)
    assert struct.unpack("<2I", answered[52:]) == (0, 0)  # no event, no error


def test_a_clock_that_is_set_to_a_time_is_not_set_back(tmp_path: Path) -> None:
    until = """
        i32.const 208  i32.const 0  i32.store 0  i32.const 224  i64.const {}  i64.store 0
        i32.const 240  i32.const 1  i32.store 0
        i32.const 120  i32.const 200  i32.const 300  i32.const 1  i32.const 116  call poll_oneoff
        i32.store 0
    """
    look = (
        "i32.const 120  i32.const 0  i64.const 0  i32.const {} call clock_time_get  i32.store 0  "
    )
    code = until.format(9_000_000_000) + look.format(64) + until.format(1) + look.format(72)
    answered = run(tmp_path, ("poll_oneoff", "fd_write", "clock_time_get"), code, 16)
    assert struct.unpack("<2Q", answered) == (9_000_001_000, 9_000_002_000)


def test_random_numbers_are_the_same_each_time_and_not_alike(tmp_path: Path) -> None:
    code = """
        i32.const 60  i32.const 64  i32.const 32  call random_get  i32.store 0
        i32.const 60  i32.const 96  i32.const 32  call random_get  i32.store 0
    """
    imports = ("fd_write", "random_get")
    answered = run(tmp_path, imports, code, 64)
    assert answered == run(tmp_path, imports, code, 64)
    assert answered[:32] != answered[32:]
    assert len(set(answered)) > 40


def test_an_import_that_comes_twice_is_one_import(tmp_path: Path) -> None:
    imports = ("sched_yield", "fd_write", "fd_write", "proc_exit", "proc_exit")
    twice = "i32.const 64  i32.const 65  i32.store 0  " + tells(1).replace(
        "call fd_write", "call 2"
    )
    path = tmp_path / "twice.wasm"
    path.write_bytes(seal(module(imports, twice + tells(1) + "i32.const 3  call 4")))
    found = drive(path, [])
    assert (found.output, found.code) == (b"AA", 3)
    assert len(audit.audit(path).imports) == 2


def test_a_call_through_the_table_and_a_global_of_its_own_still_mean_the_same() -> None:
    imports = ("sched_yield", "fd_write", "random_get")
    before = Module.decode(module(imports, "global.get clock  global.set clock" + tells(0)))
    after = Module.decode(seal(before.encode()))
    assert after.space(SectionId.GLOBAL) == before.space(SectionId.GLOBAL) + 2
    ((element,), (was,)) = (
        m.entries(SectionId.ELEMENT, lambda reader: reader.take(len(reader.data) - reader.at))
        for m in (after, before)
    )
    assert was[-1] == 0  # sched_yield, once first, comes behind the import that stays
    assert element[-1] == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: module(["sched_yield"], "", source="env"), "env.sched_yield"),
        (lambda: module(["sched_yield"], "", pages=b"\0" + binary.u32(MEMORY_PAGES + 1)), "memory"),
        (lambda: b"\0asm", "cut short"),
    ],
    ids=["not of WASI", "too large", "no module"],
)
def test_what_cannot_be_sealed_is_refused(bad: object, words: str) -> None:
    with pytest.raises(GuestError, match=words):
        seal(bad())  # type: ignore[operator]

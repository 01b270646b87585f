"""The instruction sets beyond the first version of WebAssembly, and one tiny module for each.

Each module of `PROBES` uses what its set brings and ends with exit code 0 where it got the right
answer; it imports `proc_exit` (function 0) and nothing else. Source of the opcodes: WebAssembly
Core Specification 2.0, section 5.4, and the tail call proposal.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping

from lockstep.guest.wasm import Module, Section, SectionId, binary
from lockstep.guest.wasm.module import ORDER
from lockstep.guest.wasm.opcodes import (
    BULK_MEMORY,
    MULTI_VALUE,
    MUTABLE_GLOBALS,
    REFERENCE_TYPES,
    SATURATING,
    SIGN_EXTENSION,
    SIMD,
    TAIL_CALL,
)

WASM_1 = frozenset({MUTABLE_GLOBALS})
"""The first version as everybody has it."""

SCALAR = WASM_1 | {SIGN_EXTENSION, SATURATING, MULTI_VALUE, BULK_MEMORY, REFERENCE_TYPES}
"""WebAssembly 2.0 but for its vectors."""

WASM_2 = SCALAR | {SIMD}
EVERY = WASM_2 | {TAIL_CALL}
VERSIONS = {"1.0": WASM_1, "2.0": WASM_2}


def summary(features: Collection[str]) -> str:
    """In few words: a version of WebAssembly, and what is more or less than that.

    The version whose set is nearest: `2.0`, `2.0 but simd`, `1.0 and sign-extension`.
    """
    name, base = min(VERSIONS.items(), key=lambda item: len(item[1] ^ set(features)))
    more, less = sorted(set(features) - base), sorted(base - set(features))
    and_ = f" and {', '.join(more)}" if more else ""
    return f"{name}{and_}" + (f" but {', '.join(less)}" if less else "")


EXIT, START = b"\x60\x01\x7f\x00", b"\x60\x00\x00"  # types 0 and 1
NUMBER = b"\x60\x00\x01\x7f"  # nothing to i32
MEMORY, IMPORT = b"\x01\x00\x01", b"\x16wasi_snapshot_preview1\x09proc_exit\x00\x00"
MEMORY_EXPORT, START_EXPORT = b"\x06memory\x02\x00", b"\x06_start\x00\x01"


def _vector(*items: bytes) -> bytes:
    return binary.u32(len(items)) + b"".join(items)


def _probe(
    body: str,
    *others: tuple[int, str],
    types: tuple[bytes, ...] = (),
    exports: tuple[bytes, ...] = (),
    sections: Mapping[SectionId, str] = {},
) -> bytes:
    """A module whose start runs `body`, which leaves an exit code; `others` are type and code."""
    functions = [(1, f"{body} 10 00"), *others]
    contents = {
        SectionId.TYPE: _vector(EXIT, START, *types),
        SectionId.IMPORT: _vector(IMPORT),
        SectionId.FUNCTION: _vector(*(bytes([type_]) for type_, _ in functions)),
        SectionId.MEMORY: MEMORY,
        SectionId.EXPORT: _vector(MEMORY_EXPORT, START_EXPORT, *exports),
        SectionId.CODE: _vector(*(_code(text) for _, text in functions)),
    }
    contents |= {id_: bytes.fromhex(text) for id_, text in sections.items()}
    present = [Section(id_, contents[id_]) for id_ in ORDER if id_ in contents]
    return Module("probe", tuple(present)).encode()


def _code(text: str) -> bytes:
    return binary.sized(b"\0" + bytes.fromhex(text) + b"\x0b")


def _f64(number: float) -> str:
    return "44" + struct.pack("<d", number).hex()


FIRST = _probe("41 00")
"""What every runtime can do: exit with 0."""

PROBES: Mapping[str, bytes] = {
    # i32.extend8_s of 128 is -128
    SIGN_EXTENSION: _probe("41 80 01 c0 41 80 7f 47"),
    # i32.trunc_sat_f64_s of 1e300 is the largest i32
    SATURATING: _probe(f"{_f64(1e300)} fc 02 41 ff ff ff ff 07 47"),
    # What a block with two parameters makes of the two results of a function.
    MULTI_VALUE: _probe(
        "10 02 02 03 6b 0b 41 02 47",
        (2, "41 05 41 03"),
        types=(b"\x60\x00\x02\x7f\x7f", b"\x60\x02\x7f\x7f\x01\x7f"),
    ),
    # Global 0 is exported, changed and read.
    MUTABLE_GLOBALS: _probe(
        "41 06 24 00 23 00 41 06 47",
        exports=(b"\x01g\x03\x00",),
        sections={SectionId.GLOBAL: "01 7f 01 41 05 0b"},
    ),
    # A 7 by memory.init and memory.copy, by memory.fill, and from the function that table.init and
    # table.copy bring to place 1: 21 in all. data.drop and elem.drop are between.
    BULK_MEMORY: _probe(
        "41 00 41 00 41 01 fc 08 00 00 fc 09 00 41 01 41 00 41 01 fc 0a 00 00"
        "41 02 41 07 41 01 fc 0b 00"
        "41 00 41 00 41 01 fc 0c 00 00 fc 0d 00 41 01 41 00 41 01 fc 0e 00 00"
        "41 01 2d 00 00 41 02 2d 00 00 6a 41 01 11 02 00 6a 41 15 47",
        (2, "41 07"),
        types=(NUMBER,),
        sections={
            SectionId.TABLE: "01 70 00 02",
            SectionId.ELEMENT: "01 01 00 01 02",
            SectionId.DATA_COUNT: "01",
            SectionId.DATA: "01 01 01 07",
        },
    ),
    # table.set and table.get of ref.func: ref.is_null says 0. The second table, of externref, has
    # table.size 1, table.grow answers 1, and table.fill fills. A typed select gives null: 3 in all.
    REFERENCE_TYPES: _probe(
        "41 00 d2 02 26 00 41 00 25 00 d1 fc 10 01 6a d0 6f 41 01 fc 0f 01 6a"
        "41 00 d0 6f 41 01 fc 11 01 d0 70 d2 02 41 01 1c 01 70 d1 6a 41 03 47",
        (2, "41 07"),
        types=(NUMBER,),
        sections={SectionId.TABLE: "02 70 00 01 6f 00 01", SectionId.ELEMENT: "01 03 00 01 02"},
    ),
    # Two functions call each other 100,000 times, by return_call and return_call_indirect.
    TAIL_CALL: _probe(
        "41 a0 8d 06 10 02",
        (2, "20 00 45 04 40 41 00 0f 0b 20 00 41 01 6b 12 03"),
        (2, "20 00 41 00 13 02 00"),
        types=(b"\x60\x01\x7f\x01\x7f",),
        sections={SectionId.TABLE: "01 70 00 01", SectionId.ELEMENT: "01 00 41 00 0b 01 02"},
    ),
    # Lane 3 of i32x4.add of two splats, 42; a vector of 0 to 15 through memory, shuffled, 15; lane
    # 1 of f64x2.mul, 42: 99 in all.
    SIMD: _probe(
        "41 14 fd 11 41 16 fd 11 fd ae 01 fd 1b 03"
        "41 00 fd 0c 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f fd 0b 04 00"
        "41 00 fd 00 04 00 41 00 fd 00 04 00"
        "fd 0d 0f 0e 0d 0c 0b 0a 09 08 07 06 05 04 03 02 01 00 fd 16 00 6a"
        f"{_f64(3)} fd 14 {_f64(14)} fd 14 fd f2 01 fd 21 01 aa 6a 41 e3 00 47"
    ),
}

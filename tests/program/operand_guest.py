"""Guests that compute one instruction each on many operands, from stdin to stdout.

Floats and vectors never cross an API: operands are read from memory or are constants, results are
written there. The modules come from text, through a parser that is not ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import wasmtime

from lockstep.program.instructions import Instruction
from lockstep.program.nan import MAKES
from lockstep.program.numeric.floats import F32, F64
from lockstep.program.trap import Trap
from lockstep.program.tree import Type

Operands = tuple[int, ...]
BYTES: dict[Type, int] = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}
NANS = {
    "f32": "f32.const nan",
    "f64": "f64.const nan",
    "f32x4": "v128.const f32x4 nan nan nan nan",
    "f64x2": "v128.const f64x2 nan nan",
}
INPUT_BYTES = 1 << 16
"""The last page of memory, so that the last operand of a job lies at the end."""


class Case(NamedTuple):
    """One evaluation: all operands of an instruction, and its lanes."""

    row: Instruction
    lanes: tuple[int, ...]
    operands: Operands

    def __str__(self) -> str:
        lanes = "".join(f" {lane}" for lane in self.lanes)
        return f"{self.row.name}{lanes} {' '.join(map(hex, self.operands))}"

    def expected(self) -> bytes:
        """What the table says, as bytes of memory; raises `Trap`."""
        return self.row.run(*self.operands, *self.lanes).to_bytes(answer_bytes(self.row), "little")


class Job(NamedTuple):
    """An instruction in a loop over `rows`, once with each of the `variants`.

    A variant holds the operands that are constants, None for those that are read.
    """

    row: Instruction
    lanes: tuple[int, ...]
    variants: tuple[tuple[int | None, ...], ...]
    rows: tuple[Operands, ...]

    def cases(self) -> Iterator[Case]:
        """In the order of their answers."""
        for read in self.rows:
            for variant in self.variants:
                rest = iter(read)
                operands = tuple(next(rest) if c is None else c for c in variant)
                yield Case(self.row, self.lanes, operands)

    def types(self) -> list[Type | int]:
        """Of what is read; a number of bytes for what a load reads."""
        every = zip(operand_types(self.row), self.variants[0], strict=True)
        return [type_ for type_, constant in every if constant is None]

    def input(self) -> bytes:
        """The operands that are read."""
        sizes = [_size(type_) for type_ in self.types()]
        return b"".join(
            value.to_bytes(size, "little")
            for read in self.rows
            for value, size in zip(read, sizes, strict=True)
        )


def operand_types(row: Instruction) -> list[Type | int]:
    """What `run` takes in front of the lanes: a load takes the bytes that it reads."""
    if not row.width:
        return list(row.takes)
    values: list[Type | int] = list(row.takes[1:])
    return [*values, row.width] if row.gives else values


def answer_bytes(row: Instruction) -> int:
    """How many bytes a result takes in memory."""
    return BYTES[row.gives[0]] if row.gives else row.width


def traps(case: Case) -> str:
    """The kind of trap that the table says, empty for none."""
    try:
        case.expected()
    except Trap as trap:
        return trap.kind
    return ""


def _size(type_: Type | int) -> int:
    return type_ if isinstance(type_, int) else BYTES[type_]


def module(jobs: Sequence[Job]) -> bytes:
    """One function a job, called in their order by what stdin says."""
    functions = "\n".join(_function(index, job) for index, job in enumerate(jobs))
    entries = " ".join(f"$job{index}" for index in range(len(jobs)))
    text = _FRAME.replace("ENTRIES", entries).replace("COUNT", str(len(jobs)))
    return bytes(wasmtime.wat2wasm(text.replace("FUNCTIONS", functions)))


def stdin(jobs: Sequence[Job]) -> bytes:
    """All jobs of a module in their order."""
    return b"".join(order(index, job) for index, job in enumerate(jobs))


def order(index: int, job: Job) -> bytes:
    """One job: its function, turns, bytes of input, bytes of output, then the input."""
    data, turns = job.input(), len(job.rows)
    head = (index, turns, len(data), turns * len(job.variants) * answer_bytes(job.row))
    return b"".join(value.to_bytes(4, "little") for value in head) + data


def answers(jobs: Sequence[Job], output: bytes) -> Iterator[tuple[Case, bytes]]:
    """Each case that there is an answer for, with it."""
    at = 0
    for job in jobs:
        size = answer_bytes(job.row)
        for case in job.cases():
            answer = output[at : at + size]
            if len(answer) < size:
                return
            yield case, answer
            at += size


def _function(index: int, job: Job) -> str:
    size = answer_bytes(job.row)
    sizes = [_size(type_) for type_ in job.types()]
    stores = "\n".join(
        "    " + _store(job, variant, at * size) for at, variant in enumerate(job.variants)
    )
    return f"""
  (func $job{index} (type $job) (param $row i32) (param $out i32) (param $turns i32)
    (local $i32 i32) (local $i64 i64) (local $f32 f32) (local $f64 f64) {_vector_local(job)}
    (loop $next
{stores}
    (local.set $row (i32.add (local.get $row) (i32.const {sum(sizes)})))
    (local.set $out (i32.add (local.get $out) (i32.const {size * len(job.variants)})))
    (br_if $next (local.tee $turns (i32.sub (local.get $turns) (i32.const 1))))))"""


def _vector_local(job: Job) -> str:
    return "(local $v128 v128)" if job.row.feature == "simd" else ""


def _store(job: Job, variant: tuple[int | None, ...], at: int) -> str:
    """Write the answer of one turn and variant `at` bytes behind the first."""
    row, lanes = job.row, "".join(f" {lane}" for lane in job.lanes)
    operands = _operands(job, variant)
    if not row.width:
        result = f"({row.name}{lanes} {' '.join(operands)})"
    elif not row.gives:
        return f"({row.name} offset={at}{lanes} (local.get $out) {operands[0]})"
    else:
        offset = sum(map(_size, job.types()[:-1]))
        address = f"offset={offset}{lanes} (local.get $row)"
        result = f"({row.name} {address} {' '.join(operands[:-1])})"
    type_ = row.gives[0]
    return f"({type_}.store offset={at} (local.get $out) {_canonical(row, result)})"


def _operands(job: Job, variant: tuple[int | None, ...]) -> list[str]:
    found, offset = [], 0
    for type_, constant in zip(operand_types(job.row), variant, strict=True):
        if isinstance(type_, int):
            found.append("what the load itself reads")
        elif constant is None:
            found.append(f"({type_}.load offset={offset} (local.get $row))")
            offset += BYTES[type_]
        else:
            found.append(f"({literal(type_, constant)})")
    return found


def _canonical(row: Instruction, result: str) -> str:
    """The bits of a NaN from arithmetic are open, so there is one NaN only."""
    shape = MAKES.get(row.name)
    if not shape:
        return result
    local = row.gives[0]
    get = f"(local.get ${local})"
    choose = "v128.bitselect" if local == "v128" else "select"
    return f"({choose} (local.tee ${local} {result}) ({NANS[shape]}) ({shape}.eq {get} {get}))"


def literal(type_: Type, bits: int) -> str:
    """A constant in the text format, exact."""
    if type_ in ("i32", "i64"):
        return f"{type_}.const {bits}"
    if type_ == "v128":
        return f"v128.const i64x2 {bits & (1 << 64) - 1} {bits >> 64}"
    of = F32 if type_ == "f32" else F64
    sign = "-" if bits & of.sign else ""
    if of.is_nan(bits):
        return f"{type_}.const {sign}nan:{bits & (of.implicit - 1):#x}"
    magnitude = of.value(bits & ~of.sign)
    return f"{type_}.const {sign}{'inf' if magnitude == float('inf') else magnitude.hex()}"


_FRAME = """
(module
  (type $job (func (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4 4)
  (table COUNT funcref)
  (elem (i32.const 0) ENTRIES)

  ;; fill `size` bytes from stdin; 0 at its end
  (func $take (param $at i32) (param $size i32) (result i32)
    (loop $more
      (if (i32.eqz (local.get $size)) (then (return (i32.const 1))))
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $size))
      (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (unreachable)))
      (if (i32.eqz (i32.load (i32.const 8))) (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
      (br $more))
    (unreachable))

  (func $give (param $at i32) (param $size i32)
    (loop $more
      (if (i32.eqz (local.get $size)) (then (return)))
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $size))
      (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (unreachable)))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
      (br $more)))

  (func (export "_start")
    (local $row i32)
    (loop $jobs
      (if (i32.eqz (call $take (i32.const 16) (i32.const 16))) (then (return)))
      (local.set $row (i32.sub (i32.const 0x40000) (i32.load (i32.const 24))))
      (drop (call $take (local.get $row) (i32.load (i32.const 24))))
      (call_indirect (type $job)
        (local.get $row) (i32.const 0x10000) (i32.load (i32.const 20)) (i32.load (i32.const 16)))
      (call $give (i32.const 0x10000) (i32.load (i32.const 28)))
      (br $jobs)))
FUNCTIONS)
"""

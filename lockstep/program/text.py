"""A program as a standalone `.wast`: the module, the calls, and what is right.

Source of the format: the specification's own test suite, `.wast` scripts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence

from lockstep.program.application import WINDOW, writers
from lockstep.program.evaluate import Machine
from lockstep.program.instructions import INSTRUCTIONS, Immediate
from lockstep.program.trap import Trap
from lockstep.program.tree import (
    END,
    MEMORY_PAGES,
    Bits,
    Function,
    Node,
    Program,
    Segment,
    Signature,
    Type,
)

LINE = 90
PEEK = "load64"


def wast(program: Program) -> str:
    """The script; raises `EvaluationError` for a program without one right result."""
    return "\n".join([*_module(program), "", *_script(program)]) + "\n"


def wat(program: Program) -> str:
    """The module alone, whatever it does."""
    return "\n".join(_module(program)) + "\n"


def _module(program: Program) -> Iterator[str]:
    yield "(module"
    for number, signature in enumerate(program.signatures):
        yield f"  (type $t{number} (func{_signature(signature.parameters, signature.results)}))"
    yield f"  (memory {MEMORY_PAGES} {MEMORY_PAGES})"
    if program.table:
        yield f"  (table {len(program.table)} {len(program.table)} funcref)"
        for at, entry in enumerate(program.table):
            if entry is not None:
                yield f"  (elem (i32.const {at}) $f{entry})"
    for number, entry_ in enumerate(program.globals):
        names, first = f'$g{number} (export "g{number}")', literal(entry_.type, entry_.bits)
        yield f"  (global {names} (mut {entry_.type}) ({first}))"
    yield from map(_segment, program.segments)
    for number, function in enumerate(program.functions):
        yield from _function(number, function)
    if writers(program):
        load = "(i64.load (local.get 0))"
        yield f'  (func (export "{PEEK}") (param i32) (result i64) {load})'
    yield ")"


def _segment(segment: Segment) -> str:
    text = "".join(f"\\{byte:02x}" for byte in segment.data)
    place = "" if segment.address is None else f" (i32.const {segment.address})"
    return f'  (data{place} "{text}")'


def _function(number: int, function: Function) -> Iterator[str]:
    types = _signature(function.parameters, function.results)
    yield f'  (func $f{number} (export "f{number}"){types}'
    if function.locals:
        yield f"    (local {' '.join(function.locals)})"
    for node in function.body:
        yield from _lines(node, "    ")
    yield "  )"


def _signature(parameters: Sequence[Type], results: Sequence[Type]) -> str:
    left = f" (param {' '.join(parameters)})" if parameters else ""
    return left + (f" (result {' '.join(results)})" if results else "")


def _lines(node: Node, indent: str) -> Iterator[str]:
    """One line where it fits, else the head and its kids below it."""
    short = f"{indent}{folded(node)}"
    if len(short) <= LINE or not node.kids:
        yield short
        return
    if node.op == "unpack":
        yield from _lines(node.kids[0], indent)
        yield indent + _sets(node)
        return
    yield f"{indent}({head(node)}"
    for kid in node.kids:
        yield from _lines(kid, indent + "  ")
    yield f"{indent})"


def folded(node: Node) -> str:
    """A node in one line."""
    kids = " ".join(map(folded, node.kids))
    if node.op == "unpack":
        return f"{kids} {_sets(node)}"
    return f"({head(node)} {kids})" if kids else f"({head(node)})"


def _sets(node: Node) -> str:
    return " ".join(f"(local.set {index})" for index in reversed(node.at))


def head(node: Node) -> str:
    """An instruction with its immediates."""
    op, at = node.op, node.at
    row = INSTRUCTIONS.get(op)
    if row is not None:
        if row.immediate in (Immediate.MEMORY, Immediate.MEMORY_LANE):
            offset = f" offset={at[1]}" if at[1] else ""
            align = f" align={1 << at[0]}" if 1 << at[0] != row.width else ""
            return f"{op}{offset}{align}{''.join(f' {lane}' for lane in at[2:])}"
        return " ".join([op, *map(str, at)])
    if op.endswith(".const"):
        return literal(op[: -len(".const")], at[0])
    return _structure(node)


def _structure(node: Node) -> str:
    op, at = node.op, node.at
    match op:
        case "block" | "loop" | "if":
            return f"{op} $l{at[0]}{_signature((), node.types)}"
        case "br" | "br_if" | "br_table":
            return " ".join([op, *(f"$l{label}" for label in at)])
        case "call" | "return_call" | "ref.func":
            return f"{op} $f{at[0]}"
        case "call_indirect" | "return_call_indirect":
            return f"{op} (type $t{at[0]})"
        case "global.get" | "global.set":
            return f"{op} $g{at[0]}"
        case "select":
            return f"select{_signature((), node.types)}"
        case "ref.null":
            return "ref.null func"
        case "table.get" | "table.set" | "table.size" | "table.grow" | "table.fill":
            return f"{op} 0"  # older tools want the index
        case _:
            return " ".join([op, *map(str, at)])


def literal(type_: str, bits: Bits) -> str:
    """A value as the operand of an instruction or of a script."""
    match type_:
        case "f32" | "f64":
            return f"{type_}.const {_float(type_, bits)}"
        case "v128":
            words = " ".join(f"0x{bits >> 32 * lane & 0xFFFFFFFF:08x}" for lane in range(4))
            return f"v128.const i32x4 {words}"
        case "funcref":
            return "ref.null func"
        case _:
            return f"{type_}.const {bits if bits < 1 << 16 else hex(bits)}"


def _float(type_: str, bits: Bits) -> str:
    width, fraction, code = (32, 23, "<f") if type_ == "f32" else (64, 52, "<d")
    (value,) = struct.unpack(code, bits.to_bytes(width // 8, "little"))
    sign = "-" if bits >> (width - 1) else ""
    if math.isnan(value):
        return f"{sign}nan:0x{bits & (1 << fraction) - 1:x}"
    if math.isinf(value):
        return f"{sign}inf"
    return str(value.hex())


def _script(program: Program) -> Iterator[str]:
    """The calls of all sites in their order, each with what is right; then globals and memory."""
    machine = Machine(program)
    before = bytes(machine.state.memory)
    for site in program.sites:
        function = program.functions[site.function]
        for row in site.rows:
            invoke = _invoke(f"f{site.function}", function.signature, row)
            try:
                values = machine.call(site.function, row)
            except Trap as trap:
                yield f'(assert_trap {invoke} "{trap.kind}")'
                return
            results = zip(function.results, values, strict=True)
            right = " ".join(f"({literal(type_, bits)})" for type_, bits in results)
            yield f"(assert_return {invoke} {right})" if right else f"(assert_return {invoke})"
    for number, bits in enumerate(machine.state.globals):
        value = literal(program.globals[number].type, bits)
        yield f'(assert_return (get "g{number}") ({value}))'
    if writers(program):
        yield from _memory(before, bytes(machine.state.memory))


def _memory(before: bytes, after: bytes) -> Iterator[str]:
    """The words of the window that changed."""
    for address in range(WINDOW, END, 8):
        at = address - END + len(after)
        if after[at : at + 8] != before[at : at + 8]:
            word = int.from_bytes(after[at : at + 8], "little")
            invoke = f'(invoke "{PEEK}" (i32.const {address}))'
            yield f"(assert_return {invoke} (i64.const {hex(word)}))"


def _invoke(name: str, signature: Signature, row: Sequence[Bits]) -> str:
    arguments = [
        f" ({literal(type_, bits)})" for type_, bits in zip(signature.parameters, row, strict=True)
    ]
    return f'(invoke "{name}"{"".join(arguments)})'

"""Control, calls, variables, tables and bulk memory as code.

Source: WebAssembly Core Specification 2.0, section 4.4, and the tail call proposal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

from lockstep.program.evaluate.code import (
    STRUCTURE,
    Code,
    Compile,
    Frame,
    Host,
    code,
    form,
    operands,
    sequence,
)
from lockstep.program.evaluate.state import NULL
from lockstep.program.evaluate.ways import Branch, Return, TailCall
from lockstep.program.trap import Trap
from lockstep.program.tree import Bits, Node
from lockstep.runtimes.traps import SIGNATURE, UNREACHABLE

# Control


def _block(host: Host, node: Node) -> Code:
    (label,), count = node.at, len(node.types)
    body = sequence(host, node.kids, count)

    def block(frame: Frame) -> Any:
        try:
            return body(frame)
        except Branch as way:
            if way.label != label:
                raise
            return form(way.values, count)

    return Code(block, count)


def _loop(host: Host, node: Node) -> Code:
    (label,), count, step = node.at, len(node.types), host.step
    body = sequence(host, node.kids, count)

    def loop(frame: Frame) -> Any:
        while True:
            step()
            try:
                return body(frame)
            except Branch as way:
                if way.label != label:
                    raise

    return Code(loop, count)


def _if(host: Host, node: Node) -> Code:
    """As a block around two sequences."""
    condition, *sides = node.kids
    (label,), count = node.at, len(node.types)
    asked = code(host, condition).run
    then, otherwise = [sequence(host, side.kids, count) for side in sides]

    def choose(frame: Frame) -> Any:
        side = then if asked(frame) else otherwise
        try:
            return side(frame)
        except Branch as way:
            if way.label != label:
                raise
            return form(way.values, count)

    return Code(choose, count)


def _br(host: Host, node: Node) -> Code:
    (label,), (gather, _) = node.at, operands(host, node.kids)

    def br(frame: Frame) -> NoReturn:
        raise Branch(label, gather(frame))

    return Code(br, 0)


def _br_if(host: Host, node: Node) -> Code:
    (label,), (gather, count) = node.at, operands(host, node.kids)

    def br_if(frame: Frame) -> Any:
        *values, condition = gather(frame)
        if condition:
            raise Branch(label, values)
        return form(values, count - 1)

    return Code(br_if, max(count - 1, 0))


def _br_table(host: Host, node: Node) -> Code:
    labels, (gather, _) = node.at, operands(host, node.kids)

    def br_table(frame: Frame) -> NoReturn:
        *values, index = gather(frame)
        raise Branch(labels[min(index, len(labels) - 1)], values)

    return Code(br_table, 0)


def _return(host: Host, node: Node) -> Code:
    gather, _ = operands(host, node.kids)

    def leave(frame: Frame) -> NoReturn:
        raise Return(gather(frame))

    return Code(leave, 0)


def _unreachable(_: Host, __: Node) -> Code:
    def unreachable(_: Frame) -> NoReturn:
        raise Trap(UNREACHABLE)

    return Code(unreachable, 0)


def _select(host: Host, node: Node) -> Code:
    gather, _ = operands(host, node.kids)

    def select(frame: Frame) -> Bits:
        one, other, condition = gather(frame)
        return one if condition else other

    return Code(select, 1)


# Calls


def _call(host: Host, node: Node) -> Code:
    (function,), invoke = node.at, host.invoke
    gather, _ = operands(host, node.kids)
    count = len(host.program.functions[function].results)
    return Code(lambda frame: invoke(function, gather(frame)), count)


def _return_call(host: Host, node: Node) -> Code:
    (function,), (gather, _) = node.at, operands(host, node.kids)

    def call(frame: Frame) -> NoReturn:
        raise TailCall(function, gather(frame))

    return Code(call, 0)


def _call_indirect(host: Host, node: Node) -> Code:
    target, invoke = _target(host, node), host.invoke
    count = len(host.program.signatures[node.at[0]].results)
    return Code(lambda frame: invoke(*target(frame)), count)


def _return_call_indirect(host: Host, node: Node) -> Code:
    target = _target(host, node)

    def call(frame: Frame) -> NoReturn:
        raise TailCall(*target(frame))

    return Code(call, 0)


def _target(host: Host, node: Node) -> Callable[[Frame], tuple[int, Frame]]:
    """The function that is called, and its arguments."""
    functions, entry = host.program.functions, host.state.entry
    wanted, (gather, _) = host.program.signatures[node.at[0]], operands(host, node.kids)

    def target(frame: Frame) -> tuple[int, Frame]:
        *arguments, index = gather(frame)
        function = entry(index)
        if functions[function].signature != wanted:
            raise Trap(SIGNATURE)
        return function, arguments

    return target


# Variables and references


def _const(_: Host, node: Node) -> Code:
    (bits,) = node.at
    return Code(lambda _: bits, 1)


def _null(_: Host, __: Node) -> Code:
    return Code(lambda _: NULL, 1)


def _is_null(host: Host, node: Node) -> Code:
    gather, _ = operands(host, node.kids)
    return Code(lambda frame: int(gather(frame) == [NULL]), 1)


def _local_get(_: Host, node: Node) -> Code:
    (index,) = node.at
    return Code(lambda frame: frame[index], 1)


def _local_set(host: Host, node: Node) -> Code:
    """As `unpack` of one value."""
    gather, _ = operands(host, node.kids)

    def unpack(frame: Frame) -> None:
        for index, value in zip(node.at, gather(frame), strict=True):
            frame[index] = value

    return Code(unpack, 0)


def _local_tee(host: Host, node: Node) -> Code:
    (index,), (gather, _) = node.at, operands(host, node.kids)

    def tee(frame: Frame) -> Bits:
        (frame[index],) = gather(frame)
        return frame[index]

    return Code(tee, 1)


def _global_get(host: Host, node: Node) -> Code:
    (index,), state = node.at, host.state
    return Code(lambda _: state.globals[index], 1)


def _global_set(host: Host, node: Node) -> Code:
    (index,), state = node.at, host.state
    gather, _ = operands(host, node.kids)

    def set_(frame: Frame) -> None:
        (state.globals[index],) = gather(frame)

    return Code(set_, 0)


def _nothing(host: Host, node: Node) -> Code:
    """`nop`, and `drop`, which computes what it drops."""
    return Code(operands(host, node.kids)[0], 0)


def _of_state(name: str, count: int) -> Compile:
    """A method of the state that takes the immediates, then the operands."""

    def compile_(host: Host, node: Node) -> Code:
        run, (gather, _) = getattr(host.state, name), operands(host, node.kids)
        return Code(lambda frame: run(*node.at, *gather(frame)), count)

    return compile_


_STATE: Final = {
    "memory.size": ("memory_size", 1),
    "memory.grow": ("memory_grow", 1),
    "memory.fill": ("memory_fill", 0),
    "memory.copy": ("memory_copy", 0),
    "memory.init": ("memory_init", 0),
    "data.drop": ("data_drop", 0),
    "table.get": ("table_get", 1),
    "table.set": ("table_set", 0),
    "table.size": ("table_size", 1),
    "table.grow": ("table_grow", 1),
    "table.fill": ("table_fill", 0),
    "table.copy": ("table_copy", 0),
    "table.init": ("table_init", 0),
    "elem.drop": ("elem_drop", 0),
}

STRUCTURE |= {
    **dict.fromkeys(("i32.const", "i64.const", "f32.const", "f64.const", "v128.const"), _const),
    "ref.func": _const,
    "ref.null": _null,
    "ref.is_null": _is_null,
    "block": _block,
    "loop": _loop,
    "if": _if,
    "br": _br,
    "br_if": _br_if,
    "br_table": _br_table,
    "return": _return,
    "unreachable": _unreachable,
    "nop": _nothing,
    "drop": _nothing,
    "select": _select,
    "call": _call,
    "call_indirect": _call_indirect,
    "return_call": _return_call,
    "return_call_indirect": _return_call_indirect,
    "local.get": _local_get,
    "local.set": _local_set,
    "local.tee": _local_tee,
    "unpack": _local_set,
    "global.get": _global_get,
    "global.set": _global_set,
    **{op: _of_state(*method) for op, method in _STATE.items()},
}

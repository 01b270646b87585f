"""Around a program: call sites in loops over their rows, and the application that chooses one.

All is written as trees, so that what runs around the program is evaluated and printed as it is.

    lockstep_apply(state, state_len, command, command_len)
        the first two bytes of the command choose a site, modulo their number
    site(state)
        for each row: load the arguments, call, mix each result into an accumulator, and each
        global that can change there;
        then mix the program's window of memory, where it can change; store the accumulator

Arguments lie in the arena in front of the window, where no program writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from lockstep.program.edit import tidy
from lockstep.program.tree import (
    ARENA,
    END,
    Bits,
    Function,
    Node,
    Program,
    Segment,
    Site,
    Type,
    nodes,
    walk,
)

WINDOW_BYTES = 1024
WINDOW = END - WINDOW_BYTES
"""Where programs read and write: the last bytes of memory."""
PRISTINE = ARENA
"""Where a copy of the window as it was at first lies, for programs that are restored."""
INPUTS = PRISTINE + WINDOW_BYTES
"""Where the arguments lie, up to the window."""

SIZES: dict[Type, int] = {"i32": 4, "f32": 4, "i64": 8, "f64": 8, "v128": 16}
MULTIPLIER, ROTATION, MASK = 0x9E3779B97F4A7C15, 23, (1 << 64) - 1
"""How the accumulator takes a word: rotate, exclusive or, multiply."""
LABEL = 1 << 20
"""Labels of our own start here."""

_STATE, _ROW, _SUM = 0, 1, 2  # locals of a site


def row_bytes(types: Sequence[Type]) -> int:
    """How many bytes the arguments of one call take."""
    return sum(SIZES[type_] for type_ in types)


def segments(program: Program, *, restores: bool) -> tuple[Segment, ...]:
    """The program's own segments, the arguments of all sites, and what restores the window."""
    found, at = list(program.segments), INPUTS
    for site in program.sites:
        types = program.functions[site.function].parameters
        data = b"".join(_row(types, row) for row in site.rows)
        found += [Segment(at, data)] if data else []
        at += len(data)
    if at > WINDOW:
        raise ValueError(f"{at - WINDOW} bytes of arguments too many")
    if restores:
        active = [s for s in program.segments if s.address is not None]
        found += [Segment(PRISTINE + (s.address or 0) - WINDOW, s.data) for s in active]
    return tuple(found)


def writers(program: Program) -> set[int]:
    """The functions that may change memory, by themselves or by what they call."""
    found = _reached(program, lambda node: (0,) if _writes(node) else ())
    return {index for index, memories in enumerate(found) if memories}


def changed_globals(program: Program) -> list[list[int]]:
    """The globals that each function may change, by itself or by what it calls."""
    found = _reached(program, lambda node: node.at if node.op == "global.set" else ())
    return list(map(sorted, found))


def _reached(program: Program, told: Callable[[Node], Iterable[int]]) -> list[set[int]]:
    """All that is told of the nodes of each function and of those that it may call."""
    found = [
        {number for top in function.body for node in walk(top) for number in told(node)}
        for function in program.functions
    ]
    calls = [_called(program, function) for function in program.functions]
    before = -1
    while (size := sum(map(len, found))) > before:
        before = size
        for own, called in zip(found, calls, strict=True):
            own.update(*(found[index] for index in called))
    return found


def _called(program: Program, function: Function) -> set[int]:
    found = set()
    for top in function.body:
        for node in walk(top):
            if node.op in ("call", "return_call"):
                found.add(node.at[0])
            elif node.op in ("call_indirect", "return_call_indirect"):
                found |= set(range(len(program.functions)))  # whatever the table comes to hold
    return found


def _writes(node: Node) -> bool:
    return ".store" in node.op or node.op in ("memory.fill", "memory.copy", "memory.init")


def application(program: Program, *, restores: bool) -> tuple[Function, ...]:
    """The program's functions, one more for each site, and `lockstep_apply` as the last."""
    first = len(program.functions)
    sites, at, writing, changed = [], INPUTS, writers(program), changed_globals(program)
    for site in program.sites:
        function = program.functions[site.function]
        variables = [(index, program.globals[index].type) for index in changed[site.function]]
        sites.append(_site(function, site, at, variables, writes=site.function in writing))
        at += len(site.rows) * row_bytes(function.parameters)
    prologue = tuple(_restoring(program)) if restores else ()
    return (*program.functions, *sites, _apply(first, len(sites), prologue))


def _row(types: Sequence[Type], row: Sequence[Bits]) -> bytes:
    return b"".join(
        bits.to_bytes(SIZES[type_], "little") for type_, bits in zip(types, row, strict=True)
    )


def _site(
    function: Function,
    site: Site,
    at: int,
    variables: Sequence[tuple[int, Type]],
    *,
    writes: bool,
) -> Function:
    """Locals: the state's address, the offset of the row, the accumulator, then the results."""
    size = row_bytes(function.parameters)
    step = max(size, 1)
    arguments, offset = [], at
    for type_ in function.parameters:
        arguments.append(Node(f"{type_}.load", (_get(_ROW),), (0, offset)))
        offset += SIZES[type_]
    results = tuple(range(3, 3 + len(function.results)))
    call = Node("call", tuple(arguments), (site.function,))
    calls = Node("unpack", (call,), results) if results else call
    given = [(_get(index), t) for index, t in zip(results, function.results, strict=True)]
    given += [(Node("global.get", (), (index,)), t) for index, t in variables]
    turn = (
        calls,
        *(_mixed(word) for value, type_ in given for word in words(type_, value, value)),
        Node("local.set", (Node("i32.add", (_get(_ROW), _i32(step))),), (_ROW,)),
        Node("br_if", (Node("i32.lt_u", (_get(_ROW), _i32(step * len(site.rows)))),), (LABEL,)),
    )
    body = (
        Node("loop", turn, (LABEL,)),
        *(_window_mixed() if writes else ()),
        Node("i64.store", (_get(_STATE), _get(_SUM)), (0, 0)),
    )
    return Function(("i32",), (), ("i32", "i64", *function.results), body)


def with_window(program: Program) -> Program:
    """Where something is stored, one more function, called last: it mixes the window's words.

    What is stored wrongly shows there, wherever it is.
    """
    if not writers(program):
        return program
    body = (*_window_mixed(), _sum())
    look = Function((), ("i64",), ("i32", "i32", "i64"), body)
    whole = msgspec.structs.replace(
        program,
        functions=(*program.functions, look),
        sites=(*program.sites, Site(len(program.functions), ((),))),
    )
    return tidy(whole)


def _window_mixed() -> Iterator[Node]:
    """Every word of the window goes into the accumulator."""
    yield Node("local.set", (_i32(WINDOW),), (_ROW,))
    turn = (
        _mixed(Node("i64.load", (_get(_ROW),), (0, 0))),
        Node("local.tee", (Node("i32.add", (_get(_ROW), _i32(8))),), (_ROW,)),
    )
    again = Node("br_if", (Node("i32.ne", (turn[1], _i32(END))),), (LABEL + 1,))
    yield Node("loop", (turn[0], again), (LABEL + 1,))


def _mixed(word: Node) -> Node:
    """The accumulator takes a word: each step is a bijection of both."""
    mixed = Node("i64.xor", (Node("i64.rotl", (_sum(), _i64(ROTATION))), word))
    return Node("local.set", (Node("i64.mul", (mixed, _i64(MULTIPLIER))),), (_SUM,))


def words(type_: Type, value: Node, again: Node) -> list[Node]:
    """The bits of a value as words of 64 bits; what takes two of them gets it `again`."""
    match type_:
        case "i32":
            return [Node("i64.extend_i32_u", (value,))]
        case "f32":
            return [Node("i64.extend_i32_u", (Node("i32.reinterpret_f32", (value,)),))]
        case "f64":
            return [Node("i64.reinterpret_f64", (value,))]
        case "v128":
            both = enumerate((value, again))
            return [Node("i64x2.extract_lane", (kid,), (lane,)) for lane, kid in both]
        case _:
            return [value]


def _apply(first: int, count: int, prologue: Iterable[Node]) -> Function:
    """Parameters: state, its length, command, its length."""
    number = Node("i32.rem_u", (Node("i32.load16_u", (_get(2),), (0, 0)), _i32(count)))
    labels = tuple(range(LABEL + 2, LABEL + 2 + count))
    chosen: tuple[Node, ...] = (Node("br_table", (number,), (*labels, labels[-1])),)
    for label, site in zip(labels, range(first, first + count), strict=True):
        done = Node("call", (_get(0),), (site,)), Node("return")
        chosen = (Node("block", chosen, (label,)), *done)
    short = Node("i32.lt_u", (_get(3), _i32(2)))
    leave = Node("if", (short, Node("then", (Node("return"),)), Node("else")), (LABEL,))
    return Function(("i32",) * 4, (), (), (leave, *prologue, *chosen))


def _restoring(program: Program) -> Iterator[Node]:
    """Memory, globals and table as they were at first; the address is the last parameter."""
    yield Node("local.set", (_i32(0),), (1,))
    copy = Node("i64.store", (_get(1), Node("i64.load", (_get(1),), (0, PRISTINE))), (0, WINDOW))
    step = Node("local.tee", (Node("i32.add", (_get(1), _i32(8))),), (1,))
    again = Node("br_if", (Node("i32.ne", (step, _i32(WINDOW_BYTES))),), (LABEL + 1,))
    yield Node("loop", (copy, again), (LABEL + 1,))
    for index, entry in enumerate(program.globals):
        yield Node("global.set", (Node(f"{entry.type}.const", (), (entry.bits,)),), (index,))
    if changes_table(program):
        for index, function in enumerate(program.table):
            entry_ = Node("ref.null") if function is None else Node("ref.func", (), (function,))
            yield Node("table.set", (_i32(index), entry_))


def changes_table(program: Program) -> bool:
    """Whether a function of it changes the table."""
    changing = ("table.set", "table.fill", "table.copy", "table.init", "table.grow")
    return any(node.op in changing for node in nodes(program))


def _get(index: int) -> Node:
    return Node("local.get", (), (index,))


def _sum() -> Node:
    return _get(_SUM)


def _i32(value: int) -> Node:
    return Node("i32.const", (), (value & 0xFFFFFFFF,))


def _i64(value: int) -> Node:
    return Node("i64.const", (), (value,))

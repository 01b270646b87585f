"""A program alone: functions that anybody can call, and that give the bits of what is right.

A binding may change a NaN on its way out, and some cannot pass a vector. So each **word**, 64 bits
of a result, comes from a function of its own that has no parameters: it makes all calls of all
sites in their order, as the guest does, and gives one word of what came of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from lockstep.errors import EvaluationError
from lockstep.program import encode
from lockstep.program.application import (
    INPUTS,
    SIZES,
    WINDOW,
    row_bytes,
    segments,
    with_window,
    words,
    writers,
)
from lockstep.program.evaluate import Machine
from lockstep.program.trap import Trap
from lockstep.program.tree import END, Bits, Function, Node, Program, Site, Type, nodes

PLAIN: dict[Type, int] = {"i32": 32, "i64": 64}
"""Results that every binding passes as they are, and their bits."""
WORDS_MAX = 8
"""Of more, the first are tested."""
VECTOR, WRITTEN, OUTPUT = 0, 8, 16
"""Where `_start` has its iovec, how much was written, and the words: far from any program."""
FD_WRITE = -1


class Alone(msgspec.Struct, frozen=True):
    """`program` with its tests as more functions and sites; `tests` are their numbers.

    `bits` is how many each of them gives. `command` is the same as a WASI command.
    """

    program: Program
    tests: tuple[int, ...]
    bits: int
    command: bytes

    @property
    def names(self) -> list[str]:
        """What the tests are called in the module."""
        return [f"f{test}" for test in self.tests]

    @property
    def module(self) -> bytes:
        """The module that the script of `program` describes."""
        exports = {f"f{index}": index for index in range(len(self.program.functions))}
        return encode.standalone(self.program, exports)

    def right(self) -> list[Bits] | Trap:
        """What each test gives in a fresh instance; raises `EvaluationError`."""
        found: list[Bits] = []
        for test in self.tests:
            try:
                (value,) = Machine(self.program).call(test, ())
            except Trap as trap:
                return trap
            found.append(value)
        return found


class Gave(msgspec.Struct, frozen=True):
    """What a runtime gave: words, or else how it ended, as in `trap` and its text."""

    words: tuple[int, ...] = ()
    kind: str = ""
    text: str = ""


def alone(program: Program) -> Alone:
    """A program with its tests."""
    program = with_window(program)
    calls, parts, locals_ = _all(program)
    made = _loaded(program)
    main = _start(calls, parts, locals_)
    command = encode.command(msgspec.structs.replace(made, functions=(*program.functions, main)))
    first, row = program.sites[0], program.sites[0].rows[:1]
    results = program.functions[first.function].results
    if _is_single(program) and row == ((),) and len(results) == 1 and results[0] in PLAIN:
        return Alone(program, (first.function,), PLAIN[results[0]], command)
    tests = tuple(_test(calls, word, locals_) for word in parts)
    numbers = tuple(range(len(program.functions), len(program.functions) + len(tests)))
    whole = msgspec.structs.replace(
        made,
        functions=(*program.functions, *tests),
        sites=(*program.sites, *(Site(number, ((),)) for number in numbers)),
    )
    return Alone(whole, numbers, 64, command)


def _is_single(program: Program) -> bool:
    """Whether all that shows is what one call gives."""
    lasting = writers(program) or any(node.op == "global.set" for node in nodes(program))
    return len(program.sites) == len(program.sites[0].rows) == 1 and not lasting


def _loaded(program: Program) -> Program:
    """The program with the arguments of its sites in memory, where the guest has them, too."""
    return msgspec.structs.replace(program, segments=segments(program, restores=False))


def _all(program: Program) -> tuple[list[Node], list[Node], tuple[Type, ...]]:
    """All calls, the words that come of them, and the locals that hold results in between.

    Of too many the last stays, which may be that of the window.
    """
    calls, parts, locals_ = [], [], list[Type]()
    for function, call in _calls(program):
        if _is_single(program) and len(function.results) == 1:
            return [], words(function.results[0], call, call), ()
        at = tuple(range(len(locals_), len(locals_) + len(function.results)))
        calls.append(Node("unpack", (call,), at) if at else call)
        for index, type_ in zip(at, function.results, strict=True):
            value = Node("local.get", (), (index,))
            parts += words(type_, value, value)
        locals_ += function.results
    *most, last = [*_changed(program), *parts] or [Node("i64.const", (), (0,))]
    return calls, [*most[: WORDS_MAX - 1], last], tuple(locals_)


def _calls(program: Program) -> Iterator[tuple[Function, Node]]:
    """The call of each row, with arguments that are loaded as the guest does."""
    at = INPUTS
    for site in program.sites:
        function = program.functions[site.function]
        for row in range(len(site.rows)):
            arguments, address = [], at + row * row_bytes(function.parameters)
            for type_ in function.parameters:
                place = Node("i32.const", (), (address,))
                arguments.append(Node(f"{type_}.load", (place,), (0, 0)))
                address += SIZES[type_]
            yield function, Node("call", tuple(arguments), (site.function,))
        at += len(site.rows) * row_bytes(function.parameters)


def _changed(program: Program) -> Iterator[Node]:
    """The globals that are set, and the words of the window that should change."""
    machine = Machine(program)
    before = bytes(machine.state.memory)
    try:
        for site in program.sites:
            for row in site.rows:
                machine.call(site.function, row)
    except (Trap, EvaluationError):
        return
    for number in sorted({node.at[0] for node in nodes(program) if node.op == "global.set"}):
        value = Node("global.get", (), (number,))
        yield from words(program.globals[number].type, value, value)
    after = bytes(machine.state.memory)
    for address in range(WINDOW, END, 8):
        at = address - END + len(after)
        if after[at : at + 8] != before[at : at + 8]:
            yield Node("i64.load", (Node("i32.const", (), (address,)),), (0, 0))


def _test(calls: Sequence[Node], word: Node, locals_: tuple[Type, ...]) -> Function:
    return Function((), ("i64",), locals_, (*calls, word))


def _start(calls: Sequence[Node], parts: Sequence[Node], locals_: tuple[Type, ...]) -> Function:
    """Makes the calls, then writes the words to stdout as they are in memory."""
    stores = [
        Node("i64.store", (_i32(OUTPUT + 8 * number), word), (0, 0))
        for number, word in enumerate(parts)
    ]
    vector = [
        Node("i32.store", (_i32(VECTOR + 4 * number), _i32(value)), (0, 0))
        for number, value in enumerate((OUTPUT, 8 * len(parts)))
    ]
    arguments = tuple(map(_i32, (1, VECTOR, 1, WRITTEN)))
    write = Node("drop", (Node("call", arguments, (FD_WRITE,)),))
    return Function((), (), locals_, (*calls, *stores, *vector, write))


def _i32(value: int) -> Node:
    return Node("i32.const", (), (value,))

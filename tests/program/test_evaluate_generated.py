"""Generated programs: the evaluator beside a compiler, over memory that lasts from call to call."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
import wasmtime

from lockstep.program.application import application, segments
from lockstep.program.encode import standalone
from lockstep.program.evaluate import Machine
from lockstep.program.generate import generate
from lockstep.program.trap import Trap
from lockstep.program.tree import ARENA, Function, Node, Program
from lockstep.runtimes.registry import select
from lockstep.scenario.choices import Stream

FUNCTIONS = 30
PEEK = Function(("i32",), ("i64",), (), (Node("i64.load", (Node("local.get", (), (0,)),), (0, 0)),))


def whole(program: Program) -> tuple[Program, range]:
    """The program with the functions of its sites, and one that reads memory, the last."""
    functions = application(program, restores=False)
    first = len(program.functions)
    data = segments(program, restores=False)
    made = msgspec.structs.replace(program, functions=(*functions, PEEK), segments=data)
    return made, range(first, first + len(program.sites))


def evaluated(program: Program, sites: range) -> Iterator[int | str]:
    """What each site stores; a trap, which is the last, as its kind."""
    machine = Machine(program)
    for site in sites:
        try:
            machine.call(site, (ARENA,))
        except Trap as trap:
            yield trap.kind
            return
        yield from machine.call(len(program.functions) - 1, (ARENA,))


def compiled(program: Program, sites: range) -> Iterator[int | str]:
    """The same from wasmtime, a trap as its text."""
    config = wasmtime.Config()
    config.wasm_tail_call = True
    engine = wasmtime.Engine(config)
    names = {f"site{site}": site for site in sites} | {"peek": len(program.functions) - 1}
    module, store = wasmtime.Module(engine, standalone(program, names)), wasmtime.Store(engine)
    exports = wasmtime.Instance(store, module, []).exports(store)
    for site in sites:
        try:
            exports[f"site{site}"](store, ARENA)
        except wasmtime.Trap as trap:
            yield trap.message
            return
        yield exports["peek"](store, ARENA) % (1 << 64)


def agree(index: int) -> bool:
    """Whether both say the same of a program; True where it traps."""
    program, sites = whole(generate(Stream(5, index, "program"), FUNCTIONS)[0])
    (runtime,) = select("wasmtime:cranelift")
    pairs = zip(evaluated(program, sites), compiled(program, sites), strict=True)
    for ours, theirs in pairs:
        if isinstance(ours, str):
            assert ours in runtime.trap_kinds(str(theirs)), (index, ours, theirs)
            return True
        assert ours == theirs, index
    return False


def test_generated_programs_are_evaluated_as_a_compiler_runs_them() -> None:
    trapped = [agree(index) for index in range(15)]
    assert set(trapped) == {True, False}


@pytest.mark.long
def test_a_thousand_generated_programs_are_evaluated_as_a_compiler_runs_them() -> None:
    trapped = [agree(index) for index in range(15, 1015)]
    assert set(trapped) == {True, False}

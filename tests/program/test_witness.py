"""What programs would drop or overwrite: into the witness, a global, and seen there."""

from __future__ import annotations

from collections import Counter

import pytest
import wasmtime

from lockstep.program.application import changed_globals
from lockstep.program.generate import generate
from lockstep.program.generate.scope import Scope, World
from lockstep.program.text import wast
from lockstep.program.tree import Function, Global, Node, Program, Site, walk
from lockstep.program.trial import expected
from lockstep.runtimes.traps import DIVIDE, MEMORY, OVERFLOW
from lockstep.scenario.choices import Stream


def constant(value: int) -> Node:
    return Node("i64.const", (), (value,))


def setting(value: int) -> Program:
    """A function that sets a global, one that calls it, one that does not; then an overwrite."""
    first = Function((), (), (), (Node("global.set", (constant(value),), (0,)),))
    caller = Function((), (), (), (Node("call", (), (0,)),))
    other = Function((), (), (), ())
    after = Function((), (), (), (Node("global.set", (constant(0),), (0,)),))
    sites = tuple(Site(index, ((),)) for index in range(4))
    return Program((first, caller, other, after), sites, (Global("i64", 0),))


def test_a_site_shows_the_globals_that_its_function_or_a_callee_sets() -> None:
    assert changed_globals(setting(1)) == [[0], [0], [], [0]]
    one, other = expected(setting(1)), expected(setting(2))
    assert [a == b for a, b in zip(one, other, strict=True)] == [False, False, True, True]


def test_a_global_is_seen_after_each_row_before_the_next_overwrites_it() -> None:
    body = (Node("global.set", (Node("local.get", (), (0,)),), (0,)),)
    functions = (Function(("i64",), (), (), body),)
    one, other = (
        Program(functions, (Site(0, ((first,), (3,))),), (Global("i64", 0),)) for first in (1, 2)
    )
    assert expected(one) != expected(other)


def test_about_half_of_all_functions_are_watched() -> None:
    seen = Counter()
    for index in range(6):
        program, _ = generate(Stream(5, index, "program"), 60)
        witness = len(program.globals) - 1
        for function in program.functions:
            inside = (node for top in function.body for node in walk(top))
            seen[any(node.op == "global.set" and node.at == (witness,) for node in inside)] += 1
    assert 1 / 3 < seen[True] / seen.total() < 2 / 3


def test_a_kind_of_trap_may_come_up_at_one_place_only() -> None:
    world = World(Stream(1, 0, "program"), (), [], (), ())
    scope = Scope(world, budget=1, may_trap=True, watched=False)
    assert scope.risks((MEMORY,), 4)
    assert not scope.risks((MEMORY,), 4)
    assert scope.risks((DIVIDE, OVERFLOW), 4)
    assert not scope.risks((OVERFLOW,), 4)
    guarded = Scope(world, budget=1, may_trap=False, watched=False)
    assert not guarded.risks((MEMORY,), 4)


def test_a_script_asks_for_the_globals_that_changed() -> None:
    program = Program(setting(7).functions, setting(7).sites[:2], setting(7).globals)
    assert '(assert_return (get "g0") (i64.const 7))' in wast(program)


@pytest.mark.parametrize("index", range(4))
def test_a_script_is_a_module_in_front(index: int) -> None:
    script = wast(generate(Stream(5, index, "program"), 20)[0])
    assert wasmtime.wat2wasm(script.partition("\n\n")[0])

"""A program alone gives in words what its script says, on whoever runs it."""

from __future__ import annotations

import pytest

from lockstep.program.alone import WORDS_MAX, Gave, alone
from lockstep.program.application import MASK, MULTIPLIER
from lockstep.program.notation import decode
from lockstep.program.text import wast
from lockstep.program.trap import Trap
from lockstep.program.tree import Program
from lockstep.runtimes import registry
from lockstep.sighting import seen

PROGRAMS = {
    "plain": ("(function () (i64) () (i64.const 0x8000000000000001)) (site 0 ())", [1 | 1 << 63]),
    "narrow": ("(function () (i32) () (i32.const 0xffffffff)) (site 0 ())", [0xFFFFFFFF]),
    "signalling": ("(function (f32) (f32) () (local.get 0)) (site 0 (0x7f800001))", [0x7F800001]),
    "vector": (
        "(function () (v128) () (v128.const 0x0000000000000002_0000000000000001)) (site 0 ())",
        [1, 2],
    ),
    "several": (
        "(function (i32) (i32 f64) () (local.get 0) (f64.const 0x8000000000000000))"
        "(site 0 (1) (2))",
        [1, 1 << 63, 2, 1 << 63],
    ),
    "writing": (
        "(function (i32) () () (i32.store 2 0 (i32.const 0x3ffffc) (local.get 0))) (site 0 (7))",
        [7 << 32, (7 << 32) * MULTIPLIER & MASK],
    ),
    "silent": ("(function () () () (nop)) (site 0 ())", [0]),
    "remembering": (
        "(global i32 5) (function () (i32) () (global.set 0 (i32.add (global.get 0) (i32.const 1)))"
        "(global.get 0)) (site 0 ()) (site 0 ())",
        [7, 6, 7],
    ),
}


def program_of(text: str) -> Program:
    return decode(f"(program {text.replace('_0', '0')})")


@pytest.fixture(params=PROGRAMS)
def case(request: pytest.FixtureRequest) -> tuple[Program, list[int]]:
    text, words = PROGRAMS[request.param]
    return program_of(text), words


def test_its_words_are_what_is_right(case: tuple[Program, list[int]]) -> None:
    program, words = case
    assert alone(program).right() == words


@pytest.mark.parametrize("name", ["wasmtime", "v8"])
def test_its_command_gives_them_on_a_runtime(case: tuple[Program, list[int]], name: str) -> None:
    program, words = case
    (runtime,) = registry.select(name)
    assert seen(program, runtime) == Gave(tuple(words))


def test_a_plain_result_needs_no_function_more() -> None:
    for name, more in (("plain", 0), ("narrow", 0), ("signalling", 1), ("vector", 2)):
        program = program_of(PROGRAMS[name][0])
        found = alone(program)
        assert len(found.program.functions) - len(program.functions) == more, name


def test_the_script_asserts_the_words_too() -> None:
    script = wast(alone(program_of(PROGRAMS["signalling"][0])).program)
    assert '(assert_return (invoke "f0" (f32.const nan:0x1)) (f32.const nan:0x1))' in script
    assert '(assert_return (invoke "f1") (i64.const 0x7f800001))' in script


def test_a_trap_is_right_where_one_should_be() -> None:
    text = "(function () (i32) () (i32.div_u (i32.const 1) (i32.const 0))) (site 0 ())"
    program = program_of(text)
    right = alone(program).right()
    assert isinstance(right, Trap)
    (runtime,) = registry.select("wasmtime")
    gave = seen(program, runtime)
    assert gave is not None
    assert gave.kind == "trap"
    assert right.kind in gave.text


def test_of_many_words_the_first_and_the_last_are_tested() -> None:
    rows = " ".join(f"({number})" for number in range(WORDS_MAX + 3))
    found = alone(program_of(f"(function (i64) (i64) () (local.get 0)) (site 0 {rows})"))
    assert found.right() == [*range(WORDS_MAX - 1), WORDS_MAX + 2]

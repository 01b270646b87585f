"""Programs as a text that a person can write."""

from __future__ import annotations

import pytest

from lockstep.errors import UsageError
from lockstep.program.generate import generate
from lockstep.program.notation import decode, encode
from lockstep.program.tree import Node, Program
from lockstep.scenario.choices import Stream


@pytest.mark.parametrize("index", range(12))
def test_a_generated_program_comes_back_as_it_was(index: int) -> None:
    program, _ = generate(Stream(7, index, "program"), 30)
    assert decode(encode(program)) == program


def test_elements_and_passive_segments_come_back_too() -> None:
    text = "(program (table 0 - 0) (segment - 00ff) (elements 0 0) (function () () ()) (site 0 ()))"
    program = decode(text)
    assert program.table == (0, None, 0)
    assert program.segments[0].address is None
    assert program.elements == ((0, 0),)
    assert decode(encode(program)) == program


def test_what_a_person_writes_is_read() -> None:
    program = decode("""
        ; the end of memory
        (program
          (function (i32) (i32) ()
            (i32.add (local.get 0) (i32.load 2 0 (i32.const 0x3ffffc))))
          (site 0 (1) (0xffffffff)))
    """)
    (function,) = program.functions
    load = Node("i32.load", (Node("i32.const", (), (0x3FFFFC,)),), (2, 0))
    assert function.body == (Node("i32.add", (Node("local.get", (), (0,)), load)),)
    assert program.sites[0].rows == ((1,), (0xFFFFFFFF,))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not enough values"),
        ("(program", "a `)` is missing"),
        ("(program))", "a `)` too many"),
        ("(module)", "does not begin with"),
        ("(program (import 1))", "nothing is called `import`"),
        ("(program (site x))", "invalid literal"),
        ("(program (function i32 () ()))", "a list was expected"),
        ("(program (function () () () (i32.clz (nop) (nop))))", "i32.clz takes 1 operands"),
    ],
)
def test_what_is_no_program_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(UsageError, match="that is no program") as caught:
        decode(text)
    assert why in caught.value.message


def test_an_empty_program_is_one() -> None:
    assert decode("(program)") == Program((), ())

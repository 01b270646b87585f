"""What a find is about, and a program without it."""

from __future__ import annotations

import pytest

from lockstep.campaign.programs import program_of
from lockstep.campaign.signature import by_rarity, class_of, fingerprint, signature_of, without
from lockstep.program.nan import cleaned
from lockstep.program.notation import decode
from lockstep.program.tree import nodes
from lockstep.program.trial import expected, module_of


@pytest.mark.parametrize(
    ("ops", "name"),
    [
        (("i32.load", "i64.load32_s", "f64.load", "v128.load8_splat", "v128.load64_lane"), "load"),
        (("i32.shl", "i64.shr_u", "i64.shr_s"), "i.shift"),
        (("i8x16.shl", "i64x2.shr_s"), "v.shift"),
        (("f32.min", "f64.max"), "f.minmax"),
        (("i32.lt_s", "i64.eqz", "i32.eq"), "i.compare"),
        (("f32.convert_i64_u", "f64.convert_i32_s"), "f.convert"),
        (("block", "if", "loop"), "block"),
        (("local.get", "i32.const", "drop"), ""),
        (("select",), "select"),
        (("memory.grow",), "memory.grow"),
    ],
)
def test_what_shows_one_bug_is_one_class(ops: tuple[str, ...], name: str) -> None:
    assert {class_of(op) for op in ops} == {name}


def test_without_instructions_its_types_tell() -> None:
    program = decode("(program (function (f32) (f32) () (local.get 0)) (site 0 (0x7f800001)))")
    assert signature_of(program) == {"f32"}
    assert not any(node.op == "local.get" for node in nodes(without(program, ["f32"])))


@pytest.mark.parametrize("index", range(6))
def test_a_class_that_is_taken_out_is_gone_and_the_program_still_runs(index: int) -> None:
    program, _ = program_of(5, index)
    rarest = by_rarity(program, frozenset({"i.shift", "load"}))[0]
    left = without(program, [rarest])
    assert rarest == "i.shift"
    assert "load" in signature_of(left)
    assert module_of(left)
    assert not [node for node in nodes(left) if class_of(node.op) == rarest and not cleaned(node)]


def test_what_is_not_there_takes_nothing_out() -> None:
    text = "(program (function (i32) (i32) () (i32.clz (local.get 0))) (site 0 (7)))"
    program = decode(text)
    assert without(program, ["load"]) == without(program, []) == program
    assert expected(without(program, ["i.clz"])) != expected(program)


def test_a_name_depends_on_who_and_what_alone() -> None:
    one = fingerprint(["a:x", "b:y"], frozenset({"load", "i.shift"}))
    assert one == fingerprint(["b:y", "a:x"], frozenset({"i.shift", "load"}))
    assert one != fingerprint(["a:x"], frozenset({"load", "i.shift"}))
    assert one != fingerprint(["a:x", "b:y"], frozenset({"load"}))

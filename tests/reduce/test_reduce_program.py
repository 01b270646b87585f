"""Programs are reduced to what shows the fault, and to the same each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from lockstep.program.generate import generate
from lockstep.program.tree import Function, Global, Node, Program, Site, nodes, walk
from lockstep.program.trial import expected, module_of, sound
from lockstep.reduce.program.order import sort_key
from lockstep.reduce.program.reducer import reduce_program
from lockstep.scenario.choices import Stream


def having(wanted: Callable[[Node], bool]) -> Callable[[Sequence[Program]], list[bool]]:
    """Whether a program has such a node, and does only what has one right result."""

    def consider(candidates: Sequence[Program]) -> list[bool]:
        return [any(map(wanted, nodes(program))) and sound(program) for program in candidates]

    return consider


def generated(index: int) -> Program:
    return generate(Stream(9, index, "program"), 25)[0]


@pytest.mark.parametrize("op", ["i32.rotl", "f64.copysign", "i64.clz", "i32.store8", "select"])
def test_one_instruction_with_its_operands_is_left(op: str) -> None:
    index = next(i for i in range(50) if any(n.op == op for n in nodes(generated(i))))
    reduced = reduce_program(generated(index), having(lambda node: node.op == op))
    assert reduced.minimal
    assert len(reduced.program.functions) == len(reduced.program.sites) == 1
    assert len(reduced.program.sites[0].rows) == 1
    found = [node.op for node in nodes(reduced.program)]
    assert op in found
    assert len(found) <= 5
    assert sort_key(reduced.program) < sort_key(generated(index))


def test_a_reduction_comes_to_the_same_twice() -> None:
    wanted = having(lambda node: node.op == "i64.mul")
    one, other = (reduce_program(generated(2), wanted) for _ in range(2))
    assert one == other


def test_every_candidate_can_be_made_into_a_module() -> None:
    asked: list[Program] = []

    def consider(candidates: Sequence[Program]) -> list[bool]:
        asked.extend(candidates)
        return having(lambda node: node.op == "i32.load")(candidates)

    reduce_program(generated(1), consider, max_candidates=300)
    assert len(asked) > 20
    for program in asked:
        assert module_of(program)


def test_a_loop_a_branch_and_a_return_go_when_they_do_not_matter() -> None:
    one = Node("i32.const", (), (1,))
    turn = Node("loop", (Node("br_if", (Node("i32.const", (), (0,)),), (1,)),), (1,))
    wanted = Node("i32.popcnt", (Node("i32.const", (), (255,)),))
    body = (Node("block", (turn, Node("br", (), (0,))), (0,)), Node("return", (wanted,)), one)
    program = Program((Function((), ("i32",), (), body),), (Site(0, ((),)),))
    reduced = reduce_program(program, having(lambda node: node.op == "i32.popcnt")).program
    assert [node.op for node in nodes(reduced)] == ["i32.popcnt", "i32.const"]
    assert expected(reduced)


def test_what_only_a_global_shows_is_left_with_one_look_at_it() -> None:
    value = Node("local.tee", (Node("i32.popcnt", (Node("local.get", (), (0,)),)),), (1,))
    turned = Node("i64.rotl", (Node("global.get", (), (0,)), Node("i64.const", (), (7,))))
    look = Node(
        "global.set", (Node("i64.add", (Node("i64.extend_i32_u", (value,)), turned)),), (0,)
    )
    again = Node("global.set", (turned,), (0,))
    body = (again, look, again, Node("local.get", (), (1,)))
    function = Function(("i32",), ("i32",), ("i32",), body)
    program = Program((function,), (Site(0, ((3,), (5,))),), (Global("i64", 0),))

    def shows(node: Node) -> bool:
        return node.op == "global.set" and any(n.op == "i32.popcnt" for n in walk(node))

    reduced = reduce_program(program, having(shows)).program
    found = [node.op for node in nodes(reduced)]
    assert found == ["global.set", "i64.extend_i32_u", "i32.popcnt", "i32.const"]


def test_nothing_is_changed_where_the_fault_does_not_show() -> None:
    program = generated(0)
    reduced = reduce_program(program, lambda candidates: [False for _ in candidates])
    assert reduced.program == program
    assert not reduced.minimal

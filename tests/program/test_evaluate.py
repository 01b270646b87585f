"""What the evaluator makes of trees, construct by construct."""

from __future__ import annotations

import pytest

from lockstep.errors import EvaluationError
from lockstep.program.evaluate import Machine
from lockstep.program.trap import Trap
from lockstep.program.tree import (
    ARENA,
    END,
    PAGE_BYTES,
    Function,
    Global,
    Node,
    Program,
    Segment,
    Signature,
    Type,
)

MINUS_ONE = 0xFFFFFFFF
ONE_TO_ONE = Signature(("i32",), ("i32",))


def i32(value: int) -> Node:
    return Node("i32.const", (), (value & MINUS_ONE,))


def get(index: int) -> Node:
    return Node("local.get", (), (index,))


def set_(index: int, value: Node) -> Node:
    return Node("local.set", (value,), (index,))


def add(one: Node, other: Node) -> Node:
    return Node("i32.add", (one, other))


def function(
    *body: Node, takes: int = 1, gives: int = 1, more: tuple[Type, ...] = ("i32", "i32")
) -> Function:
    return Function(("i32",) * takes, ("i32",) * gives, more, body)


def value(*body: Node, argument: int = 7, **program: object) -> int:
    """What a function of one argument gives."""
    machine = Machine(Program((function(*body),), (), **program))  # type: ignore[arg-type]
    (found,) = machine.call(0, (argument,))
    return found


def trap(machine: Machine, *arguments: int, function: int = 0) -> str:
    with pytest.raises(Trap) as caught:
        machine.call(function, arguments)
    return caught.value.kind


def test_a_branch_leaves_a_block_with_its_value() -> None:
    inner = Node("block", (Node("br", (i32(5),), (1,)),), (2,), ("i32",))
    assert value(Node("block", (Node("drop", (inner,)), i32(6)), (1,), ("i32",))) == 5


def test_a_branch_that_is_not_taken_leaves_its_values_on_the_stack() -> None:
    branch = Node("br_if", (i32(3), i32(4), Node("i32.eqz", (get(0),))), (1,))
    body = (Node("block", (add(i32(0), Node("i32.sub", (branch,))), i32(9)), (1,), ("i32", "i32")),)
    machine = Machine(Program((function(*body, gives=2),), ()))
    assert machine.call(0, (1,)) == (MINUS_ONE, 9)
    assert machine.call(0, (0,)) == (3, 4)


def test_a_loop_goes_on_while_it_is_branched_to() -> None:
    step = Node("local.tee", (Node("i32.sub", (get(0), i32(1))),), (0,))
    turn = set_(1, add(get(1), get(0))), Node("br_if", (step,), (1,))
    assert value(Node("loop", turn, (1,)), get(1), argument=10) == 55


@pytest.mark.parametrize(("index", "found"), [(0, 10), (1, 20), (2, 30), (3, 30), (MINUS_ONE, 30)])
def test_a_table_of_labels_ends_in_its_default(index: int, found: int) -> None:
    chosen: Node = Node("br_table", (get(0),), (1, 2, 3))
    for label in (1, 2):
        leave = Node("return", (i32(label * 10),))
        chosen = Node("block", (chosen,), (label,))
        chosen = Node("block", (chosen, leave), (10 + label,))
    assert value(Node("block", (chosen,), (3,)), i32(30), argument=index) == found


def test_a_branch_out_of_a_condition_does_not_choose_a_side() -> None:
    sides = Node("then", (i32(1),)), Node("else", (Node("br", (i32(2),), (5,)),))
    choice = Node("if", (get(0), *sides), (5,), ("i32",))
    assert [value(choice, argument=a) for a in (7, 0)] == [1, 2]


def test_operands_are_computed_from_left_to_right() -> None:
    tee = Node("local.tee", (i32(40),), (0,))
    assert value(Node("i32.sub", (tee, get(0)))) == 0
    assert value(Node("i32.sub", (get(0), tee))) == 7 - 40 + (1 << 32)


def test_what_comes_before_a_trap_has_happened() -> None:
    store = Node("i32.store", (i32(END - 4), get(0)), (2, 0))
    peek = function(Node("i32.load", (i32(END - 4),), (2, 0)), takes=0)
    program = Program((function(store, Node("unreachable"), gives=0), peek), ())
    machine = Machine(program)
    assert trap(machine, 77) == "unreachable"
    assert machine.call(1, ()) == (77,)
    machine.reset()
    assert machine.call(1, ()) == (0,)


def test_calls_give_several_values_that_are_unpacked_in_their_order() -> None:
    two = function(get(0), add(get(0), i32(1)), gives=2)
    taken = Node("unpack", (Node("call", (get(0),), (1,)),), (1, 2))
    machine = Machine(Program((function(taken, get(2), get(1), gives=2), two), ()))
    assert machine.call(0, (5,)) == (6, 5)


def test_the_values_of_one_kid_are_operands_of_their_own() -> None:
    two = function(get(0), i32(2), gives=2)
    body = Node("i32.sub", (Node("call", (get(0),), (1,)),))
    assert Machine(Program((function(body), two), ())).call(0, (9,)) == (7,)


def test_endless_recursion_exhausts_the_stack() -> None:
    machine = Machine(Program((function(add(Node("call", (get(0),), (0,)), i32(1))),), ()))
    assert trap(machine, 1) == "stack exhausted"


def test_tail_calls_need_no_stack_but_steps() -> None:
    less = Node("i32.sub", (get(0), i32(1)))
    again = Node("return_call", (less,), (0,))
    sides = Node("then", (again,)), Node("else", (Node("return", (i32(3),)),))
    program = Program((function(Node("if", (get(0), *sides), (1,)), i32(0)),), ())
    assert Machine(program).call(0, (5000,)) == (3,)
    with pytest.raises(EvaluationError, match="more than 4000 steps"):
        Machine(program, steps_max=4000).call(0, (5000,))


def test_a_loop_without_end_is_an_error_that_says_so() -> None:
    forever = Node("loop", (Node("br", (), (1,)),), (1,))
    with pytest.raises(EvaluationError, match="more than 100 steps"):
        Machine(Program((function(forever, gives=0),), ()), steps_max=100).call(0, (1,))


def test_indirect_calls_trap_by_what_they_find() -> None:
    other = Function((), (), (), ())
    call = Node("call_indirect", (i32(8), get(0)), (0,))
    program = Program(
        (function(call), function(add(get(0), i32(1))), other),
        (),
        signatures=(ONE_TO_ONE,),
        table=(1, None, 2),
    )
    machine = Machine(program)
    assert machine.call(0, (0,)) == (9,)
    assert trap(machine, 1) == "uninitialized element"
    assert trap(machine, 2) == "indirect call type mismatch"
    assert trap(machine, 3) == "undefined element"
    assert trap(machine, MINUS_ONE) == "undefined element"


def test_indirect_tail_calls_go_where_the_table_says() -> None:
    call = Node("return_call_indirect", (i32(8), get(0)), (0,))
    machine = Machine(
        Program(
            (function(call, i32(1)), function(add(get(0), i32(1)))),
            (),
            signatures=(ONE_TO_ONE,),
            table=(1,),
        )
    )
    assert machine.call(0, (0,)) == (9,)


def test_memory_ends_where_it_ends() -> None:
    load = function(Node("i32.load16_u", (get(0),), (0, 1)))
    machine = Machine(Program((load,), (), segments=(Segment(END - 2, b"\x34\x12"),)))
    assert machine.call(0, (END - 3,)) == (0x1234,)
    for address in (END - 2, MINUS_ONE, 0xFFFFFFFE):
        assert trap(machine, address) == "out of bounds memory access"


def test_what_is_the_guests_cannot_be_evaluated() -> None:
    load = function(Node("i32.load", (get(0),), (0, 0)))
    with pytest.raises(EvaluationError, match="which is the guest's"):
        Machine(Program((load,), ())).call(0, (ARENA - 1,))
    (found,) = Machine(Program((load,), ()), memory_pages=1).call(0, (0,))
    assert found == 0


def memory_op(name: str, *at: int) -> Machine:
    """Function 0 is an instruction of three operands; four bytes are at the end of memory."""
    body = Node(name, (get(0), get(1), get(2)), at)
    peek = function(Node("i32.load", (i32(END - 4),), (2, 0)), takes=0)
    drop = function(Node("data.drop", (), (1,)), takes=0, gives=0)
    segments = Segment(END - 4, b"\1\2\3\4"), Segment(None, b"abcd")
    return Machine(Program((function(body, takes=3, gives=0), peek, drop), (), segments=segments))


def test_memory_is_filled_and_copied_also_onto_itself() -> None:
    machine = memory_op("memory.fill")
    machine.call(0, (END - 3, 0x1FF, 2))
    assert machine.call(1, ()) == (0x04FFFF01,)
    machine = memory_op("memory.copy")
    machine.call(0, (END - 3, END - 4, 3))
    assert machine.call(1, ()) == (0x03020101,)
    machine.call(0, (END - 4, END - 3, 3))
    assert machine.call(1, ()) == (0x03030201,)


@pytest.mark.parametrize("name", ["memory.fill", "memory.copy", "memory.init"])
def test_bulk_instructions_trap_before_they_write(name: str) -> None:
    machine = memory_op(name, *([1] if name == "memory.init" else []))
    for arguments in ((END - 3, END - 4, 4), (END + 1, 0, 0), (MINUS_ONE, 0, MINUS_ONE)):
        assert trap(machine, *arguments) == "out of bounds memory access"
    machine.call(0, (END, 0, 0))
    assert machine.call(1, ()) == (0x04030201,)


def test_segments_are_empty_when_they_were_dropped_or_active() -> None:
    machine = memory_op("memory.init", 1)
    machine.call(0, (END - 4, 1, 3))
    assert machine.call(1, ()) == (int.from_bytes(b"bcd\4", "little"),)
    assert trap(machine, END - 4, 1, 4) == "out of bounds memory access"
    machine.call(2, ())
    assert trap(machine, END - 4, 0, 1) == "out of bounds memory access"
    machine.call(0, (END - 4, 0, 0))
    active = memory_op("memory.init", 0)
    assert trap(active, END - 4, 0, 1) == "out of bounds memory access"


def test_memory_and_table_are_as_large_as_they_may_be() -> None:
    assert value(Node("memory.size")) == END // PAGE_BYTES
    assert value(Node("memory.grow", (i32(0),))) == END // PAGE_BYTES
    assert value(Node("memory.grow", (i32(1),))) == MINUS_ONE
    assert value(Node("memory.grow", (i32(-1),))) == MINUS_ONE
    assert value(Node("table.size"), table=(None, None)) == 2
    assert value(Node("table.grow", (Node("ref.null"), i32(0))), table=(None,)) == 1
    assert value(Node("table.grow", (Node("ref.null"), i32(1))), table=(None,)) == MINUS_ONE


def null_at(index: Node) -> Node:
    return Node("ref.is_null", (Node("table.get", (index,)),))


def test_table_entries_are_written_and_read() -> None:
    setting = Node("table.set", (i32(1), Node("ref.func", (), (0,))))
    assert value(setting, add(null_at(i32(0)), null_at(i32(1))), table=(None, None)) == 1
    filling = Node("table.fill", (i32(0), Node("ref.null"), i32(2)))
    assert value(filling, add(null_at(i32(0)), null_at(i32(1))), table=(0, 0)) == 2
    copying = Node("table.copy", (i32(1), i32(0), i32(2)))
    assert value(copying, null_at(i32(2)), table=(None, 0, None)) == 0
    init = Node("table.init", (i32(1), i32(0), i32(1)), (0,))
    assert value(init, null_at(i32(1)), table=(None, None), elements=((0,),)) == 0


@pytest.mark.parametrize(
    "node",
    [
        Node("drop", (Node("table.get", (i32(2),)),)),
        Node("table.set", (i32(2), Node("ref.null"))),
        Node("table.fill", (i32(1), Node("ref.null"), i32(2))),
        Node("table.fill", (i32(3), Node("ref.null"), i32(0))),
        Node("table.copy", (i32(1), i32(0), i32(2))),
        Node("table.copy", (i32(0), i32(1), i32(2))),
        Node("table.init", (i32(0), i32(0), i32(2)), (0,)),
        Node("table.init", (i32(2), i32(0), i32(1)), (0,)),
    ],
)
def test_table_instructions_trap_beyond_the_end(node: Node) -> None:
    program = Program((function(node, gives=0),), (), table=(None, None), elements=((0,),))
    assert trap(Machine(program), 0) == "out of bounds table access"


def test_dropped_elements_are_none() -> None:
    init = Node("table.init", (i32(0), i32(0), get(0)), (0,))
    body = Node("elem.drop", (), (0,)), init, i32(1)
    machine = Machine(Program((function(*body),), (), table=(None,), elements=((0,),)))
    assert machine.call(0, (0,)) == (1,)
    assert trap(machine, 1) == "out of bounds table access"


def test_globals_last_from_call_to_call_until_a_reset() -> None:
    more = Node("global.set", (add(Node("global.get", (), (0,)), get(0)),), (0,))
    program = Program(
        (function(more, Node("global.get", (), (0,))),), (), globals=(Global("i32", 5),)
    )
    machine = Machine(program)
    assert [machine.call(0, (1,)) for _ in range(2)] == [(6,), (7,)]
    machine.reset()
    assert machine.call(0, (1,)) == (6,)


def test_locals_begin_as_zero_and_null() -> None:
    body = add(get(1), Node("ref.is_null", (get(2),)))
    machine = Machine(Program((function(body, more=("i32", "funcref")),), ()))
    assert machine.call(0, (9,)) == (1,)


def test_lanes_of_memory_move_alone() -> None:
    vector = Node("v128.const", (), (0x11 * ((1 << 128) - 1) // 0xFF,))
    load = Node("v128.load8_lane", (i32(END - 1), vector), (0, 0, 15))
    store = Node("v128.store8_lane", (i32(END - 2), load), (0, 0, 15))
    read = Node("i32.load16_u", (i32(END - 2),), (0, 0))
    assert value(store, read, segments=(Segment(END - 1, b"\x77"),)) == 0x7777


@pytest.mark.parametrize("typed", [(), ("i32",)])
def test_select_computes_both_and_takes_one(typed: tuple[Type, ...]) -> None:
    tees = [Node("local.tee", (i32(n),), (n,)) for n in (1, 2)]
    chosen = Node("select", (*tees, get(0)), (), typed)
    total = set_(0, chosen), add(Node("i32.mul", (get(0), i32(100))), add(get(1), get(2)))
    assert [value(*total, argument=a) for a in (7, 0)] == [103, 203]


def test_what_follows_an_unconditional_branch_does_not_matter() -> None:
    assert value(Node("return", (i32(4),)), Node("drop", (Node("unreachable"),)), i32(1)) == 4
    assert value(add(i32(1), Node("return", (get(0),)))) == 7

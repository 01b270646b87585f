"""Generated programs: valid, sound, shaped as bugs need, and the same for the same numbers."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import pytest

from lockstep import protocol
from lockstep.execute.fleet import Fleet, How
from lockstep.guest import catalog
from lockstep.guest.graft import graft
from lockstep.guest.wasm import Module
from lockstep.guest.wasm.features import features
from lockstep.program.application import WINDOW
from lockstep.program.encode import donor
from lockstep.program.generate import generate
from lockstep.program.implant import Host
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.nan import exposed
from lockstep.program.trap import Trap
from lockstep.program.tree import Program, nodes
from lockstep.program.trial import events_of, expected, module_of, sound
from lockstep.runtimes import registry
from lockstep.scenario.choices import Stream

SOME = range(12)


def program(index: int, functions: int = 30) -> tuple[Program, frozenset[str]]:
    return generate(Stream(5, index, "program"), functions)


def test_the_same_numbers_give_the_same_program() -> None:
    assert program(3) == program(3)
    assert program(3) != program(4)


@pytest.mark.parametrize("index", SOME)
def test_a_program_shows_no_bits_that_the_specification_leaves_open(index: int) -> None:
    made, _ = program(index)
    assert not any(map(exposed, made.functions))
    assert sound(made)


@pytest.mark.parametrize("index", SOME)
def test_a_module_uses_no_features_but_those_that_were_drawn(index: int) -> None:
    made, drawn = program(index)
    assert set(features(Module.decode(module_of(made), "program"))) <= drawn


@pytest.mark.parametrize("guest", ["probe", "hotstuff"])
def test_what_is_implanted_is_what_is_grafted(guest: str) -> None:
    module = catalog.shipped()[guest].read_bytes()
    for index in SOME[:4]:
        made, _ = program(index)
        grafted = graft(module, donor(made, restores=guest == "hotstuff"))
        assert Host(module).with_program(made, restores=guest == "hotstuff") == grafted


def test_only_the_last_site_may_trap() -> None:
    ends = Counter()
    for index in range(40):
        made, _ = program(index, functions=6)
        results = expected(made)
        trapped = isinstance(results[-1], Trap)
        assert len(results) == len(made.sites)
        assert not any(isinstance(result, Trap) for result in results[:-1])
        ends[trapped] += 1
    assert ends[True] and ends[False]


def test_every_instruction_comes_up_in_a_few_thousand_functions() -> None:
    seen = {node.op for index in range(60) for node in nodes(program(index, 100)[0])}
    assert not INSTRUCTIONS.keys() - seen


def test_shapes_that_bugs_needed_come_up() -> None:
    seen = Counter()
    for index in range(20):
        for node in nodes(program(index, 60)[0]):
            row = INSTRUCTIONS.get(node.op)
            if row is None or not row.gives:
                continue
            for kid in node.kids:
                below = INSTRUCTIONS.get(kid.op)
                if below and below.width and below.gives and not row.width:
                    seen["an operation on a load"] += 1
            if len(node.kids) == 2 and node.kids[0] == node.kids[1]:
                seen["one operand twice"] += 1
            if row.width and node.kids[0].op == "i32.shl":
                seen["an address that is shifted"] += 1
            if ".sh" in node.op and node.kids[-1].op.endswith("const"):
                seen["a shift by a constant"] += 1
    assert min(seen.values()) >= 10
    assert len(seen) == 4


@pytest.fixture(scope="module")
def runtimes() -> list[registry.Runtime]:
    return registry.select("wasmtime:cranelift,v8:liftoff")


@pytest.mark.parametrize("index", [0, 3, 5, 6, 8])
def test_runtimes_and_the_evaluator_agree(
    index: int, runtimes: list[registry.Runtime], tmp_path: Path
) -> None:
    made, _ = program(index)
    path = tmp_path / "program.wasm"
    path.write_bytes(module_of(made))
    wanted = [word for word in expected(made) if not isinstance(word, Trap)]
    with Fleet(runtimes) as fleet:
        stdin = protocol.encode_events(events_of(made)[: 1 + len(made.sites) - 1])
        for run in fleet.run_all(runtimes, path, stdin, How(reuse=False)).values():
            frames, _ = protocol.split_frames(run.output)
            reports = [protocol.report_of(protocol.decode_observation(f)) for f in frames[1:]]
            got = [struct.unpack("<Q", report)[0] for report in reports]
            assert got == wanted[: len(made.sites) - 1]


def test_a_program_keeps_to_its_window() -> None:
    for index in SOME:
        for segment in program(index)[0].segments:
            assert segment.address is None or segment.address >= WINDOW


@pytest.mark.parametrize("width", [32, 64])
def test_two_shifts_that_make_a_rotation_come_up_at_the_edges_too(width: int) -> None:
    left, right = f"i{width}.shl", f"i{width}.shr_u"
    amounts = set()
    for index in range(60):
        for node in nodes(program(index, 60)[0]):
            if [kid.op for kid in node.kids] in ([left, right], [right, left]):
                first, second = (kid.kids[1] for kid in node.kids)
                if first.op == second.op == f"i{width}.const":
                    amounts.add((first.at[0], second.at[0]))
    assert {(0, width), (width, 0)} <= amounts
    assert any(sum(pair) == width and 0 not in pair for pair in amounts)

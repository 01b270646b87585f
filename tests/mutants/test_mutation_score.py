"""What counts as a difference at a site, what is seen of it, and that all mutants are modules."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import wasmtime
from planting import PAGE, flags, mutants, subject

from lockstep import trace
from lockstep.guest import catalog
from lockstep.guest.wasm import Module
from lockstep.program.encode import donor
from lockstep.program.generate import generate
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime
from lockstep.scenario.choices import Stream
from tools.mutants.field import Field, Reached, from_sites, watched
from tools.mutants.rewrite import miscompiled
from tools.mutants.stack import Context
from tools.mutants.subject import Subject
from tools.mutants.trial import Fate, Outcome, Trial
from tools.mutants.watch import Watch, watching

TRACES = Path(__file__).parents[2] / "traces"
UNREACHED, EXECUTED, DIFFERED = 0, 1, 3


@pytest.mark.parametrize(("address", "told"), [(100, DIFFERED), (101, EXECUTED)])
def test_the_sign_of_a_load_matters_where_the_top_bit_is_set(address: int, told: int) -> None:
    work = f"(i32.load8_u (i32.const {address}))"
    assert flags(work, "i32.load8_u", "i32.load8_s") == told


@pytest.mark.parametrize(("value", "told"), [(0, EXECUTED), (1, DIFFERED)])
def test_a_dropped_store_matters_where_something_else_was_there(value: int, told: int) -> None:
    work = f"(i32.store8 (i32.const 20) (i32.const {value})) (i32.const 0)"
    assert flags(work, "i32.store8", "nothing") == told


def test_a_store_next_to_its_place_is_taken_back() -> None:
    work = "(i32.store8 (i32.const 20) (i32.const 1)) (i32.load8_u (i32.const 21))"
    tiny = subject(work)
    (mutant,) = mutants(Field(tiny), "i32.store8", "i32.store8 offset=1")
    watched_run = Watch(tiny.module, tiny.context, [mutant]).run(b"")
    assert watched_run.flags == [DIFFERED]
    assert watched_run.output == bytes(4) + b"\1" + bytes(3)


@pytest.mark.parametrize(("one", "other", "told"), [(5, 5, EXECUTED), (5, 6, DIFFERED)])
def test_swapped_operands_matter_where_they_are_not_alike(one: int, other: int, told: int) -> None:
    work = f"(i32.sub (i32.const {one}) (i32.const {other}))"
    assert flags(work, "i32.sub", "i32.sub, operands swapped") == told


def test_a_site_that_is_not_executed_is_told() -> None:
    work = "(if (result i32) (i32.const 0) (then (i32.clz (local.get $x))) (else (i32.const 1)))"
    assert flags(work, "i32.clz", "i32.ctz") == UNREACHED


def test_a_missing_trap_matters_where_there_is_a_trap() -> None:
    for address, told in ((PAGE - 4, EXECUTED), (PAGE - 3, DIFFERED)):
        work = f"(i32.load (i32.const {address}))"
        assert flags(work, "i32.load", "i32.load, 0 instead of a trap") == told


@pytest.mark.parametrize("wider", ["i32.load16_u", "i32.load"])
def test_a_wider_load_past_the_end_matters_and_does_not_end_the_run(wider: str) -> None:
    work = f"(i32.load8_u (i32.const {PAGE - 1}))"
    assert flags(work, "i32.load8_u", wider) == DIFFERED


def test_a_division_that_would_overflow_matters_and_does_not_end_the_run() -> None:
    work = "(i32.div_u (i32.const 0x80000000) (i32.const -1))"
    assert flags(work, "i32.div_u", "i32.div_s") == DIFFERED


@pytest.mark.parametrize(("value", "told"), [("1.5", EXECUTED), ("-1.5", DIFFERED)])
def test_a_conversion_that_would_trap_matters(value: str, told: int) -> None:
    work = f"(i32.trunc_f64_s (f64.const {value}))"
    assert flags(work, "i32.trunc_f64_s", "i32.trunc_f64_u") == told


def test_one_nan_is_as_good_as_another_only_where_it_is_computed() -> None:
    added = "(i32.trunc_sat_f32_s (f32.add (f32.const nan) (f32.const nan:0x200001)))"
    assert flags(added, "f32.add", "f32.sub") == EXECUTED
    negated = "(i32.reinterpret_f32 (f32.neg (f32.const nan)))"
    assert flags(negated, "f32.neg", "f32.abs") == DIFFERED


def test_an_inverted_condition_always_matters() -> None:
    work = "(select (local.get $x) (local.get $y) (i32.const 1))"
    assert flags(work, "select", "select, condition inverted") == DIFFERED
    work = "(block (br_if 0 (i32.const 1))) (i32.const 0)"
    assert flags(work, "br_if 0", "br_if 0, condition inverted") == DIFFERED


def test_a_pattern_says_where_operands_come_from() -> None:
    field = Field(subject("(i32.sub (i32.load8_u (i32.const 100)) (i32.const 1))"))
    patterns = {site.pattern for _, site in field.sites}
    assert ("i32.sub", "memory", "constant") in patterns
    assert ("i32.load8_u", "constant") in patterns


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    (found,) = registry.select("wasmtime:cranelift", {})
    return found


def outcome(runtime: Runtime, work: str, text: str, after: str) -> Outcome:
    """What becomes of the first such mutant."""
    field = Field(subject(work))
    reached = watched(field.subject, mutants(field, text, after)[:1])
    with Trial(runtime, [field], jobs=1) as trial:
        (found,) = trial.outcomes(reached)
    return found


def test_what_is_written_is_seen(runtime: Runtime) -> None:
    found = outcome(runtime, "(i32.mul (local.get $x) (i32.const 3))", "i32.mul", "i32.add")
    assert (found.fate, found.how) == (Fate.ALONE, "observations")


def test_a_new_trap_is_seen(runtime: Runtime) -> None:
    work = "(i32.load (i32.sub (i32.const 8) (i32.const 4)))"
    found = outcome(runtime, work, "i32.sub", "i32.sub, operands swapped")
    assert (found.fate, found.how) == (Fate.ALONE, "trap")


def test_an_endless_loop_is_seen(runtime: Runtime) -> None:
    # Added, 7 never comes to 0: counting through 2^32 numbers may be over before the time is.
    less = "(i32.mul (i32.sub (local.get $x) (i32.const 7)) (i32.const 2))"
    again = f"(br_if 0 (local.tee $x {less}))"
    found = outcome(runtime, f"(loop {again}) (i32.const 0)", "i32.sub", "i32.add")
    assert found.fate is Fate.ALONE
    assert found.how == "hang"


def test_what_goes_nowhere_is_missed(runtime: Runtime) -> None:
    work = "(drop (i32.mul (local.get $x) (i32.const 3))) (i32.const 0)"
    assert outcome(runtime, work, "i32.mul", "i32.add").fate is Fate.MISSED


def test_what_goes_nowhere_here_is_seen_where_the_same_mistake_matters(runtime: Runtime) -> None:
    dropped = "(drop (i32.mul (local.get $x) (i32.const 3)))"
    found = outcome(
        runtime, f"{dropped} (i32.mul (local.get $x) (i32.const 5))", "i32.mul", "i32.add"
    )
    assert found.fate is Fate.EVERYWHERE


def test_what_never_differs_is_not_run(runtime: Runtime) -> None:
    work = "(i32.and (i32.const 6) (i32.const 6))"
    assert outcome(runtime, work, "i32.and", "i32.or").fate is Fate.NO_EFFECT


def generated(index: int) -> Subject:
    """A program as it is grafted, with all its functions."""
    module = Module.decode(donor(generate(Stream(1, index, "program"))[0], restores=False))
    context = Context(module)
    return Subject("program", module, context, tuple(range(len(context.bodies))), ())


@pytest.mark.parametrize("index", range(4))
def test_every_mutant_of_a_program_is_a_module_and_so_is_the_watching_one(index: int) -> None:
    field, engine = Field(generated(index)), wasmtime.Engine()
    module, context = field.subject.module, field.subject.context
    source = random.Random(index)
    some = source.sample(field.sites, 150)
    drawn = [source.choice(field.at(function, site)) for function, site in some]
    wasmtime.Module.validate(engine, watching(module, context, drawn))
    wasmtime.Module.validate(engine, miscompiled(module, context, drawn))


def test_watching_changes_no_answer_of_a_guest() -> None:
    guest = catalog.find("hotstuff")
    module = Module.decode(guest.module)
    context = Context(module)
    stdin = trace.read(TRACES / "fault-free.trace").stdin()
    numbers = tuple(range(context.first, context.first + len(context.bodies)))
    field = Field(Subject("hotstuff", module, context, numbers, (stdin,)))
    reached: list[Reached] = from_sites(field, random.Random(1), 100)
    assert any(one.hits for one in reached)
    plain = Watch(module, context, []).run(stdin).output
    assert Watch(module, context, [one.mutant for one in reached]).run(stdin).output == plain

"""A whole program from a source of choices: functions, what they share, and where they are called.

What instructions it may use is drawn first, so that a runtime without some feature still takes part
in most. At most one call may trap, the last one: a trap ends its job.
"""

from __future__ import annotations

from lockstep.guest.wasm.opcodes import (
    BULK_MEMORY,
    MULTI_VALUE,
    REFERENCE_TYPES,
    SATURATING,
    SIGN_EXTENSION,
    SIMD,
    TAIL_CALL,
)
from lockstep.program.application import INPUTS, WINDOW, WINDOW_BYTES, row_bytes
from lockstep.program.generate import values
from lockstep.program.generate.functions import function
from lockstep.program.generate.scope import PASSIVE_BYTES, SPARE, Callee, World, available
from lockstep.program.tree import Function, Global, Program, Segment, Site
from lockstep.scenario.choices import Choices

FUNCTIONS = 100
ROWS = 8
ENTRIES_MAX = 32

COMMON = (SIGN_EXTENSION, SATURATING, MULTI_VALUE, BULK_MEMORY, REFERENCE_TYPES)
SETS: tuple[tuple[str, ...], ...] = (
    (),
    (SIGN_EXTENSION,),
    (SIGN_EXTENSION, SATURATING, MULTI_VALUE),
    COMMON,
    COMMON,
    (*COMMON, TAIL_CALL),
    (*COMMON, SIMD),
    (*COMMON, SIMD),
    (*COMMON, SIMD, TAIL_CALL),
)


def generate(choices: Choices, functions: int = FUNCTIONS) -> tuple[Program, frozenset[str]]:
    """A program, and the features that it may use."""
    features = frozenset(choices.pick(SETS))
    world = _world(choices, features)
    made: list[Function] = []
    sites: list[Site] = []
    room = WINDOW - INPUTS
    for index in range(functions):
        may_trap = index == functions - 1
        new, callee = function(world, may_trap=may_trap)
        made.append(new)
        site = _site(choices, callee, room)
        room -= len(site.rows) * row_bytes(new.parameters)
        sites.append(site)
        if not may_trap:
            _callable(world, callee)
    return _program(world, made, sites), features


def _world(choices: Choices, features: frozenset[str]) -> World:
    rows = available(features)
    types = sorted({type_ for row in rows for type_ in row.gives})
    globals_ = tuple(
        Global(type_, values.value(choices, type_))
        for type_ in types
        for _ in range(choices.integer(0, 2))
    )
    passive = BULK_MEMORY in features
    return World(choices, features, rows, globals_, segments=_segments(choices, passive=passive))


def _segments(choices: Choices, *, passive: bool) -> tuple[Segment, ...]:
    """What the window holds at first, and what can be copied there."""
    words = b"".join(
        values.value(choices, "i64").to_bytes(8, "little") for _ in range(WINDOW_BYTES // 8)
    )
    waiting = (Segment(None, choices.data(PASSIVE_BYTES)),) if passive else ()
    return (*waiting, Segment(WINDOW, words))


def _callable(world: World, callee: Callee) -> None:
    """Later functions may call this one; one in four also through the table."""
    world.callees.append(callee)
    if world.choices.chance(1, 4) and len(world.entries) < ENTRIES_MAX:
        world.entries.append(callee.index)
        if callee.signature not in world.signatures:
            world.signatures.append(callee.signature)


def _site(choices: Choices, callee: Callee, room: int) -> Site:
    size = row_bytes(callee.signature.parameters)
    count = max(1, min(ROWS, room // size)) if size else 1
    rows = [tuple(role.raw(choices) for role in callee.roles) for _ in range(count)]
    return Site(callee.index, tuple(rows))


def _program(world: World, made: list[Function], sites: list[Site]) -> Program:
    return Program(
        tuple(made),
        tuple(sites),
        (*world.globals, Global("i64", 0)),
        tuple(world.signatures),
        (*[None] * SPARE, *world.entries),
        world.segments,
    )

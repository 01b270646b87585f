"""A program as a trial: the module that runs it, the events that call its sites, what is right."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from lockstep import protocol
from lockstep.errors import EvaluationError
from lockstep.guest import catalog
from lockstep.program.application import (
    MASK,
    MULTIPLIER,
    ROTATION,
    WINDOW,
    changed_globals,
    writers,
)
from lockstep.program.evaluate import Machine
from lockstep.program.implant import Host
from lockstep.program.nan import exposed, is_nan
from lockstep.program.trap import Trap
from lockstep.program.tree import END, Bits, Program, Site, Type
from lockstep.protocol import Event, Init

PROBE = "probe"
CLIENT = 1


@functools.cache
def probe() -> Host:
    """The guest that is nothing but its application."""
    return Host(catalog.shipped()[PROBE].read_bytes())


def module_of(program: Program) -> bytes:
    """The probe with the program as its application."""
    return probe().with_program(program, restores=False)


def events_of(program: Program) -> tuple[Event, ...]:
    """Each site once, in order; a digest behind them, and in front of the last, which may trap."""
    commands = [call(number) for number in range(len(program.sites))]
    before = (protocol.digest(),) if len(commands) > 1 else ()
    start = protocol.init(0, Init(0, 1, 0, (), b""))
    return (start, *commands[:-1], *before, commands[-1], protocol.digest())


def call(number: int) -> Event:
    """The command that runs a site."""
    return protocol.command(0, CLIENT, number + 1, number.to_bytes(2, "little"))


def state_of(frame: bytes) -> Bits | None:
    """What a site left in the state, by the observation of its command."""
    report = protocol.report_of(protocol.decode_observation(frame))
    return int.from_bytes(report, "little") if len(report) == 8 else None


def expected(program: Program, machine: Machine | None = None) -> list[Bits | Trap]:
    """What each site leaves in the state, up to a trap; `machine` is one of the program, unused.

    Raises `EvaluationError` where the program does what programs do not.
    """
    machine = machine or Machine(program)
    writing, changed = writers(program), changed_globals(program)
    found: list[Bits | Trap] = []
    for site in program.sites:
        try:
            total = _called(machine, site, changed[site.function])
        except Trap as trap:
            return [*found, trap]
        if site.function in writing:
            memory = machine.state.memory
            for at in range(WINDOW - END + len(memory), len(memory), 8):
                total = _mixed(total, int.from_bytes(memory[at : at + 8], "little"))
        found.append(total)
    return found


def _called(machine: Machine, site: Site, variables: Sequence[int]) -> int:
    """The results of all rows and the globals after each, mixed."""
    program, kept = machine.program, machine.state.globals
    types = program.functions[site.function].results
    types = (*types, *(program.globals[index].type for index in variables))
    total = 0
    for row in site.rows:
        values = machine.call(site.function, row)
        values = (*values, *(kept[index] for index in variables))
        for type_, bits in zip(types, values, strict=True):
            for word in _words(type_, bits):
                total = _mixed(total, word)
    return total


def sound(program: Program) -> bool:
    """Whether the program does only what has one right result."""
    open_: list[str] = []

    def watch(op: str, bits: Bits) -> None:
        if is_nan(op, bits):
            open_.append(op)

    try:
        expected(program, Machine(program, watch=watch))
    except EvaluationError:
        return False
    return not open_ or not any(map(exposed, program.functions))


def _words(type_: Type, bits: Bits) -> tuple[Bits, ...]:
    return (bits & MASK, bits >> 64) if type_ == "v128" else (bits,)


def _mixed(total: int, word: int) -> int:
    turned = (total << ROTATION | total >> (64 - ROTATION)) & MASK
    return (turned ^ word) * MULTIPLIER & MASK

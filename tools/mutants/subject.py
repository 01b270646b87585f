"""What mutants are planted in: a module, some of its functions, and what it is run on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lockstep import protocol
from lockstep.campaign.job import describe, header_of
from lockstep.campaign.programs import program_of
from lockstep.execute.driver import Driver
from lockstep.guest import catalog
from lockstep.guest.catalog import Guest
from lockstep.guest.wasm import Module, SectionId
from lockstep.program.trial import PROBE, events_of, module_of
from lockstep.runtimes.model import Runtime
from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import generate
from lockstep.simulate import simulate
from lockstep.trace import Trace
from tools.mutants.stack import Context


class Subject(msgspec.Struct, frozen=True):
    """A module, the numbers of the functions that get mutants, and its inputs (stdin)."""

    name: str
    module: Module
    context: Context
    functions: tuple[int, ...]
    inputs: tuple[bytes, ...]


def consensus(guest: Guest, driver: Runtime, seed: int, count: int) -> Subject:
    """The whole guest, on the traces that a campaign with this seed begins with."""
    module = Module.decode(guest.module, guest.path)
    context = Context(module)
    numbers = range(context.first, context.first + len(context.bodies))
    inputs = tuple(_traces(guest, driver, seed, count))
    return Subject(guest.name, module, context, tuple(numbers), inputs)


def _traces(guest: Guest, driver: Runtime, seed: int, count: int) -> list[bytes]:
    found = []
    with Driver(driver, Path(guest.path)) as live:
        description = describe(live)
        for index in range(count):
            scenario = generate(Stream(seed, index, "scenario"), description)
            live.renew()
            recording = simulate(scenario, live, description)
            header = header_of(guest.name, guest.sha256, driver.spec, seed, index)
            found.append(Trace(header, (*recording.events, protocol.digest())).stdin())
    return found


def program(seed: int, index: int) -> Subject:
    """The functions of a generated program, as the job of a campaign runs it.

    What a guest has answered before a trap may be lost, so a campaign steps through the end of such
    a trace. Here all before the last call, the only one that may trap, is an input of its own.
    """
    made, _ = program_of(seed, index)
    module = Module.decode(module_of(made), f"program {index}")
    context = Context(module)
    first = Module.decode(catalog.find(PROBE).module).space(SectionId.FUNCTION)
    numbers = tuple(range(first, first + len(made.functions)))
    events = events_of(made)
    inputs = tuple(map(protocol.encode_events, (events[:-2], events)))
    return Subject(f"program {index}", module, context, numbers, inputs)

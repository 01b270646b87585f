"""What an event of each guest costs on each runtime, and how long a guest takes until it runs.

    python tools/bench.py guests [--guests NAMES] [--runtimes NAMES] [--events N]

The trace is the fault-free scenario of each guest, cut to N events. Times are CPU seconds of the
runtime's process. `first` is until the first answer, with nothing compiled before; `again` is the
same with compiled code at hand; what is left of a run is the cost of its events.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lockstep import protocol
from lockstep.campaign.job import describe
from lockstep.campaign.plan import driver_of
from lockstep.cli.setting import for_guest
from lockstep.config import Config
from lockstep.execute.driver import Driver
from lockstep.execute.load import load_s
from lockstep.execute.process import Limits, Run
from lockstep.execute.scratch import new_scratch
from lockstep.execute.serve import ServeHost
from lockstep.guest import catalog
from lockstep.guest.catalog import Guest
from lockstep.runtimes.model import Runtime
from lockstep.scenario.named import named
from lockstep.simulate import simulate

WALL_S = 300.0


class Cost(msgspec.Struct, frozen=True):
    """Of one guest on one runtime; `text` says why there is none."""

    first_s: float = 0.0
    again_s: float = 0.0
    event_us: float = 0.0
    text: str = ""


def trace_of(guest: Guest, runtimes: list[Runtime], events: int) -> list[bytes]:
    """The frames of the fault-free scenario."""
    with Driver(driver_of(runtimes), guest.path) as driver:
        description = describe(driver)
        driver.renew()
        found = simulate(named(description)[0].scenario, driver, description).events[:events]
    return [event.encode() for event in found]


def cost_of(runtime: Runtime, guest: Guest, frames: list[bytes], folder: Path) -> Cost:
    """Run nothing, one question, and the trace, on a host that is new."""
    stdin = {name: folder / name for name in ("one", "all")}
    stdin["one"].write_bytes(protocol.describe().encode())
    stdin["all"].write_bytes(b"".join(frames))
    host = ServeHost(runtime, new_scratch())
    limits = Limits(wall_s=WALL_S + load_s(runtime, guest.path))
    try:
        started_s = time.monotonic()
        first = host.run(guest.path, stdin["one"], limits)
        first_s = time.monotonic() - started_s
        again, whole = (host.run(guest.path, stdin[name], limits) for name in ("one", "all"))
    finally:
        host.close()
    for run in (first, again, whole):
        if run.end.kind != "exit":
            return Cost(text=f"{run.end.kind}: {run.end.text}"[:60])
    return Cost(first_s, again.cpu_s, 1e6 * _beyond(whole, again) / len(frames))


def _beyond(whole: Run, start: Run) -> float:
    return max(0.0, whole.cpu_s - start.cpu_s)


def rows(guest: Guest, runtimes: list[Runtime], events: int) -> Iterator[tuple[str, Cost]]:
    """A line a runtime that takes jobs."""
    folder = new_scratch()
    frames = trace_of(guest, runtimes, events)
    for runtime in runtimes:
        if runtime.serve_command() is not None:
            yield runtime.name, cost_of(runtime, guest, frames, folder)


def measure(guests: str, runtimes: str, events: int) -> int:
    """Print a table a guest."""
    for name in guests.split(","):
        guest = catalog.find(name)
        setting = for_guest(guest, runtimes, Config())
        print(f"{guest.name}: {len(guest.module)} bytes, {events} events at most")
        print(f"  {'runtime':24} {'first s':>8} {'again s':>8} {'us/event':>9}")
        for runtime, cost in rows(guest, setting.runtimes, events):
            numbers = f"{cost.first_s:8.2f} {cost.again_s:8.2f} {cost.event_us:9.0f}"
            print(f"  {runtime:24} {cost.text or numbers}", flush=True)
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `measure` takes."""
    known = ",".join([*catalog.shipped(), *catalog.built()])
    parser.add_argument("--guests", default=known)
    parser.add_argument("--runtimes", default="all")
    parser.add_argument("--events", type=int, default=250)

"""Measurements that people run.

    python tools/bench.py runtimes [--runtimes all] [--trace traces/fault-free.trace]
    python tools/bench.py guests [--runtimes all] [--guests hotstuff,relab] [--events 250]

`runtimes` prints a table of what each tier costs on one HotStuff trace, repeated until it takes
about a second: start (the smallest module in a new process), load (HotStuff before its first
event, beyond that), wall time and CPU per event in a warm process, and the last as a ratio to the
native build, which is measured again before each of the others.

`guests` is told in `bench_guests.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import bench_guests
import msgspec

from lockstep.cli.setting import guest_of
from lockstep.execute.filter import run_filter
from lockstep.execute.process import Limits, Run
from lockstep.execute.scratch import new_scratch
from lockstep.execute.serve import ServeHost
from lockstep.runtimes import registry
from lockstep.runtimes.features import FIRST
from lockstep.runtimes.model import Runtime
from lockstep.trace import read

ROOT = Path(__file__).parents[1]
TRACE = ROOT / "traces" / "fault-free.trace"
PATIENCE = Limits(wall_s=900.0)
RUNS = 3
TARGET_S = 1.0
HEAD = """
| runtime | start ms | load ms | us/event | CPU us/event | x native |
|---|--:|--:|--:|--:|--:|"""


class Bench(msgspec.Struct, frozen=True):
    """The module, one round of events, and how many these are."""

    module: Path
    stdin: bytes
    events: int


class Cost(msgspec.Struct, frozen=True):
    """What a tier took; all in seconds, the last two for one event."""

    start_s: float
    load_s: float
    wall_s: float
    cpu_s: float


def main() -> int:
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runtimes = commands.add_parser("runtimes")
    runtimes.add_argument("--runtimes", default="all")
    runtimes.add_argument("--trace", type=Path, default=TRACE)
    bench_guests.add_arguments(commands.add_parser("guests"))
    args = parser.parse_args()
    if args.command == "guests":
        return bench_guests.measure(args.guests, args.runtimes, args.events)
    return measure_runtimes(args.runtimes, args.trace)


def measure_runtimes(names: str, path: Path) -> int:
    """Print the table, a line as soon as it is known."""
    trace = read(path)
    bench = Bench(guest_of(trace, path).path, trace.stdin(), len(trace.events))
    (native,) = registry.select("native")
    print(f"{len(trace.events)} events of {path.name}, module {trace.header.sha256[:16]}\n{HEAD}")
    for runtime in registry.select(names):
        base = cost(native, bench)
        mine = base if runtime == native else cost(runtime, bench)
        print(line(runtime, mine, base), flush=True)
    return 0


def cost(runtime: Runtime, bench: Bench) -> Cost | str:
    """What `runtime` takes; why that is not known where it does not answer everything."""
    start_s = 0.0
    if runtime.place.translate is None:  # else it runs nothing but shipped guests
        with tempfile.NamedTemporaryFile(suffix=".wasm") as module:
            module.write(FIRST)
            module.flush()
            start_s = median(lambda: run_filter(runtime, Path(module.name), b"", PATIENCE)).wall_s
    loaded_s = median(lambda: run_filter(runtime, bench.module, b"", PATIENCE)).wall_s
    load_s = max(0.0, loaded_s - start_s)
    host = ServeHost(runtime, new_scratch()) if runtime.serve_command() else None
    try:
        return per_event(runner(runtime, bench.module, host), bench, start_s, load_s)
    finally:
        if host:
            host.close()


def runner(runtime: Runtime, module: Path, host: ServeHost | None) -> Callable[[bytes], Run]:
    """Runs some stdin: in a warm process where there can be one."""
    folder = new_scratch()

    def run(stdin: bytes) -> Run:
        path = folder / "stdin"
        path.write_bytes(stdin)
        if host:
            return host.run(module, path, PATIENCE)
        return run_filter(runtime, module, path, PATIENCE)

    return run


def per_event(
    run: Callable[[bytes], Run], bench: Bench, start_s: float, load_s: float
) -> Cost | str:
    """The cost of one event, without what an empty run takes."""
    run(b"")
    empty, once = median(lambda: run(b"")), run(bench.stdin)
    if (once.end.kind, once.end.code) != ("exit", 0):
        return f"{once.end.kind} {once.end.text}".strip()
    rounds = max(1, min(1000, round(TARGET_S / max(once.wall_s - empty.wall_s, 1e-4))))
    full = median(lambda: run(bench.stdin * rounds))
    events = bench.events * rounds
    wall_s, cpu_s = full.wall_s - empty.wall_s, full.cpu_s - empty.cpu_s
    return Cost(start_s, load_s, wall_s / events, cpu_s / events)


def median(run: Callable[[], Run]) -> Run:
    """The median by wall time of three."""
    return sorted((run() for _ in range(RUNS)), key=lambda one: one.wall_s)[RUNS // 2]


def line(runtime: Runtime, mine: Cost | str, base: Cost | str) -> str:
    """One row of the table."""
    if isinstance(mine, str) or isinstance(base, str):
        return f"| {runtime.spec} | {mine if isinstance(mine, str) else base} | | | | |"
    return (
        f"| {runtime.spec} | {1e3 * mine.start_s:.0f} | {1e3 * mine.load_s:.0f} "
        f"| {1e6 * mine.wall_s:.1f} | {1e6 * mine.cpu_s:.1f} | {mine.cpu_s / base.cpu_s:.1f} |"
    )


if __name__ == "__main__":
    sys.exit(main())

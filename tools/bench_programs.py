"""How many generated functions are judged in a CPU second, beside two ways to do without lockstep.

    python tools/bench_programs.py [--runtimes all] [--programs 5] [--seed 1]

`lockstep` is by a campaign's means: its modules and warm hosts; here all tiers judge all of them,
where a campaign asks slow ones about small programs alone. `naive` starts a process for each
runtime and module of thirty functions, and compares their outputs. `bare` counts only what the
runtimes themselves took in lockstep's way, to compile and to run. All count functions times tiers,
in one run on the same programs; CPU is that of this process and of all runtimes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lockstep.campaign.programs import able, judged, program_of, trace_of
from lockstep.execute.filter import run_filter
from lockstep.execute.fleet import Fleet
from lockstep.execute.process import Limits
from lockstep.execute.scratch import new_scratch
from lockstep.program.generate import generate
from lockstep.program.trial import events_of, module_of
from lockstep.protocol import encode_events
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime
from lockstep.scenario.choices import Stream

NAIVE_FUNCTIONS = 30
PATIENCE = Limits(wall_s=300.0)


def main() -> int:
    """Measure, and print the three as rates and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtimes", default="all")
    parser.add_argument("--programs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    runtimes = registry.select(args.runtimes)
    ours, bare = measure_ours(runtimes, args.seed, args.programs)
    naive = measure_naive(runtimes, args.seed, args.programs)
    print(f"{len(runtimes)} tiers; functions x tiers per CPU second:")
    print(f"  lockstep {ours:8.0f}")
    print(f"  naive    {naive:8.0f}   lockstep / naive {ours / naive:.2f}")
    print(f"  bare     {bare:8.0f}   lockstep / bare  {ours / bare:.2f}")
    return 0


def measure_ours(runtimes: list[Runtime], seed: int, programs: int) -> tuple[float, float]:
    """Judged by a campaign's means: the rate, and the one that counts the runtimes alone."""
    path = new_scratch() / "program.wasm"
    work, runtimes_s = 0, 0.0
    with Fleet(runtimes) as fleet:
        warm = program_of(seed, programs)[0]
        judged(fleet, path, trace_of(warm, b"", seed, 0), able(runtimes, frozenset()), b"\0asm")
        began_s = time.process_time()
        for index in range(programs):
            program, features = program_of(seed, index)
            judges = able(runtimes, features)
            module = module_of(program)
            trace = trace_of(program, module, seed, index)
            runs = judged(fleet, path, trace, judges, module).runs
            work += len(program.functions) * len(runs)
            runtimes_s += sum(run.cpu_s for run in runs.values())
        own_s = time.process_time() - began_s
    return work / (own_s + runtimes_s), work / runtimes_s


def measure_naive(runtimes: list[Runtime], seed: int, programs: int) -> float:
    """One process for each runtime and module; their outputs are compared as bytes."""
    folder = new_scratch()
    work, cpu_s, began_s = 0, 0.0, time.process_time()
    for runs, functions in _one_by_one(runtimes, seed, programs, folder):
        work += functions * len(runs)
        cpu_s += sum(run for run, _ in runs)
    return work / (time.process_time() - began_s + cpu_s)


def _one_by_one(
    runtimes: list[Runtime], seed: int, programs: int, folder: Path
) -> Iterator[tuple[list[tuple[float, bytes]], int]]:
    for index in range(programs):
        program, features = generate(Stream(seed, index, "program"), NAIVE_FUNCTIONS)
        module, stdin = folder / "program.wasm", folder / "stdin"
        module.write_bytes(module_of(program))
        stdin.write_bytes(encode_events(events_of(program)))
        runs = [run_filter(rt, module, stdin, PATIENCE) for rt in able(runtimes, features)]
        yield [(run.cpu_s, run.output) for run in runs], NAIVE_FUNCTIONS


if __name__ == "__main__":
    sys.exit(main())

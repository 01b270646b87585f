"""The mutation score: of single miscompiled instructions that matter, how many are seen?

    python -m tools.mutants [--seed 1] [--count 500] [--traces 40] [--programs 80] [--jobs 2]

Half of the mutants are drawn from HotStuff, uniformly over the sites that its traces execute; half
from generated programs, uniformly over the instructions that occur in each, then over their sites.
At each one class of mistake is drawn among those that are possible there; but since a program traps
once at most, at its end, a share of the missing traps is drawn there. A mutant is reachable if
a run that computes both ways at its site saw them differ at least once; no reachable mutant counts
as equivalent. It is tried

    alone        wrong at this one site, on the inputs on which it made a difference there
    everywhere   if that was not seen: as a runtime that gets this instruction wrong whenever its
                 operands come from there (constants, locals, memory, elsewhere), on all inputs

and is seen when observations differ, or the end does. All that was not seen alone is listed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from lockstep.campaign.plan import driver_of
from lockstep.cli.setting import for_guest
from lockstep.config import Config
from lockstep.guest import catalog
from tools.mutants.field import Field, Reached, from_instructions, from_sites, from_traps
from tools.mutants.mutations import Kind
from tools.mutants.subject import consensus, program
from tools.mutants.trial import Fate, Outcome, Trial

PULSE = 50
TRAPS = 20
"""One mutant in how many is a trap that is missing where a program traps."""
COLUMNS = ("drawn", "no effect", "reachable", "alone", "everywhere", "missed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what was seen."""
    args = _parser().parse_args(arguments)
    source = random.Random(args.seed)
    hotstuff, programs = _fields(args)
    half = args.count // 2 if programs else args.count
    reached = from_sites(hotstuff, source, half)
    if programs:
        traps = from_traps(programs, args.count // TRAPS)
        reached += traps + from_instructions(programs, source, args.count - half - len(traps))
    print(f"seed {args.seed}: {len(reached)} mutants on {args.runtime}")
    runtime = for_guest(catalog.find("hotstuff"), args.runtime, Config()).runtimes[0]
    with Trial(runtime, [hotstuff, *programs], args.jobs) as trial:
        outcomes = list(_with_pulse(trial.outcomes(reached)))
    _report(outcomes)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, value in (("seed", 1), ("count", 500), ("traces", 40), ("programs", 80), ("jobs", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--runtime", default="v8:liftoff", help="who runs right and wrong modules")
    return parser


def _fields(args: argparse.Namespace) -> tuple[Field, list[Field]]:
    guest = catalog.find("hotstuff")
    driver = driver_of(for_guest(guest, "wasmtime,v8", Config()).runtimes)
    hotstuff = Field(consensus(guest, driver, args.seed, args.traces))
    return hotstuff, [Field(program(args.seed, index)) for index in range(args.programs)]


def _with_pulse(outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    started_s = time.monotonic()
    fates: Counter[str] = Counter()
    for number, outcome in enumerate(outcomes, 1):
        fates[outcome.fate] += 1
        if number % PULSE == 0:
            counts = ", ".join(f"{fate} {count}" for fate, count in sorted(fates.items()))
            print(f"{number} after {time.monotonic() - started_s:.0f} s: {counts}", flush=True)
        yield outcome


def _report(outcomes: Sequence[Outcome]) -> None:
    print("\n" + " ".join([f"{'':22}", *(f"{name:>10}" for name in COLUMNS)]))
    for kind in Kind:
        _row(kind, [one for one in outcomes if one.reached.mutant.mutation.kind is kind])
    ours = [one for one in outcomes if not _in_program(one.reached)]
    _row("in HotStuff", ours)
    _row("in programs", [one for one in outcomes if _in_program(one.reached)])
    _row("all", outcomes)
    for fate in (Fate.EVERYWHERE, Fate.MISSED):
        print(f"\n{'not seen alone' if fate is Fate.EVERYWHERE else 'not seen at all'}:")
        for one in outcomes:
            if one.fate is fate:
                seen = f"  (everywhere: {one.how} in {one.where})" if one.where else ""
                print(f"  {one.reached.subject.name}, {one.reached.mutant.text}{seen}")
    _scores(outcomes)


def _in_program(reached: Reached) -> bool:
    return reached.subject.name.startswith("program")


def _counts(outcomes: Iterable[Outcome]) -> Counter[str]:
    fates = Counter(str(one.fate) for one in outcomes)
    drawn = fates.total()
    return fates + Counter({"drawn": drawn, "reachable": drawn - fates[Fate.NO_EFFECT]})


def _row(title: str, outcomes: Iterable[Outcome]) -> None:
    counts = _counts(outcomes)
    print(" ".join([f"{title:22}", *(f"{counts[name]:10}" for name in COLUMNS)]))


def _scores(outcomes: Iterable[Outcome]) -> None:
    counts = _counts(outcomes)
    reachable = max(1, counts["reachable"])
    alone, missed = counts[Fate.ALONE], counts[Fate.MISSED]
    print(f"\nseen alone: {alone} of {counts['reachable']}, {alone / reachable:.1%}")
    print(f"seen as a runtime has it: {reachable - missed} of {counts['reachable']}", end="")
    print(f", {(reachable - missed) / reachable:.1%}")


if __name__ == "__main__":
    sys.exit(main())

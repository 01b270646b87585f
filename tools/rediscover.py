"""Known bugs found once more by campaigns that know nothing of them: what does that take?

    python -m tools.rediscover [NAME...] [--seed 1] [--cpu-s 600]

For each record of a program in `corpus/known` that has `marks`, a campaign of programs judges the
newest wrong version beside the newest version of the same engine and `--against`. Finds are reduced
as by `lockstep fuzz`; the campaign ends with the first one that has the record's marks, or when the
CPU time is spent. That counts this process and all that it started, finds of other bugs included.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from lockstep.campaign.news import Reduced
from lockstep.campaign.programs import ProgramBench
from lockstep.campaign.proof import Lab
from lockstep.campaign.specimen import TREE, ProgramHunter
from lockstep.cli.setting import for_guest, open_guest
from lockstep.compare import Verdict
from lockstep.config import Config
from lockstep.corpus.record import Record, records
from lockstep.execute.fleet import Fleet
from lockstep.execute.scratch import new_scratch
from lockstep.guest import catalog
from lockstep.program.notation import decode
from lockstep.program.tree import Program, nodes
from lockstep.runtimes import install

HEAD = f"{'record':26} {'version':16} {'found':>5} {'CPU s':>6} {'programs':>8} {'finds':>5} size"


class Campaign(msgspec.Struct):
    """How far one has come; `found` is the reduced program."""

    programs: int = 0
    finds: int = 0
    found: Program | None = None
    events: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, a line as soon as it is known; 1 where a bug was not found."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rediscover",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu-s", type=float, default=600, help="how much one campaign may take")
    parser.add_argument("--against", default="v8:liftoff")
    args = parser.parse_args(arguments)
    print(f"seed {args.seed}\n{HEAD}", flush=True)
    missed = 0
    for record in records(args.names):
        if record.marks and record.program is not None:
            before_s = spent_s()
            campaign = run(record, args)
            print(line(record, campaign, spent_s() - before_s), flush=True)
            missed += campaign.found is None
    return 1 if missed else 0


def spent_s() -> float:
    """The CPU time of this process and of all its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run(record: Record, args: argparse.Namespace) -> Campaign:
    """A campaign on the newest wrong version, until it finds the bug or its time is over."""
    install.install(record.runtime, record.bounds[0])
    newest = install.recipe_of(record.runtime).version
    specs = (record.spec(record.bounds[0]), f"{record.runtime}@{newest}", args.against)
    setting = for_guest(catalog.find("hotstuff"), ",".join(specs), Config())
    campaign, began_s = Campaign(), spent_s()
    scratch = new_scratch()
    with Fleet(setting.runtimes) as fleet, tempfile.TemporaryDirectory() as output:

        def over() -> bool:
            running_s = sum(usage.cpu_s for usage in fleet.usage.values())
            return bool(spent_s() - began_s + running_s > args.cpu_s)

        lab = Lab(setting.guest.path, setting.runtimes, open_guest(setting), 4000, over)
        bench = ProgramBench(fleet, setting.runtimes, args.seed, scratch)
        with contextlib.closing(ProgramHunter(lab, Path(output))) as hunter:
            for folder in _finds(bench, hunter, campaign):
                if over() or _is_found(record, folder, campaign):
                    break
    return campaign


def _finds(bench: ProgramBench, hunter: ProgramHunter, campaign: Campaign) -> Iterator[Path | None]:
    """The folder of each find, and None behind each program."""
    for index in itertools.count():
        result = bench.run(index, {})
        campaign.programs += 1
        if result.trace is not None and result.judged.verdict is Verdict.DIVERGE:
            for news in hunter.hunt(result.trace, result.judged):
                if isinstance(news, Reduced):
                    campaign.finds += 1
                    yield Path(news.folder)
        yield None


def _is_found(record: Record, folder: Path | None, campaign: Campaign) -> bool:
    if folder is None:
        return False
    program = decode((folder / TREE).read_text())
    if not record.shows_in(program):
        return False
    campaign.found, campaign.events = program, len(program.sites) + 1
    return True


def line(record: Record, campaign: Campaign, cpu_s: float) -> str:
    """One row of the table."""
    size = "-"
    if found := campaign.found:
        count = len(list(nodes(found)))
        size = f"{len(found.functions)} function, {count} instructions, {campaign.events} events"
    return (
        f"{record.name:26} {record.runtime}@{record.bounds[0]:7} "
        f"{'yes' if campaign.found else 'no':>5} {cpu_s:6.0f} {campaign.programs:8} "
        f"{campaign.finds:5} {size}"
    )


if __name__ == "__main__":
    sys.exit(main())

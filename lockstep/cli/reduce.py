"""`lockstep reduce`: make a trace smaller while its fingerprint stays."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from lockstep.campaign.hunt import FOUND, Hunter
from lockstep.campaign.proof import Lab
from lockstep.cli.fuzz import interruptible
from lockstep.cli.options import option, output_option
from lockstep.cli.replay import setting_of
from lockstep.cli.setting import open_guest
from lockstep.config import Config
from lockstep.errors import ExitCode, NothingComparableError
from lockstep.execute.fleet import Fleet
from lockstep.judge import judge
from lockstep.report.terminal import Terminal
from lockstep.trace import read


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="TRACE")
@option("--runtimes", help="Where to run; by default those of the trace, else all.")
@option("--guest", help="The module, where the trace's own is not at hand.")
@option("--max-candidates", type=click.IntRange(1), default=20_000, help="Budget of a reduction.")
@output_option
@click.pass_obj
def reduce(
    config: Config,
    *,
    path: Path,
    runtimes: str | None,
    guest: str | None,
    max_candidates: int,
    output: Path,
) -> int:
    """Reduce a diverging or unsafe trace and write the find to the folder of finds.

    Exits 0 when it was reduced, 4 when the trace shows nothing to reduce.
    """
    trace = read(path)
    setting = setting_of(trace, path, runtimes, guest, config)
    description = open_guest(setting)
    with interruptible() as stop, Terminal(Console(stderr=True)) as terminal:
        with Fleet(setting.runtimes, keeps=True) as fleet:
            judged = judge(fleet, setting.guest.path, trace, setting.runtimes, description)
        if judged.verdict not in FOUND:
            raise NothingComparableError(
                f"{path}: nothing to reduce, the verdict is `{judged.verdict}`",
                hint="`--runtimes` names where it diverges",
            )
        lab = Lab(
            setting.guest.path,
            setting.runtimes,
            description,
            max_candidates,
            stop.is_set,
            terminal.tell,
        )
        for news in Hunter(lab, output).hunt(trace, judged):
            terminal.tell(news)
    return ExitCode.AGREE

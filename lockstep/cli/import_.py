"""`lockstep import`: a guest's stdin, captured with `tee`, becomes a trace."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep import __version__, protocol
from lockstep import trace as traces
from lockstep.annotate import Commentator, with_answers
from lockstep.campaign.plan import driver_of
from lockstep.cli.options import option
from lockstep.cli.setting import choose, open_guest
from lockstep.compare import Verdict
from lockstep.config import Config
from lockstep.errors import ExitCode, UsageError
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.judge import judge
from lockstep.trace import Header, Trace


@click.command("import")
@click.argument("guest")
@click.argument("events", type=click.Path(path_type=Path), metavar="EVENTS.bin")
@click.option("--to", type=click.Path(path_type=Path), help="The trace file to write.")
@option("--runtimes", default="all", help="Whose observations to record; they must agree.")
@click.pass_obj
def import_(config: Config, *, guest: str, events: Path, to: Path | None, runtimes: str) -> int:
    """Record what a guest answers to a captured stdin, and write both as a trace."""
    setting = choose(guest, runtimes, config)
    description = open_guest(setting)
    try:
        found, tail = protocol.split_events(events.read_bytes())
    except OSError as error:
        raise UsageError(f"{events}: cannot read: {error.strerror}") from None
    if not found:
        raise UsageError(
            f"{events}: no event at byte 0",
            hint="it must be what a guest reads on stdin; docs/protocol.md has the layout",
        )
    driver = driver_of(setting.runtimes)
    header = Header(setting.guest.name, setting.guest.sha256, __version__, driver.spec)
    trace = Trace(header, tuple(found), tail)
    with Fleet(setting.runtimes) as fleet:
        judged = judge(fleet, setting.guest.path, trace, setting.runtimes, description, alone=True)
    to = to or events.with_suffix(".trace")
    with Driver(driver, setting.guest.path) as decoder:
        comments = Commentator(description, decoder.step)
        traces.write(with_answers(trace, judged), to, comments)
    click.echo(f"{to}: {len(found)} events, {judged.verdict}")
    agreed = judged.verdict in (Verdict.AGREE, Verdict.INCOMPARABLE)
    return ExitCode.AGREE if agreed else ExitCode.DIVERGENCE

"""`lockstep replay`: run traces again, on other runtimes or against what they recorded."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import click

from lockstep.campaign import finds
from lockstep.cli.options import cold_option, option, output_option
from lockstep.cli.setting import Setting, for_guest, guest_of, open_guest
from lockstep.compare import Verdict
from lockstep.config import Config
from lockstep.errors import (
    AbsentGuestError,
    ExitCode,
    NothingComparableError,
    RuntimeUnavailableError,
    UnknownNameError,
)
from lockstep.execute.fleet import Fleet
from lockstep.guest import audit, build, catalog
from lockstep.judge import Judgement, judge
from lockstep.report.escape import plain
from lockstep.runtimes import registry
from lockstep.trace import Trace, event_line, read


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@option("--runtimes", help="Where to run; by default those of the trace, else all.")
@option("--expect-divergence", is_flag=True, help="Exit 0 only for the recorded fingerprint.")
@option("--guest", help="The module, where a trace's own is not at hand.")
@output_option
@cold_option
@click.pass_obj
def replay(
    config: Config,
    *,
    paths: tuple[str, ...],
    runtimes: str | None,
    expect_divergence: bool,
    guest: str | None,
    output: Path,
    cold: bool,
) -> int:
    """Replay traces: files, folders, or the beginning of a find's id.

    Exits 0 when every runtime agrees with the others and with what was recorded. In a folder a
    trace whose guest must be built first, and is not, is left out; it is said which.
    """
    files = [file for path in paths for file in finds.locate(path, output)]
    codes = []
    for file in files:
        trace = read(file)
        try:
            setting = setting_of(trace, file, runtimes, guest, config)
        except AbsentGuestError as absent:
            if str(file) in paths or absent.guest not in build.RECIPES:
                raise
            click.echo(f"{file}: skipped, its guest is not here; {absent.hint}", err=True)
            continue
        judged = _replay(trace, setting, cold=cold)
        codes.append(_code(trace, judged, expect_divergence))
        _tell(file, trace, judged, expect_divergence)
    return max(codes, default=ExitCode.NOTHING_COMPARABLE)


def setting_of(
    trace: Trace, path: Path, runtimes: str | None, guest: str | None, config: Config
) -> Setting:
    """The guest of a trace and where to run it."""
    module = catalog.find(guest) if guest else guest_of(trace, path)
    audit.require_guest(module.path)
    return for_guest(module, runtimes or _recorded(trace, config), config)


def _recorded(trace: Trace, config: Config) -> str:
    """The runtimes that a find was made with, or other versions of them; all, for others.

    One that was only there where it was made is left out; the others still show the divergence.
    """
    chosen = []
    for spec in trace.header.runtimes.split(",") if trace.header.runtimes else ():
        for name in (spec, re.sub(r"@[^:+]*", "", spec)):
            with contextlib.suppress(RuntimeUnavailableError, UnknownNameError):
                registry.select(name, config.runtimes)
                chosen.append(name)
                break
    return ",".join(chosen) or registry.ALL


def _replay(trace: Trace, setting: Setting, *, cold: bool) -> Judgement:
    description = open_guest(setting)
    with Fleet(setting.runtimes, keeps=True, cold=cold) as fleet:
        try:
            return judge(fleet, setting.guest.path, trace, setting.runtimes, description)
        except NothingComparableError as error:
            return Judgement(Verdict.INCOMPARABLE, reason=error.message)


def _code(trace: Trace, judged: Judgement, expect_divergence: bool) -> ExitCode:
    if expect_divergence:
        wanted = trace.header.fingerprint
        same = judged.fingerprint == wanted if wanted else bool(judged.fingerprint)
        return ExitCode.AGREE if same else ExitCode.DIVERGENCE
    if judged.verdict is Verdict.INCOMPARABLE:
        return ExitCode.NOTHING_COMPARABLE
    return ExitCode.AGREE if judged.verdict is Verdict.AGREE else ExitCode.DIVERGENCE


def _tell(path: Path, trace: Trace, judged: Judgement, expect_divergence: bool) -> None:
    ran = len(judged.runs)
    click.echo(f"{path}: {judged.verdict} ({len(trace.events)} events on {ran} runtimes)")
    for name, why in judged.broken.items():
        click.echo(f"  {name} did not run: {plain(why)}", err=True)
    if judged.reason:
        click.echo(f"  {plain(judged.reason)}")
    if (found := judged.divergence) is not None:
        event = event_line(found.event) if found.event else "end of input"
        click.echo(f"  {found.kind} differs at event {found.index}: {plain(event, 100)}")
        for group in found.groups:
            click.echo(f"  {', '.join(group.names)}: {plain(str(group.answer), 200)}")
        click.echo(f"  suspects: {', '.join(found.suspects) or 'none, the lineages tie'}")
    if judged.fingerprint:
        click.echo(f"  fingerprint: {judged.fingerprint}")
    if expect_divergence and judged.fingerprint != trace.header.fingerprint:
        click.echo(f"  expected the fingerprint {trace.header.fingerprint or 'of any divergence'}")

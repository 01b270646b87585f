"""`lockstep report`: a find as its maintainers want to read it."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep.campaign import finds
from lockstep.cli.options import output_option
from lockstep.cli.setting import guest_of
from lockstep.compare import Verdict
from lockstep.config import Config
from lockstep.corpus.record import FOUND, KNOWN, RECORD
from lockstep.errors import (
    AbsentGuestError,
    RuntimeUnavailableError,
    UnknownNameError,
    UsageError,
)
from lockstep.execute.fleet import Fleet
from lockstep.judge import judge
from lockstep.program.alone import Gave
from lockstep.report.find import Environment, environment
from lockstep.report.issue import issue
from lockstep.report.subject import Subject, subject
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime
from lockstep.sighting import seen


@click.command()
@click.argument("name", metavar="ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "issue"]),
    default="text",
    show_default=True,
    help="What was stored with the find, or a bug report in Markdown.",
)
@output_option
@click.pass_obj
def report(config: Config, *, name: str, form: str, output: Path) -> int:
    """Print the report of a find: its id or the start of it, its folder, or a record's name.

    `--format issue` is ready to be sent to those who make the runtime. Where the version that is
    wrong is here, the test case is run on it once more.
    """
    folder = _folder(name, output)
    if form == "text":
        click.echo(_stored(folder), nl=False)
        return 0
    about = subject(folder)
    runtime = _here(about, config)
    again = _seen(about, runtime)
    where = _environment(about, runtime, again)
    click.echo(issue(about, about.gave or again, where), nl=False)
    return 0


def _folder(name: str, output: Path) -> Path:
    """The folder that `name` means; raises `UsageError` for none, and for more than one."""
    path = Path(name)
    if name and path.is_dir():
        return path
    found = sorted(p.parent for p in output.glob(f"*/{finds.REPRODUCER}"))
    records = sorted(p.parent for of in (FOUND, KNOWN) for p in of.glob(f"*/{RECORD}"))
    by_name = {one.name: one for one in (*records, *found)}
    exact = name if name in by_name else finds.named(name, [one.name for one in found])
    if not exact:
        raise UnknownNameError(f"find in {output}, or record,", name, sorted(by_name))
    return by_name[exact]


def _stored(folder: Path) -> str:
    path = folder / finds.REPORT
    if not path.is_file():
        raise UsageError(
            f"{folder} holds no {finds.REPORT}", hint="`--format issue` makes a report of the rest"
        )
    return path.read_text()


def _here(about: Subject, config: Config) -> Runtime | None:
    """The suspect in the version that is blamed, where it is on this machine."""
    who = about.suspects[0]
    try:
        (runtime,) = registry.select(who.spec, config.runtimes)
    except (RuntimeUnavailableError, UnknownNameError):
        return None
    return runtime


def _seen(about: Subject, runtime: Runtime | None) -> Gave | None:
    if about.program is None or runtime is None:
        return None
    return seen(about.program, runtime)


def _environment(about: Subject, runtime: Runtime | None, again: Gave | None) -> Environment | None:
    """Where it was found; else this machine, if what is blamed is here and wrong."""
    if about.environment is not None or runtime is None:
        return about.environment
    if about.program is None:
        wrong = _differs(about, runtime)
    else:
        wrong = again is not None and (about.gave is None or about.gave.words == again.words)
    return environment([runtime]) if wrong else None


def _differs(about: Subject, runtime: Runtime) -> bool:
    """Whether it still answers the trace of a record in another way than was recorded."""
    if about.trace is None or (about.record is not None and about.record.slow):
        return False
    try:
        module = guest_of(about.trace, about.folder / finds.REPRODUCER).path
    except AbsentGuestError:
        return False
    with Fleet([runtime], jobs=1) as fleet:
        judged = judge(fleet, module, about.trace, [runtime], alone=True)
    return judged.verdict is Verdict.DIVERGE

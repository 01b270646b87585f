"""`lockstep export`: a folder that shows a trace without lockstep."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep import export as exporting
from lockstep.campaign import finds
from lockstep.cli.options import option
from lockstep.cli.replay import setting_of
from lockstep.cli.setting import open_guest
from lockstep.config import Config
from lockstep.errors import UsageError
from lockstep.execute.fleet import Fleet
from lockstep.judge import judge
from lockstep.trace import read


@click.command()
@click.argument("path", metavar="TRACE")
@click.option("--to", type=click.Path(path_type=Path), help="The folder; the trace's name else.")
@option("--runtimes", help="Whose lines to write; by default those of the trace, else all.")
@option("--guest", help="The module, where the trace's own is not at hand.")
@click.pass_obj
def export(
    config: Config, *, path: str, to: Path | None, runtimes: str | None, guest: str | None
) -> int:
    """Write the module, its input, the right output, hosts and one shell line a runtime."""
    files = finds.locate(path, Path(".lockstep/finds"))
    if len(files) > 1:
        raise UsageError(f"{path} has {len(files)} traces", hint="name one of them")
    trace = read(files[0])
    setting = setting_of(trace, files[0], runtimes, guest, config)
    folder = to or Path(f"{files[0].stem}-export")
    with Fleet(setting.runtimes) as fleet:
        judged = judge(fleet, setting.guest.path, trace, setting.runtimes, open_guest(setting))
    lines = exporting.export(folder, trace, setting.guest.module, judged, setting.runtimes)
    click.echo(f"cd {folder}")
    for line in lines:
        click.echo(f"{line.command}  # {line.runtime}")
    return 0

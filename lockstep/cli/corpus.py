"""`lockstep corpus check`: known bugs of released engines, seen in the versions that have them."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep.corpus.check import Checked, Sight, check
from lockstep.corpus.record import KNOWN, records
from lockstep.errors import ExitCode
from lockstep.report.escape import plain


@click.group()
def corpus() -> None:
    """Bugs that released engines are known to have."""


@corpus.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--install", "install_", is_flag=True, help="Install the versions that are missing.")
@click.option(
    "--corpus",
    "folder",
    type=click.Path(path_type=Path),
    default=KNOWN,
    show_default="that of the checkout",
    help="The folder of records.",
)
def check_(names: tuple[str, ...], *, install_: bool, folder: Path) -> int:
    """Run each record on the versions that it names, or those of these names.

    Exits 0 when every version that is here is seen to be wrong or right as its record says, 1 when
    one is not, 4 when none is here.
    """
    found: list[Checked] = []
    for record in records(names, folder):
        click.echo(f"{record.name}: {record.expected}")
        for checked in check(record, install_missing=install_):
            found.append(checked)
            why = f": {plain(checked.why, 200)}" if checked.why else ""
            click.echo(f"  {checked.spec}  {checked.sight}{why}")
    looked = [one for one in found if one.sight is not Sight.ABSENT]
    good = sum(one.sight.good for one in looked)
    click.echo(f"{good} of {len(looked)} as their records say, {len(found) - len(looked)} not here")
    if not looked:
        return ExitCode.NOTHING_COMPARABLE
    return ExitCode.AGREE if good == len(looked) else ExitCode.DIVERGENCE

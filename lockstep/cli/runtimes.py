"""`lockstep runtimes`: which there are, and what would help where one is missing."""

from __future__ import annotations

import json

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lockstep.cli.install import install_, list_, remove, versions
from lockstep.config import Config
from lockstep.execute.machine import describe as confinement
from lockstep.report.escape import plain
from lockstep.runtimes import listing
from lockstep.runtimes.features import summary
from lockstep.runtimes.listing import Here
from lockstep.runtimes.model import Missing

COLUMNS = ("name", "version", "tier", "lineage", "WebAssembly", "runs as", "in all", "available")
PIPED_WIDTH = 240


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_context
def runtimes(context: click.Context, *, as_json: bool) -> int:
    """Print every runtime: name, version, tier, lineage, how it runs, or why it cannot.

    Of several versions the newest of each tier stands here; `lockstep runtimes list` has them all.
    """
    return 0 if context.invoked_subcommand else _print(context.obj, as_json)


for _command in (install_, list_, remove, versions):
    runtimes.add_command(_command)


def _print(config: Config, as_json: bool) -> int:
    facts = listing.facts(config.runtimes)
    if as_json:
        known = {"confinement": confinement(), **msgspec.to_builtins(facts)}
        click.echo(json.dumps(known, indent=2))
        return 0
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for cells in (*map(_here, facts.runtimes), *map(_missing, facts.missing)):
        table.add_row(*(Text(plain(cell)) for cell in cells))
    console.print(table)
    console.print(Text(f"each is confined by: {confinement()}"))
    return 0


def _here(runtime: Here) -> tuple[str, ...]:
    return (
        runtime.name,
        runtime.version,
        runtime.tier,
        runtime.lineage,
        summary(runtime.features),
        ", ".join(runtime.ways),
        "yes" if runtime.in_all else "no",
        f"yes, {runtime.found}",
    )


def _missing(missing: Missing) -> tuple[str, ...]:
    dashes = ("-",) * (len(COLUMNS) - 2)
    return (missing.name, *dashes, f"no, {missing.reason}; try `{missing.remedy}`")

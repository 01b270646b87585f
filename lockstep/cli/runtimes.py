"""`lockstep runtimes`: which there are, and what would help where one is missing."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lockstep.config import Config
from lockstep.execute.machine import describe as confinement
from lockstep.report.escape import plain
from lockstep.runtimes import registry
from lockstep.runtimes.model import Missing, Runtime

COLUMNS = ("name", "version", "tier", "lineage", "runs as", "in all", "available")
PIPED_WIDTH = 240


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_obj
def runtimes(config: Config, *, as_json: bool) -> int:
    """Print every runtime: name, version, tier, lineage, how it runs, or why it cannot."""
    there, missing = registry.available(config.runtimes)
    rows = [*map(_row, there), *map(_missing_row, missing)]
    if as_json:
        click.echo(json.dumps({"confinement": confinement(), "runtimes": rows}, indent=2))
        return 0
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row[column])) for column in COLUMNS))
    console.print(table)
    console.print(Text(f"each is confined by: {confinement()}"))
    return 0


def _row(runtime: Runtime) -> dict[str, str]:
    ways = "filter, serve" if runtime.serve_command() else "filter"
    return {
        "name": runtime.engine,
        "version": runtime.version,
        "tier": runtime.tier,
        "lineage": runtime.lineage,
        "runs as": ways,
        "in all": "yes" if runtime.in_all else "no",
        "available": f"yes, {runtime.place.found}",
    }


def _missing_row(missing: Missing) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "-")
    why = f"no, {missing.reason}; try `{missing.remedy}`"
    return {**row, "name": missing.name, "available": why}

"""`lockstep guest`: list, build and audit guests."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep.guest import audit, build, catalog
from lockstep.report.escape import plain


@click.group()
def guest() -> None:
    """Guests: the modules that are fed."""


@guest.command("list")
def list_() -> int:
    """Print the shipped guests and what can be built."""
    for name in catalog.shipped():
        found = catalog.find(name)
        click.echo(f"{name}  {found.sha256}  {len(found.module)} bytes")
    return 0


@guest.command("build")
@click.argument("name")
@click.option("--flaw", help="A deliberately flawed build, for tests only.")
@click.option("--mode", default="ReleaseFast", show_default=True, help="The optimization mode.")
@click.option("--native", is_flag=True, help="For this machine instead of WebAssembly.")
@click.option("--to", type=click.Path(path_type=Path), help="Where to write it.")
def build_(name: str, *, flaw: str | None, mode: str, native: bool, to: Path | None) -> int:
    """Build a guest from its source with Zig."""
    click.echo(build.build(name, flaw=flaw, mode=mode, native=native, out=to))
    return 0


@guest.command("audit")
@click.argument("module")
def audit_(module: str) -> int:
    """Print what a module imports, exports and needs, and refuse one that is no guest."""
    path = catalog.find(module).path
    for key, value in audit.audit(path).lines():
        click.echo(f"{key}: {plain(value)}")
    audit.require_guest(path)
    return 0

"""`lockstep guest`: list, build, audit and begin guests, and get what rewrites them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from lockstep.guest import audit, build, catalog, skeleton, tools
from lockstep.guest.recipes import Language, recipe_of
from lockstep.report.escape import plain


@click.group()
def guest() -> None:
    """Guests: the modules that are fed."""


@guest.command("list")
def list_() -> int:
    """Print the shipped guests, those that were built here, and what can be built."""
    names = {**catalog.shipped(), **catalog.built()}
    for name in names:
        found = catalog.find(name)
        click.echo(f"{name}  {found.sha256}  {len(found.module)} bytes")
    for name, recipe in build.RECIPES.items():
        if name not in names:
            click.echo(f"{name}  not built (`lockstep guest build {name}`, {recipe.language})")
    return 0


@guest.command("build")
@click.argument("name")
@click.option("--flaw", help="A deliberately flawed build, for tests only.")
@click.option("--mode", default="ReleaseFast", show_default=True, help="The optimization mode.")
@click.option("--native", is_flag=True, help="For this machine instead of WebAssembly.")
@click.option("--to", type=click.Path(path_type=Path), help="Where to write it.")
def build_(name: str, *, flaw: str | None, mode: str, native: bool, to: Path | None) -> int:
    """Build a guest, by its name or from a folder with its sources, and keep it under its name."""
    path = build.build(name, flaw=flaw, mode=mode, native=native, out=to)
    plain_build = not (flaw or native or to)
    known = recipe_of(name, build.RECIPES).name
    if plain_build and known not in catalog.shipped():
        path = catalog.remember(path.read_bytes(), known)
    click.echo(path)
    return 0


@guest.command("tools")
@click.option("--install", "wanted", multiple=True, type=click.Choice(tuple(tools.RECIPES)))
def tools_(wanted: tuple[str, ...]) -> int:
    """Print the programs that rewrite guests, for `--variants`, or install some into the cache."""
    for name in wanted:
        if tools.place(name) is None:
            minutes = tools.RECIPES[name].minutes
            click.echo(f"{name}, about {minutes:.1f} minutes", err=True)
        click.echo(tools.install(name))
    for name in () if wanted else tools.RECIPES:
        path = tools.place(name)
        what = f"{plain(tools.find(name).version)}  {path}" if path else "not at hand"
        click.echo(f"{name}  {what}" + ("" if path else f" (`{tools.remedy(name)}`)"))
    return 0


@guest.command("new")
@click.argument("name")
@click.option("--language", type=click.Choice(get_args(Language)), default="zig", show_default=True)
def new(name: str, *, language: Language) -> int:
    """Write a folder NAME with a toy algorithm to start from."""
    for path in skeleton.write(name, language, Path()):
        click.echo(path)
    click.echo(f"Build with: lockstep guest build ./{name}", err=True)
    click.echo(f"Fuzz with: lockstep fuzz --guest {name}", err=True)
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

"""`lockstep runtimes install|list|remove|versions`: engines beside each other in the cache."""

from __future__ import annotations

import time

import click

from lockstep.errors import ExitCode, RuntimeUnavailableError, UsageError
from lockstep.report.escape import plain
from lockstep.runtimes import install, kept, registry
from lockstep.runtimes.install.recipes import Recipe
from lockstep.runtimes.kept import Kept

ALL = "all"


@click.command("install")
@click.argument("names", nargs=-1, required=True, metavar="NAME[@VERSION]...|all")
def install_(names: tuple[str, ...]) -> int:
    """Install engines into the cache, each in the version that is named or in its usual one.

    `all` means every engine that is not here yet and whose client is.
    """
    if ALL in names:
        return _install_all()
    wanted = [_split(name) for name in names]
    _tell_minutes([recipe for recipe, _ in wanted])
    for recipe, version in wanted:
        _install(recipe, version)
    return ExitCode.AGREE


@click.command("list")
def list_() -> int:
    """Print what is in the cache: name, SHA-256 of the binary, when it was installed, where."""
    for one in kept.found():
        name = f"{one.engine}@{one.version}"
        if damage := one.damage():
            remedy = kept.remedy(one.engine, one.version)
            click.echo(f"{name}  {plain(damage, 2000)}; `{remedy}`")
            continue
        record = one.record
        click.echo(f"{name}  {record.sha256[:16]}  {record.installed_at}  {one.folder}")
    return ExitCode.AGREE


@click.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME@VERSION...")
def remove(names: tuple[str, ...]) -> int:
    """Remove engines from the cache."""
    for one in [_kept(name) for name in names]:
        kept.remove(one)
        click.echo(f"removed {one.engine}@{one.version}", err=True)
    return ExitCode.AGREE


@click.command("versions")
@click.argument("name")
def versions(name: str) -> int:
    """Print the published versions that lockstep can run, the oldest first."""
    here = {one.version for one in kept.found(install.recipe_of(name).engine)}
    for version in install.published(name):
        click.echo(f"{version}  installed" if version in here else version)
    return ExitCode.AGREE


def _split(name: str) -> tuple[Recipe, str]:
    engine, _, version = name.partition("@")
    recipe = install.recipe_of(engine)
    return recipe, version or recipe.version


def _kept(name: str) -> Kept:
    there = {f"{one.engine}@{one.version}": one for one in kept.found()}
    if name not in there:
        raise UsageError(
            f"`{name}` is not in the cache", hint=f"there is: {', '.join(there) or 'nothing'}"
        )
    return there[name]


def _install_all() -> int:
    """Each that is missing; one that fails is told with its reason and the others go on."""
    absent = {missing.name for missing in registry.available()[1]}
    wanted, failed = [], 0
    for recipe in install.RECIPES.values():
        if recipe.engine not in absent:
            click.echo(f"{recipe.engine} is here already", err=True)
        elif reason := install.why_not(recipe, recipe.version):
            failed += 1
            click.echo(f"{recipe.engine} cannot be installed: {reason}", err=True)
        else:
            wanted.append(recipe)
    _tell_minutes(wanted)
    for recipe in wanted:
        try:
            _install(recipe, recipe.version)
        except RuntimeUnavailableError as error:
            failed += 1
            click.echo(f"{recipe.engine} is not installed: {plain(error.message, 2000)}", err=True)
    return ExitCode.USAGE if failed else ExitCode.AGREE


def _tell_minutes(wanted: list[Recipe]) -> None:
    if len(wanted) > 1:
        total = sum(recipe.minutes for recipe in wanted)
        click.echo(f"{len(wanted)} engines, about {total:.0f} minutes in all", err=True)


def _install(recipe: Recipe, version: str) -> None:
    click.echo(
        f"{recipe.engine}@{version} by {recipe.client}, about {_minutes(recipe.minutes)}", err=True
    )
    started_s = time.monotonic()
    one = install.install(recipe.engine, version)
    took_s = time.monotonic() - started_s
    click.echo(f"{one.engine}@{one.version} is in {one.folder} after {took_s:.0f} s", err=True)


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{60 * minutes:.0f} seconds"

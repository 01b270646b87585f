"""Engines into the cache, by the client of their ecosystem, in exact versions, whole or not at all.

Nothing is installed unasked, and nothing outside of the cache.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from lockstep.errors import RuntimeUnavailableError
from lockstep.execute.filter import run_filter
from lockstep.execute.process import Limits
from lockstep.guest import catalog
from lockstep.runtimes import kept, registry
from lockstep.runtimes.find import SITE
from lockstep.runtimes.install import clients
from lockstep.runtimes.install.clients import CLIENTS
from lockstep.runtimes.install.recipes import RECIPES, Recipe, recipe_of
from lockstep.runtimes.kept import Kept, Record
from lockstep.runtimes.model import Runtime, version_key

__all__ = ["CLIENTS", "RECIPES", "install", "published", "recipe_of", "why_not"]

VERSION = re.compile(r"\d[\w.+-]*")
TRY_S = 120.0
NOTHING = (
    b"\0asm\x01\0\0\0"
    b"\x01\x04\x01\x60\0\0"  # a type: nothing to nothing
    b"\x03\x02\x01\0"  # a function of it
    b"\x05\x03\x01\0\x01"  # a memory of one page
    b"\x07\x13\x02\x06memory\x02\0\x06_start\0\0"  # both exported
    b"\x0a\x04\x01\x02\0\x0b"  # the function does nothing
)
"""The smallest guest: what starts and ends at once."""


def install(engine: str, version: str = "") -> Kept:
    """Install `engine`, in its default version where none is said, unless it is there and whole.

    Raises `UnknownNameError` for an engine without a recipe, and `RuntimeUnavailableError` where
    the client is missing, fails, or gives something that does not run.
    """
    recipe = recipe_of(engine)
    version = version or recipe.version
    for there in kept.found(engine):
        if there.version == version and not there.damage():
            return there
    if reason := why_not(recipe, version):
        known = version == recipe.version
        remedy = CLIENTS[recipe.client].remedy if known else f"lockstep runtimes versions {engine}"
        raise RuntimeUnavailableError(
            f"{engine} {version} cannot be installed: {reason}", hint=f"`{remedy}`"
        )
    with kept.adding(engine, version) as folder:
        _fill(recipe, version, folder)
    return Kept(engine, version, kept.root() / f"{engine}@{version}")


def why_not(recipe: Recipe, version: str) -> str | None:
    """Why `version` cannot be installed on this machine, as far as that is known before."""
    if not VERSION.fullmatch(version):
        return "that is no version"
    if recipe.only and version != recipe.version:
        return f"its host is written for {recipe.version} alone"
    if recipe.oldest and version_key(version) < version_key(recipe.oldest):
        return f"its host needs {recipe.oldest} or newer"
    for program in recipe.programs:
        if shutil.which(program) is None:
            return f"there is no `{program}` on PATH"
    return CLIENTS[recipe.client].missing(recipe)


def published(engine: str) -> list[str]:
    """The versions that its ecosystem has and its host can run, the oldest first."""
    recipe = recipe_of(engine)
    client = CLIENTS[recipe.client]
    if reason := client.missing(recipe):
        raise RuntimeUnavailableError(
            f"the versions of {engine} are not known: {reason}", hint=f"`{client.remedy}`"
        )
    fitting = [
        version
        for version in client.published(recipe)
        if version_key(version) >= version_key(recipe.oldest)
    ]
    return sorted(fitting, key=version_key)


def _fill(recipe: Recipe, version: str, folder: Path) -> None:
    build = catalog.cache_dir() / "build"
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{recipe.engine}-", dir=build) as work:
        steps = CLIENTS[recipe.client].steps(recipe, version, folder, Path(work))
        for step in steps:
            clients.run(step, build / f"{recipe.engine}.log")
    for program in (folder / SITE / "bin").glob("*"):
        program.chmod(0o755)  # which `pip --target` forgets
    runtime = registry.kept_runtime(Kept(recipe.engine, version, folder))
    _try(runtime, version)
    binary = runtime.place.binary
    record = Record(
        recipe.engine,
        version,
        str(binary.relative_to(folder)),
        runtime.sha256,
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        tuple(shlex.join(step.words).replace(str(folder), ".") for step in steps),
        binary.stat().st_size,
    )
    (folder / kept.RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)))


def _try(runtime: Runtime, version: str) -> None:
    """Whatever the client says: it is installed when it runs."""
    with tempfile.NamedTemporaryFile(suffix=".wasm") as module:
        module.write(NOTHING)
        module.flush()
        end = run_filter(runtime, Path(module.name), b"", Limits(wall_s=TRY_S)).end
    if (end.kind, end.code) != ("exit", 0):
        why = f"{end.kind} {end.text}".strip()
        raise RuntimeUnavailableError(f"{runtime.engine} {version} does not run here: {why}")

"""Programs of others that rewrite modules: on PATH, or installed into the cache when asked for.

<cache>/tools/wasm-tools@1.263.0/    what the ecosystem's client put there
"""

from __future__ import annotations

import functools
import hashlib
import shlex
import shutil
import subprocess
from pathlib import Path

import msgspec

from lockstep import files
from lockstep.errors import UnknownNameError, UsageError
from lockstep.guest import catalog

TIMEOUT_S = 120
SAID_LINES = 3
FOLDER = "{folder}"


class Recipe(msgspec.Struct, frozen=True):
    """A program, where `install` leaves it, and about how long that takes on two cores."""

    program: str
    version: str
    install: tuple[str, ...]
    path: str
    minutes: float


def _cargo(crate: str, version: str, features: str, minutes: float) -> Recipe:
    words = ("cargo", "install", "--quiet", "--locked", "--root", FOLDER, f"{crate}@{version}")
    chosen = ("--no-default-features", "--features", features)
    return Recipe(crate, version, (*words, *chosen), f"bin/{crate}", minutes)


def _npm(package: str, program: str, version: str, minutes: float) -> Recipe:
    options = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel=error")
    words = ("npm", "install", *options, "--prefix", FOLDER, f"{package}@{version}")
    return Recipe(program, version, words, f"node_modules/{package}/bin/{program}", minutes)


RECIPES = {
    recipe.program: recipe
    for recipe in (
        _cargo("wasm-tools", "1.263.0", "parse,print,validate,strip,smith,mutate,shrink", 3),
        _npm("binaryen", "wasm-opt", "132.0.0", 0.2),
    )
}


class Tool(msgspec.Struct, frozen=True):
    """A program that is here: what it says of its version, and the SHA-256 of its file."""

    program: str
    path: Path
    version: str
    sha256: str

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it; raises `UsageError` where it does not come to an end."""
        return _run((str(self.path), *words))


def find(program: str) -> Tool:
    """The tool on PATH, else the one in the cache; raises `UsageError` with the remedy."""
    path = place(program)
    if path is None:
        raise UsageError(f"`{program}` is not at hand", hint=f"`{remedy(program)}`")
    return _opened(program, path, path.stat().st_mtime_ns)


def place(program: str) -> Path | None:
    """Where the tool is; None for nowhere."""
    if program not in RECIPES:
        raise UnknownNameError("tool", program, RECIPES)
    on_path = shutil.which(program)
    if on_path:
        return Path(on_path).resolve()
    kept = _folder(RECIPES[program]) / RECIPES[program].path
    return kept if kept.is_file() else None


def remedy(program: str) -> str:
    """The command that puts the tool into the cache."""
    return f"lockstep guest tools --install {program}"


def install(program: str) -> Path:
    """Install the tool into the cache, unless it is at hand; gives where it is.

    Raises `UsageError` where its client is missing or fails.
    """
    there = place(program)
    if there is not None:
        return there
    recipe = RECIPES[program]
    client = recipe.install[0]
    if shutil.which(client) is None:
        raise UsageError(
            f"`{program}` cannot be installed: there is no `{client}` on PATH",
            hint=f"install {client}, or `{program}` from elsewhere",
        )
    with files.folder_atomically(_folder(recipe)) as folder:
        words = tuple(word.replace(FOLDER, str(folder)) for word in recipe.install)
        done = _run(words, timeout_s=None)
        if done.returncode != 0 or not (folder / recipe.path).is_file():
            said = "; ".join(done.stderr.strip().splitlines()[-SAID_LINES:])
            raise UsageError(f"`{shlex.join(words)}` failed: {said}", hint="is the network there?")
    return _folder(recipe) / recipe.path


def _folder(recipe: Recipe) -> Path:
    return catalog.cache_dir() / "tools" / f"{recipe.program}@{recipe.version}"


@functools.cache
def _opened(program: str, path: Path, _changed_ns: int) -> Tool:
    tool = Tool(program, path, "", hashlib.sha256(path.read_bytes()).hexdigest())
    done = tool.run("--version")
    if done.returncode != 0:
        raise UsageError(f"{path} does not run: {done.stderr.strip()[-200:]}")
    return msgspec.structs.replace(tool, version=done.stdout.strip())


def _run(
    words: tuple[str, ...], timeout_s: float | None = TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_s,
        )
    except OSError as error:
        raise UsageError(f"`{words[0]}` does not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"`{shlex.join(words)}` took more than {timeout_s} s") from None

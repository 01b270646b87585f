"""Guests by name, path or SHA-256: shipped ones, those built here, those of the corpus, those met
before.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import platformdirs

from lockstep import files
from lockstep.errors import GuestError, UnknownNameError
from lockstep.guest import recipes
from lockstep.guest.wasm import read_file

SUMS_NAME = "SHA256SUMS"
CACHE_VARIABLE = "LOCKSTEP_CACHE_DIR"

_MODULES = Path(__file__).parent / "modules"
_CORPUS = Path(__file__).parents[2] / "corpus" / "guests"
_PREFIX = re.compile(r"[0-9a-f]{6,64}")


class Guest(msgspec.Struct, frozen=True):
    """A guest's module; `sha256` is of its bytes, in hex."""

    name: str
    path: Path
    sha256: str
    module: bytes


def cache_dir() -> Path:
    """Where lockstep keeps what can be made or fetched again."""
    override = os.environ.get(CACHE_VARIABLE)
    return Path(override) if override else platformdirs.user_cache_path("lockstep")


def shipped() -> dict[str, Path]:
    """The modules that come with lockstep, by name."""
    return {Path(name).stem: _MODULES / name for name in _sums()}


def find(text: str) -> Guest:
    """The guest that `text` names: a shipped or a built one, a file, or a SHA-256 (6 digits do).

    Raises `UnknownNameError` for a name or hash that is not here, `GuestError` for a file that
    cannot be read, for a hash that begins several, and for a module that is not what its hash says.
    """
    ours = shipped()
    if text in ours:
        return _verified(text, ours[text], _sums()[ours[text].name])
    if "/" in text or text.endswith(".wasm") or _is_file(text):
        return _guest(Path(text).stem, Path(text))
    if text in (named := built()):
        return msgspec.structs.replace(_by_hash(named[text]), name=text)
    if _PREFIX.fullmatch(text.lower()):
        return _by_hash(text.lower())
    if text in recipes.read(recipes.source()):
        raise GuestError(text, "is not built here yet", hint=f"`lockstep guest build {text}`")
    raise UnknownNameError("guest", text, {*ours, *named})


def default() -> str:
    """The guest that is meant where none is named: the first shipped one."""
    return next(iter(shipped()))


def built() -> dict[str, str]:
    """The guests that were built on this machine: the SHA-256 of each, by name."""
    return {path.name: path.read_text().strip() for path in sorted(_names().glob("*"))}


def remember(module: bytes, name: str = "") -> Path:
    """Keep a module in the cache, so that its SHA-256 and `name` find it; returns where it lies."""
    sha256 = hashlib.sha256(module).hexdigest()
    path = _remembered() / f"{sha256}.wasm"
    if not path.exists():
        files.write_atomically(path, module)
    if name:
        files.write_atomically(_names() / name, f"{sha256}\n".encode())
    return path


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name, say
        return False


def _by_hash(prefix: str) -> Guest:
    found = {sha256: known for sha256, known in _known() if sha256.startswith(prefix)}
    if not found:
        raise UnknownNameError("guest", prefix, shipped())
    if len(found) > 1:
        names = ", ".join(sorted(sha256[: len(prefix) + 6] for sha256 in found))
        raise GuestError(prefix, f"begins the SHA-256 of {len(found)} guests", hint=f"say {names}")
    [(sha256, (name, path))] = found.items()
    return _verified(name, path, sha256)


def _known() -> Iterator[tuple[str, tuple[str, Path]]]:
    """Every module there is: SHA-256, name and path; those with a better name come last."""
    names = {sha256: name for name, sha256 in built().items()}
    for path in _remembered().glob("*.wasm"):
        yield path.stem, (names.get(path.stem, path.stem[:12]), path)
    for path in sorted(_CORPUS.glob("*.wasm")):
        yield _guest(path.stem, path).sha256, (path.stem, path)
    for name, sha256 in _sums().items():
        yield sha256, (Path(name).stem, _MODULES / name)


def _remembered() -> Path:
    return cache_dir() / "modules"


def _names() -> Path:
    return _remembered() / "names"


def _sums() -> dict[str, str]:
    """File name and SHA-256 of each shipped module, as `sha256sum` writes them."""
    path = _MODULES / SUMS_NAME
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
        return {name.removeprefix("*"): sha256 for sha256, name in lines}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise GuestError(path, f"cannot be read: {error}", hint="reinstall lockstep") from None


def _guest(name: str, path: Path) -> Guest:
    module = read_file(path)
    return Guest(name, path, hashlib.sha256(module).hexdigest(), module)


def _verified(name: str, path: Path, sha256: str) -> Guest:
    guest = _guest(name, path)
    if guest.sha256 != sha256:
        remedy = "reinstall lockstep" if path.parent == _MODULES else f"remove {path}"
        raise GuestError(path, f"has SHA-256 {guest.sha256}, not {sha256}", hint=remedy)
    return guest

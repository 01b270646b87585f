"""Settings: `[tool.lockstep]` of the nearest `pyproject.toml`, then `LOCKSTEP_*`, then flags.

[tool.lockstep]
seed = 7                    # an option of any command, by its long name
[tool.lockstep.fuzz]
max-time = "10m"            # an option of one command
[tool.lockstep.runtimes]
mine = "mywasm run {module}"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lockstep.errors import ConfigError, UnknownNameError

FILE_NAME = "pyproject.toml"


class Config(msgspec.Struct, frozen=True):
    """What the file says; `path` is None where there is no file."""

    path: Path | None = None
    options: Mapping[str, Any] = {}
    commands: Mapping[str, Mapping[str, Any]] = {}
    runtimes: Mapping[str, Any] = {}


def load(start: Path, commands: Mapping[str, Iterable[str]]) -> Config:
    """Read the settings that hold in folder `start`.

    `commands` names each command and its options; a key that is neither is an error.
    """
    path = _find(start)
    if path is None:
        return Config()
    try:
        table = tomllib.loads(path.read_text()).get("tool", {}).get("lockstep", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return _check(path, table, {name: set(options) for name, options in commands.items()})


def _find(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        path = folder / FILE_NAME
        if path.is_file() and "tool.lockstep" in path.read_text(errors="replace"):
            return path
    return None


def _check(path: Path, table: Any, commands: Mapping[str, set[str]]) -> Config:
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: `tool.lockstep` is not a table")
    runtimes = table.pop("runtimes", {})
    if not isinstance(runtimes, dict):
        raise ConfigError(f"{path}: `tool.lockstep.runtimes` is not a table")
    options: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {}
    everywhere = set().union(*commands.values())
    for key, value in table.items():
        if key in commands and isinstance(value, dict):
            for name in value:
                _known(path, f"{key}.{name}", name, commands[key])
            own[key] = value
        else:
            _known(path, key, key, everywhere | set(commands) | {"runtimes"})
            options[key] = value
    return Config(path, options, own, runtimes)


def _known(path: Path, place: str, name: str, choices: Iterable[str]) -> None:
    if name not in choices:
        error = UnknownNameError("setting", name, choices)
        raise ConfigError(f"{path}: `tool.lockstep.{place}`: {error.message}", hint=error.hint)


def check_environment(environ: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse a `LOCKSTEP_*` variable that nothing reads: it is a misspelt one."""
    names = set(known)
    for name in sorted(environ):
        if name.startswith("LOCKSTEP_") and name not in names:
            error = UnknownNameError("environment variable", name, names)
            raise ConfigError(error.message, hint=error.hint)

"""Runtimes of the user's own, from `[tool.lockstep.runtimes]`.

mine = "mywasm run {module}"
other = {command = "other {module}", lineage = "llvm", traps = {"unreachable" = "SIGILL"}}
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lockstep.errors import ConfigError, UnknownNameError
from lockstep.runtimes import traps
from lockstep.runtimes.model import MODULE, Absent, Place, Row, Speed, Tier, Traps

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
PASSED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table of one such runtime.

    `traps` gives a regular expression on stderr for each kind of trap; `env` names the variables
    that its process may see.
    """

    command: str
    lineage: str = ""
    version: str = ""
    speed: Speed = "jit"
    in_all: bool = True
    traps: dict[str, str] | None = None
    env: tuple[str, ...] = ()


def rows(settings: Mapping[str, Any], taken: Collection[str]) -> list[Row]:
    """One row for each setting; raises `ConfigError` that names the key."""
    return [_row(name, setting, taken) for name, setting in settings.items()]


def _row(name: str, setting: Any, taken: Collection[str]) -> Row:
    if not NAME.fullmatch(name) or name == "all":
        raise _error(name, "is no name for a runtime", "letters, digits, `_`, `.` and `-`")
    if name in taken:
        raise _error(name, "is a runtime that lockstep has already", "choose another name")
    own = _read(name, setting)
    if MODULE not in own.command:
        raise _error(name, f"the command has no `{MODULE}` in it", 'as in "mywasm run {module}"')
    return Row(
        engine=name,
        tiers=(Tier("default", own.lineage or name, own.speed),),
        find=partial(_find, own, _words(name, own.command)),
        remedy="correct its command in `[tool.lockstep.runtimes]`",
        traps=traps.COMMON if own.traps is None else _traps(name, own.traps),
        in_all=own.in_all,
    )


def _read(name: str, setting: Any) -> Own:
    table = {"command": setting} if isinstance(setting, str) else setting
    if isinstance(table, dict):
        for key in table.keys() - set(Own.__struct_fields__):
            unknown = UnknownNameError("key", key, Own.__struct_fields__)
            raise _error(name, unknown.message, unknown.hint)
    try:
        return msgspec.convert(table, Own)
    except msgspec.ValidationError as error:
        raise _error(name, str(error), "a command, or a table with a command in it") from None


def _words(name: str, command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise _error(name, f"the command cannot be split: {error}", None) from None


def _traps(name: str, table: Mapping[str, str]) -> Traps:
    for kind, pattern in table.items():
        if kind not in traps.KINDS:
            unknown = UnknownNameError("kind of trap", kind, traps.KINDS)
            raise _error(name, unknown.message, unknown.hint)
        try:
            re.compile(pattern)
        except re.error as error:
            raise _error(name, f"`{pattern}` is no regular expression: {error}", None) from None
    return tuple((pattern, frozenset({kind})) for kind, pattern in table.items())


def _find(own: Own, words: tuple[str, ...]) -> Place:
    program = shutil.which(words[0])
    if program is None:
        raise Absent(f"there is no program `{words[0]}`")
    passed = [(key, os.environ[key]) for key in (*PASSED, *own.env) if key in os.environ]
    return Place(
        version=own.version,
        found=program,
        binary=Path(program).resolve(),
        filter=(str(Path(program).absolute()), *words[1:]),
        program=words[0],
        env=tuple(passed),
    )


def _error(name: str, what: str, hint: str | None) -> ConfigError:
    return ConfigError(f"`tool.lockstep.runtimes.{name}`: {what}", hint=hint)

"""The words of this station: a runtime, a tier, a row of the registry, what is missing."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from lockstep.errors import GuestError

Speed = Literal["jit", "interpreter", "referee"]
Traps = tuple[tuple[str, frozenset[str]], ...]
"""Regular expressions on the text of a trap, and the kinds that such a text may stand for."""

MODULE, TIER, FLAGS = "{module}", "{tier}", "{flags}"


class Missing(msgspec.Struct, frozen=True):
    """A runtime that is not here: why, and the command that would help."""

    name: str
    reason: str
    remedy: str


class Tier(msgspec.Struct, frozen=True):
    """One way in which an engine runs code.

    `lineage` names the code base of its compiler or interpreter, `note` says why where that is
    not plain. `flags` stand for `{flags}` in the engine's commands. `since` is the first version
    that has it, where that is known to matter.
    """

    name: str
    lineage: str
    speed: Speed = "jit"
    flags: tuple[str, ...] = ()
    note: str = ""
    since: str = ""

    def is_in(self, version: str) -> bool:
        """Whether the engine has it in `version`."""
        return not self.since or version_key(version) >= version_key(self.since)


def version_key(version: str) -> tuple[int, ...]:
    """What orders versions: the numbers at the beginning, `50.0.1` before `50.1`."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


class Quirk(msgspec.Struct, frozen=True):
    """A case of the conformance test that an engine is known to answer in its own way.

    `instead` is its answer in the words of that test, which fails as soon as it is another one.
    """

    case: str
    instead: str
    reason: str


class Place(msgspec.Struct, frozen=True):
    """An installed engine and its commands, in which `{module}`, `{tier}` and `{flags}` stand.

    `found` says where it is, `binary` is the file that makes it what it is, `files` the hosts that
    the commands need, `program` what the first word of the commands is called on other machines.
    `translate` gives the file that is put in for `{module}`, or raises `GuestError`.
    """

    version: str
    found: str
    binary: Path
    filter: tuple[str, ...]
    serve: tuple[str, ...] | None = None
    files: tuple[Path, ...] = ()
    program: str = ""
    env: tuple[tuple[str, str], ...] = ()
    translate: Callable[[Path], Path] | None = None


class Absent(Exception):  # noqa: N818 - an answer more often than an error
    """What a `Row.find` raises: the reason why the engine is not here."""


class Row(msgspec.Struct, frozen=True):
    """One engine of the registry; the first tier is the default.

    `find` looks for it on this machine; `options` are what may follow a tier behind `+`, with a
    regular expression for the value; `in_all` whether `--runtimes all` takes it; `digests` whether
    its memory can be compared with that of others.
    """

    engine: str
    tiers: tuple[Tier, ...]
    find: Callable[[], Place]
    remedy: str
    traps: Traps
    quirks: tuple[Quirk, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    in_all: bool = True
    digests: bool = True


class Runtime(msgspec.Struct, frozen=True):
    """An engine, a version and a tier that can be run here; `tier` includes its options."""

    engine: str
    version: str
    tier: str
    lineage: str
    speed: Speed
    in_all: bool
    digests: bool
    traps: Traps
    quirks: tuple[Quirk, ...]
    place: Place
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Engine and tier, as in `wasmtime:winch`."""
        return f"{self.engine}:{self.tier}"

    @property
    def spec(self) -> str:
        """The name with the version, as in `wasmtime@50.0.1:winch`."""
        version = f"@{self.version}" if self.version else ""
        return f"{self.engine}{version}:{self.tier}"

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that its process gets."""
        return dict(self.place.env)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the binary, in hex; empty where it cannot be read."""
        return _sha256(self.place.binary)

    def filter_command(self, module: Path) -> list[str]:
        """The command that runs `module` as a filter; raises `GuestError` where none can."""
        translate = self.place.translate
        return self._fill(self.place.filter, str(translate(module) if translate else module))

    def serve_command(self) -> list[str] | None:
        """The command that takes jobs, None where there is none."""
        return self._fill(self.place.serve, "") if self.place.serve else None

    def why_not(self, module: Path) -> str | None:
        """Why `module` cannot run here whatever is in it; None when it can."""
        try:
            self.filter_command(module)
        except GuestError as error:
            return error.message
        return None

    def host_files(self) -> tuple[Path, ...]:
        """The files of ours that its command needs."""
        return self.place.files

    def export_command(self, module: str) -> list[str] | None:
        """The filter command for a folder that holds `module` and `host_files()`.

        None where it would not run without lockstep.
        """
        if self.place.translate:
            return None
        names = {str(path): path.name for path in self.place.files}
        first, *rest = self._fill(self.place.filter, module)
        return [self.place.program or first, *(names.get(word, word) for word in rest)]

    def trap_kinds(self, text: str) -> frozenset[str]:
        """The kinds of trap that `text` may mean; none when no row of `traps` knows it."""
        for pattern, kinds in self.traps:
            if re.search(pattern, text):
                return kinds
        return frozenset()

    def _fill(self, template: tuple[str, ...], module: str) -> list[str]:
        words: list[str] = []
        for word in template:
            if word == FLAGS:
                words += self.flags
            else:
                words.append(word.replace(TIER, self.tier).replace(MODULE, module))
        return words


@functools.cache
def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

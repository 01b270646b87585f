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

MODULE, TIER, FLAGS, FOLDER = "{module}", "{tier}", "{flags}", "{folder}"


class Missing(msgspec.Struct, frozen=True):
    """A runtime that is not here: why, and the command that would help."""

    name: str
    reason: str
    remedy: str


class Tier(msgspec.Struct, frozen=True):
    """One way in which an engine runs code.

    `lineage` names the code base of its compiler or interpreter, `note` says why where that is
    not plain. `flags` stand for `{flags}` in the engine's commands. `since` is the first version
    that has it, where that is known to matter. `features` are the instruction sets beyond the
    first version of WebAssembly that it runs, as `probe.py` saw them. `load_s` is how long it may
    take until a large module runs, where its compiler or its start is slow.
    """

    name: str
    lineage: str
    speed: Speed = "jit"
    features: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()
    note: str = ""
    since: str = ""
    load_s: float = 0.0

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
    `translate` gives the file that is put in for `{module}`, or raises `GuestError`. `folder`
    stands for `{folder}`. `without` says of tiers that this place lacks why. `compiles` says that
    its host gives compiled code away as bytes, `stamp` tells of what else that code depends on.
    `kept` is for what lockstep installed.
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
    folder: Path = Path()
    without: tuple[tuple[str, str], ...] = ()
    compiles: bool = False
    stamp: str = ""
    kept: bool = False

    def lack(self, tier: Tier) -> str | None:
        """Why `tier` cannot be run here; None when it can."""
        if not tier.is_in(self.version):
            return f"it needs {tier.since}, {self.version} is installed"
        return dict(self.without).get(tier.name)


class Absent(Exception):  # noqa: N818 - an answer more often than an error
    """What a `Row.find` raises: the reason why the engine is not here."""


class Row(msgspec.Struct, frozen=True):
    """One engine of the registry; the first tier is the default.

    `find` looks for it on this machine; `kept` gives the place of a version that was installed
    into a folder of the cache. `options` are what may follow a tier behind `+`, with a regular
    expression for the value; `in_all` whether `--runtimes all` takes it; `digests` whether its
    memory can be compared with that of others; `unfit` why it does not pass the conformance test,
    which is then spared. `about` says what it is, where the name does not. `probed` is the version
    whose features the tiers tell; those of every other one are probed where it is met.
    """

    engine: str
    tiers: tuple[Tier, ...]
    find: Callable[[], Place]
    remedy: str
    traps: Traps
    kept: Callable[[Path, str], Place] | None = None
    quirks: tuple[Quirk, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    in_all: bool = True
    digests: bool = True
    unfit: str = ""
    about: str = ""
    probed: str = ""


class Runtime(msgspec.Struct, frozen=True):
    """An engine, a version and a tier that can be run here; `tier` includes its options.

    `remedy` is the command that helps where it does not run. `told` are its features where the row
    tells them of this version. `among_versions` says that another version of the same was chosen
    beside it. It runs the `variant` of a guest (`guest/variants.py`), if it names one.
    """

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
    load_s: float = 0.0
    remedy: str = ""
    told: frozenset[str] | None = None
    among_versions: bool = False
    variant: str = ""

    @property
    def name(self) -> str:
        """Engine and tier, as in `wasmtime:winch`; the spec where that would name two."""
        return self.spec if self.among_versions else f"{self.engine}:{self.way}"

    @property
    def spec(self) -> str:
        """The name with the version, as in `wasmtime@50.0.1:winch`."""
        version = f"@{self.version}" if self.version else ""
        return f"{self.engine}{version}:{self.way}"

    @property
    def way(self) -> str:
        """The tier, and the variant of the guest where there is one."""
        return f"{self.tier}+variant={self.variant}" if self.variant else self.tier

    @property
    def host(self) -> Runtime:
        """What its process is, the same for all its variants: a host runs any module."""
        return msgspec.structs.replace(self, variant="", digests=False, among_versions=False)

    @property
    def runs_any(self) -> bool:
        """Whether it runs the module it is given, not another build of it."""
        return self.place.translate is None and not self.variant

    @property
    def features(self) -> frozenset[str]:
        """The instruction sets beyond the first version of WebAssembly, as `features.py` says them.

        Where the row does not tell of this version, the first call tries it.
        """
        if self.told is not None:
            return self.told
        from lockstep.runtimes.probe import probed  # which runs what this describes

        return probed(self)

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
        return self._fill(self.place.filter, str(self.module(module)))

    def module(self, module: Path) -> Path:
        """The file that is run where `module` is asked for; raises `GuestError` for none."""
        if self.variant:
            from lockstep.guest import variants

            return variants.variant(self.variant, module)
        return self.place.translate(module) if self.place.translate else module

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
        if not self.runs_any:
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
        values = {FOLDER: str(self.place.folder), TIER: self.tier, MODULE: module}
        words: list[str] = []
        for word in template:
            words += self.flags if word == FLAGS else [word]
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        return words


@functools.cache
def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

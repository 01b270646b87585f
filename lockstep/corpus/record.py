"""A record: a bug that a runtime is known to have, and what shows it.

corpus/known/wasmtime-shuffle/
    record.toml         see `Record`
    program.tree        a program, see `lockstep/program/notation.py`
    reproducer.trace    or a trace, with what is right recorded in it
    issue.md            the report to its maintainers, by `lockstep report NAME --format issue`
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from lockstep.errors import UnknownNameError, UsageError
from lockstep.program import notation
from lockstep.program.tree import Program, nodes
from lockstep.runtimes.model import version_key

KNOWN = Path(__file__).parents[2] / "corpus" / "known"
FOUND = KNOWN.with_name("found")
RECORD, PROGRAM, TRACE = "record.toml", "program.tree", "reproducer.trace"


class Record(msgspec.Struct, frozen=True):
    """What `record.toml` says; `name` and `folder` are where it lies.

    `wrong` holds versions of `runtime` and ranges `FIRST - LAST`; `right` versions, or specs of
    other runtimes. `marks` are regular expressions of which each fits an instruction of any reduced
    program that shows this bug. `needs` is what no machine has on which lockstep can install it.
    `section` are the places in the core specification that say who is right, as in
    `exec/numerics.html#op-fabs`, and `about` the instructions where no program tells them. `gave`
    are the words that the wrong versions give (`lockstep/program/alone.py`). `slow` is an engine
    that compiles for minutes. The rest is for traces: what a campaign makes of them.
    """

    runtime: str
    tier: str
    wrong: tuple[str, ...]
    expected: str
    actual: str
    source: str
    right: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    needs: str = ""
    section: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    gave: tuple[str, ...] = ()
    slow: bool = False
    guest: str = ""
    kind: str = ""
    suspects: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    fingerprint: str = ""
    events: int = 0
    name: str = ""
    folder: Path = Path()

    @property
    def bounds(self) -> list[str]:
        """The versions that `wrong` names, the newest first: both ends of each range."""
        ends = {end for entry in self.wrong for end in entry.split(" - ")}
        return sorted(ends, key=version_key, reverse=True)

    @property
    def program(self) -> Program | None:
        """What shows it, where that is a program."""
        path = self.folder / PROGRAM
        return notation.decode(path.read_text()) if path.is_file() else None

    def spec(self, version: str) -> str:
        """The runtime of that version; what is a spec already stays as it is."""
        return version if ":" in version else f"{self.runtime}@{version}:{self.tier}"

    def is_wrong(self, version: str) -> bool:
        """Whether `version` is among the wrong ones."""
        for entry in self.wrong:
            first, _, last = entry.partition(" - ")
            if version_key(first) <= version_key(version) <= version_key(last or first):
                return True
        return False

    def shows_in(self, program: Program) -> bool:
        """Whether a reduced program is about this bug, by its instructions."""
        ops = {node.op for node in nodes(program)}
        return bool(self.marks) and all(
            any(re.search(mark, op) for op in ops) for mark in self.marks
        )


def records(names: Iterable[str] = (), folder: Path = KNOWN) -> list[Record]:
    """The records of these names, or all; raises `UsageError` where one is not there or broken."""
    paths = {path.parent.name: path for path in sorted(folder.glob(f"*/{RECORD}"))}
    if not paths:
        raise UsageError(f"{folder} holds no records", hint="name the folder with `--corpus PATH`")
    if strange := [name for name in names if name not in paths]:
        raise UnknownNameError("record", strange[0], paths)
    return [read_record(paths[name]) for name in names or paths]


def read_record(path: Path) -> Record:
    """The record in file `path`; raises `UsageError` for one that is broken."""
    try:
        values = tomllib.loads(path.read_text())
        record = msgspec.convert(values, Record)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None
    if strange := _strange(values):
        raise UnknownNameError("key of a record", strange[0], Record.__struct_fields__)
    return msgspec.structs.replace(record, name=path.parent.name, folder=path.parent)


def _strange(values: Iterable[str]) -> Sequence[str]:
    return [key for key in values if key not in Record.__struct_fields__[:-2]]

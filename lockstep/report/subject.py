"""What a report is about: the folder of a find or of a record, and what it says."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import msgspec

from lockstep.campaign.finds import REPORT, REPRODUCER
from lockstep.corpus.record import FOUND, KNOWN, PROGRAM, RECORD, Record, read_record
from lockstep.errors import UsageError
from lockstep.program import notation
from lockstep.program.alone import Gave
from lockstep.program.tree import Program
from lockstep.report.find import Environment, environment_of
from lockstep.runtimes import registry
from lockstep.trace import Trace, read

_NAME = re.compile(r"([\w.-]+)(?:@([\w.+-]*))?(?::([\w.+=-]+))?", re.ASCII)
"""What may stand in a line for a shell: nothing that a shell reads in its own way."""
_ENDED = re.compile(r"ended ([a-z]+(?: [a-z]+)*) (-?\d+) ?(.*)", re.DOTALL)


class Who(msgspec.Struct, frozen=True):
    """A runtime by name; `version` is empty where nothing tells it."""

    engine: str
    version: str
    tier: str

    @property
    def name(self) -> str:
        """Engine and tier."""
        return f"{self.engine}:{self.tier}" if self.tier else self.engine

    @property
    def spec(self) -> str:
        """The name with the version."""
        return f"{self.engine}@{self.version}:{self.tier}" if self.version else self.name

    @property
    def lineage(self) -> str:
        """The code base, where lockstep knows the runtime."""
        row = registry.table().get(self.engine)
        tiers = row.tiers if row else ()
        return next((one.lineage for one in tiers if one.name == self.tier), "")


class Subject(msgspec.Struct, frozen=True):
    """A folder, read. Without a record it is that of a find, without a program one on a guest."""

    folder: Path
    trace: Trace | None
    program: Program | None
    record: Record | None
    environment: Environment | None

    @property
    def place(self) -> str:
        """Where it is, for others: what leads to it on this machine is left out."""
        for root in (FOUND.parents[1], Path.cwd()):
            with contextlib.suppress(ValueError):
                return self.folder.resolve().relative_to(root.resolve()).as_posix()
        return self.folder.resolve().name

    @property
    def is_known(self) -> bool:
        """Whether others found it: it is a record of `corpus/known`."""
        return self.record is not None and self.folder.resolve().parent.name == KNOWN.name

    @property
    def suspects(self) -> list[Who]:
        """Whom it blames; on a tie whoever differs from what was recorded first."""
        record, trace = self.record, self.trace
        if record is not None:
            return [self._who(name) for name in record.suspects] or [self._who(record.spec(""))]
        assert trace is not None
        named = trace.header.suspects.split(",") if trace.header.suspects else ()
        return [self._who(name) for name in named or self._dissenting()]

    @property
    def is_tie(self) -> bool:
        """Whether nobody is to blame, since as many lineages say the one as the other."""
        return self.record is None and self.trace is not None and not self.trace.header.suspects

    @property
    def agreeing(self) -> list[Who]:
        """All that gave the recorded answer."""
        if self.trace is None:
            right = self.record.right if self.record else ()
            return [self._who(name) for name in right if ":" in name]
        others = {name for dissent in self.trace.dissents for name in dissent.runtimes}
        compared = [self._who(name) for name in self.trace.header.runtimes.split(",") if name]
        blamed = {who.name for who in self.suspects}
        return [who for who in compared if who.name not in others | blamed]

    @property
    def gave(self) -> Gave | None:
        """What the first suspect gave, where the folder says it."""
        if self.record is not None and self.record.gave:
            return Gave(tuple(int(word, 0) for word in self.record.gave))
        for dissent in self.trace.dissents if self.trace else ():
            ended = _ENDED.fullmatch(dissent.answer)
            if ended and ended[1] != "exit" and self.suspects[0].name in dissent.runtimes:
                return Gave((), ended[1], ended[3])
        return None

    def _dissenting(self) -> tuple[str, ...]:
        assert self.trace is not None
        return self.trace.dissents[0].runtimes if self.trace.dissents else ()

    def _who(self, name: str) -> Who:
        """A name as it stands in a folder, with the version that the folder tells."""
        engine, version, tier = _parts(name)
        if self.record is not None and engine == self.record.runtime:
            return Who(engine, version or self.record.bounds[0], tier)
        specs = [*(self.environment.binaries if self.environment else ())]
        specs += self.trace.header.runtimes.split(",") if self.trace else []
        for spec in specs:
            known = _parts(spec)
            if not version and (known[0], known[2]) == (engine, tier):
                version = known[1]
        return Who(engine, version, tier)


def _parts(name: str) -> tuple[str, str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise UsageError(f"`{name}` is no name of a runtime", hint="as in `wasmtime@50.0.1:winch`")
    return found[1], found[2] or "", found[3] or ""


def subject(folder: Path) -> Subject:
    """Read a folder; raises `UsageError` for one that is neither a find's nor a record's."""
    trace, tree, record = (folder / name for name in (REPRODUCER, PROGRAM, RECORD))
    report = folder / REPORT
    if not trace.is_file() and not record.is_file():
        raise UsageError(
            f"{folder} is no folder of a find", hint=f"one holds {REPRODUCER} or {RECORD}"
        )
    found = Subject(
        folder,
        read(trace) if trace.is_file() else None,
        notation.decode(tree.read_text()) if tree.is_file() else None,
        read_record(record) if record.is_file() else None,
        environment_of(report.read_text()) if report.is_file() else None,
    )
    if not found.suspects:
        raise UsageError(f"{folder}: nobody differs in its trace")
    return found

"""Is a mutant seen? The right module and the wrong one on the same inputs, until one differs."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

import msgspec

from lockstep.execute.fleet import Fleet, How
from lockstep.execute.process import Run
from lockstep.execute.scratch import new_scratch
from lockstep.runtimes.model import Runtime
from tools.mutants.field import Field, Reached
from tools.mutants.rewrite import Mutant, miscompiled
from tools.mutants.subject import Subject


class Fate(StrEnum):
    """What became of a mutant whose instruction was executed.

    NO_EFFECT: it never gave another value. ALONE: it was seen, wrong at this one site. EVERYWHERE:
    it was not, but a runtime that gets the same wrong wherever it meets the pattern was.
    """

    NO_EFFECT = "no effect"
    ALONE = "alone"
    EVERYWHERE = "everywhere"
    MISSED = "missed"


class Outcome(msgspec.Struct, frozen=True):
    """What became of a mutant; `how` says what was seen, `where` in which subject."""

    reached: Reached
    fate: Fate
    how: str = ""
    where: str = ""


class Trial:
    """Runs mutants on one runtime, `jobs` at a time; a context manager.

    `fields` are where a mutant that was not seen alone is planted everywhere.
    """

    def __init__(self, runtime: Runtime, fields: Sequence[Field], jobs: int) -> None:
        self._runtime, self._fields = runtime, fields
        self._fleet = Fleet([runtime], jobs=jobs)
        self._pool = ThreadPoolExecutor(jobs)
        self._scratch = new_scratch()
        self._numbers = itertools.count()
        self._right = {field.subject.name: self._learnt(field.subject) for field in fields}

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._fleet.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def outcomes(self, reached: Sequence[Reached]) -> Iterator[Outcome]:
        """What becomes of each, in order."""
        return self._pool.map(self._outcome, reached)

    def _learnt(self, subject: Subject) -> list[Run]:
        """What is right on each input, and how long it takes."""
        with self._file(subject.module.encode()) as path:
            return [self._fleet.run(self._runtime, path, stdin) for stdin in subject.inputs]

    def _outcome(self, reached: Reached) -> Outcome:
        if not reached.hits:
            return Outcome(reached, Fate.NO_EFFECT)
        subject, mutant = reached.subject, reached.mutant
        if how := self._seen(subject, [mutant], reached.hits):
            return Outcome(reached, Fate.ALONE, how, subject.name)
        own = sorted(self._fields, key=lambda field: field.subject is not subject)
        for field in own:
            mutants = field.infested(mutant)
            inputs = range(len(field.subject.inputs))
            if mutants and (how := self._seen(field.subject, mutants, inputs)):
                return Outcome(reached, Fate.EVERYWHERE, how, field.subject.name)
        return Outcome(reached, Fate.MISSED)

    def _seen(self, subject: Subject, mutants: Sequence[Mutant], inputs: Iterable[int]) -> str:
        """How the first of `inputs` that shows a difference shows it; empty for none."""
        with self._file(miscompiled(subject.module, subject.context, mutants)) as path:
            for number in inputs:
                run = self._fleet.run(self._runtime, path, subject.inputs[number], How())
                if how := difference(self._runtime, self._right[subject.name][number], run):
                    return how
        return ""

    @contextlib.contextmanager
    def _file(self, module: bytes) -> Iterator[Path]:
        path = self._scratch / f"{next(self._numbers)}.wasm"
        path.write_bytes(module)
        yield path
        path.unlink()


def difference(runtime: Runtime, right: Run, wrong: Run) -> str:
    """What differs: the way it ended, or else the observations; empty for nothing."""
    if (right.end.kind, right.end.code) != (wrong.end.kind, wrong.end.code):
        return "no trap" if right.end.kind == "trap" else wrong.end.kind
    if right.end.kind == "trap":  # how much was answered before says nothing
        kinds = [runtime.trap_kinds(run.end.text) for run in (right, wrong)]
        return "" if kinds[0] & kinds[1] else "another trap"
    return "observations" if right.output != wrong.output else ""

"""Does a candidate program still show the same fingerprint? Asked of a suspect and a witness."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from lockstep.compare import Divergence
from lockstep.execute.fleet import Fleet, How
from lockstep.program.tree import Program
from lockstep.program.trial import events_of, module_of, sound
from lockstep.reduce.oracle import Pair
from lockstep.runtimes.model import Runtime

ONCE = How(reuse=False)


def differ(
    fleet: Fleet, path: Path, program: Program, suspect: Runtime, witness: Runtime
) -> Divergence | None:
    """Where the two differ on `program`, whose module is at `path` meanwhile."""
    path.write_bytes(module_of(program))
    try:
        return Pair(fleet, path, suspect, witness, ONCE).ask(events_of(program))
    finally:
        path.unlink()


class ProgramOracle:
    """Asks whether candidates come to the same between `suspect` and `witness` as `program` does.

    `scratch` is a folder for modules. What the specification leaves open is never asked about.
    """

    def __init__(
        self, fleet: Fleet, scratch: Path, suspect: Runtime, witness: Runtime, program: Program
    ) -> None:
        self._fleet, self._scratch = fleet, scratch
        self._suspect, self._witness = suspect, witness
        self._numbers = itertools.count()
        self._wanted = self.fingerprint(program)

    def fingerprint(self, program: Program) -> str:
        """What `program` comes to between the two; empty where they agree."""
        path = self._scratch / f"candidate-{next(self._numbers)}.wasm"
        found = differ(self._fleet, path, program, self._suspect, self._witness)
        return found.fingerprint if found is not None else ""

    def consider(self, candidates: Sequence[Program]) -> list[bool]:
        """For each candidate, whether it shows the wanted fingerprint."""
        return [
            bool(self._wanted) and self.fingerprint(program) == self._wanted and sound(program)
            for program in candidates
        ]

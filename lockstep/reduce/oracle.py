"""Does a candidate still show the same fingerprint? Asked of one suspect and one witness.

A guest is a filter: an early end at event i is an end of `events[:i + 1]` and none of `events[:i]`.
So candidates of traps, crashes and hangs are judged by two batch runs, not step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from lockstep import protocol
from lockstep.compare import Divergence, Kind, Stream, Voter, first_difference
from lockstep.errors import LockstepError
from lockstep.execute.fleet import USUAL, Fleet, How
from lockstep.execute.process import Run
from lockstep.invariants import check
from lockstep.judge import stream_of, voter_of
from lockstep.protocol import Description, Event
from lockstep.runtimes.model import Runtime

Events = tuple[Event, ...]

HASTY = How(patience=0.25)
"""For hangs: each candidate that shows one takes the whole limit. The result is confirmed."""


class Pair(msgspec.Struct, frozen=True):
    """A suspect and a witness on one module, and how they are run."""

    fleet: Fleet
    module: Path
    suspect: Runtime
    witness: Runtime
    how: How

    def ask(self, events: Events) -> Divergence | None:
        """Run both once."""
        stdin = protocol.encode_events(events)
        both = [self.suspect, self.witness]
        suspect, witness = self.fleet.run_all(both, self.module, stdin, self.how).values()
        return self.differ(events, suspect, witness)

    def differ(self, events: Events, suspect: Run, witness: Run) -> Divergence | None:
        """What two runs of `events` come to."""
        if suspect.output == witness.output and suspect.end == witness.end:
            return None
        streams: dict[Voter, Stream] = {}
        for runtime, run in ((self.suspect, suspect), (self.witness, witness)):
            stream = stream_of(runtime, run)
            if run.end.kind != "exit":
                stream = self._ending_in_place(runtime, events, stream)
            streams[voter_of(runtime)] = stream
        found = first_difference(events, streams, (self.suspect.name,))
        return found if isinstance(found, Divergence) else None

    def _ending_in_place(self, runtime: Runtime, events: Events, stream: Stream) -> Stream:
        """`stream` with all answers that stand before its ending, however reads were cut.

        Bisects on prefixes: the longest one that is answered whole ends just before the event.
        """
        low, high = len(stream.answers), len(events) - 1
        answers: Sequence[object] = stream.answers
        while low <= high:
            # The last event first: after the first cut it is nearly always the one.
            length = high if high == len(events) - 1 else (low + high + 1) // 2
            stdin = protocol.encode_events(events[:length])
            run = self.fleet.run_many(runtime, self.module, [stdin], self.how)[0]
            if run.end.kind == "exit":
                answers = protocol.split_frames(run.output)[0]
                low = length + 1
            else:
                high = length - 1
        return Stream([a for a in answers if isinstance(a, bytes)], stream.ended, stream.traps)


class DivergenceOracle:
    """Asks `suspect` and `witness`; other fingerprints met on the way are kept in `others`."""

    def __init__(
        self, fleet: Fleet, module: Path, suspect: Runtime, witness: Runtime, events: Events
    ) -> None:
        self.fleet, self.module = fleet, module
        self.suspect, self.witness = suspect, witness
        self.others: dict[str, Events] = {}
        self.how = USUAL
        found = self.ask([events])[0]
        if found is None:
            raise LockstepError(f"{suspect.name} and {witness.name} agree on the trace to reduce")
        self.wanted = found
        if found.kind is Kind.HANG:
            self.how = HASTY

    def consider(self, candidates: Sequence[Events]) -> list[bool]:
        """For each candidate, whether it shows the wanted fingerprint."""
        verdicts = []
        for events, found in zip(candidates, self.ask(candidates), strict=True):
            shows = found is not None and found.fingerprint == self.wanted.fingerprint
            verdicts.append(shows)
            if found is not None and not shows:
                self._keep(found, events[: found.index + 1])
        return verdicts

    def ask(self, candidates: Sequence[Events]) -> list[Divergence | None]:
        """What each candidate comes to between the two."""
        stdins = [protocol.encode_events(events) for events in candidates]
        pairs = zip(
            self.fleet.run_many(self.suspect, self.module, stdins, self.how),
            self.fleet.run_many(self.witness, self.module, stdins, self.how),
            strict=True,
        )
        return [
            self.pair(self.how).differ(events, suspect, witness)
            for events, (suspect, witness) in zip(candidates, pairs, strict=True)
        ]

    def pair(self, how: How) -> Pair:
        """The two, run so."""
        return Pair(self.fleet, self.module, self.suspect, self.witness, how)

    def _keep(self, found: Divergence, events: Events) -> None:
        standing = self.others.get(found.fingerprint)
        if standing is None or len(events) < len(standing):
            self.others[found.fingerprint] = events


class InvariantOracle:
    """Asks one runtime whether the guest still breaks the same invariant."""

    def __init__(
        self,
        fleet: Fleet,
        module: Path,
        runtime: Runtime,
        invariant: str,
        description: Description,
    ) -> None:
        self.fleet, self.module, self.runtime = fleet, module, runtime
        self.invariant, self.description = invariant, description
        self.others: dict[str, Events] = {}

    def consider(self, candidates: Sequence[Events]) -> list[bool]:
        """For each candidate, whether the invariant breaks."""
        stdins = [protocol.encode_events(events) for events in candidates]
        runs = self.fleet.run_many(self.runtime, self.module, stdins)
        return [self._breaks(e, run) for e, run in zip(candidates, runs, strict=True)]

    def _breaks(self, events: Events, run: Run) -> bool:
        frames, _ = protocol.split_frames(run.output)
        if run.end.kind != "exit" or len(frames) != len(events):
            return False
        violation = check(events, frames, self.description)
        return violation is not None and violation.name == self.invariant

"""Which mutation of a chain exposes a find: the first prefix of the chain that shows it.

A divergence that shows on a guest after 30 mutations and not on the guest itself says little to a
maintainer. The prefixes of the chain are variants of their own, so the same trace is judged on each
of them, against a witness; the search is that of `lockstep bisect`. The module before the mutation
and the one after it are kept beside the find.

A mutation that should keep what a module means may fail to: `wasm-tools` 1.263.0 was seen to move
a `global.set` to where it sets another value. So the witness runs the module, too: where it does
there what the suspect does, no runtime is at fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import msgspec

from lockstep.bisect import Outcome, Probed, bisect, changes
from lockstep.campaign.proof import WARM_UPS, Lab
from lockstep.compare import Divergence, Kind, Verdict
from lockstep.errors import LockstepError, NothingComparableError
from lockstep.execute.fleet import Fleet
from lockstep.guest import chain, variants
from lockstep.guest.tools import find
from lockstep.guest.wasm import Module
from lockstep.judge import Judgement, judge
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace

BEFORE, AFTER = "before.wasm", "after.wasm"
PROBES_MAX = 64
"""Of a chain that is shorter all prefixes are tried: the first that shows it is the first then."""
HANGS_MAX = 12
"""The same for hangs, each of which takes its whole time limit."""
NAMED_MAX = 8


class Exposed(msgspec.Struct, frozen=True):
    """A mutation, the two modules around it, and how it was found.

    `last` is the number of the longest shorter prefix that could be compared, and did not show it.
    `alike` says that the witness does behind the mutation what the suspect does; None where the
    witness, of the same lineage or no runtime for any module, cannot tell.
    """

    suspect: Runtime
    witness: Runtime
    variant: str
    mutation: chain.Mutation
    last: int
    before: bytes
    tool: str
    alike: bool | None

    @property
    def summary(self) -> str:
        """One line for people."""
        which = f"mutation {self.mutation.number} (seed {self.mutation.seed})"
        if self.last + 1 < self.mutation.number:
            which = f"one of the mutations {self.last + 1} to {self.mutation.number}"
        told = f"{which} of the chain {self.variant}"
        if self.alike:
            return f"{told} changes what the guest does, on {self.witness.name} too"
        return f"{told} exposes it"

    @property
    def modules(self) -> dict[str, bytes]:
        """The files that are kept beside the find."""
        return {BEFORE: self.before, AFTER: self.mutation.module}

    def lines(self) -> list[str]:
        """The section of the report."""
        names = f"{self.suspect.spec},{self.witness.spec}"
        return [
            f"{self.summary}:",
            f"  {BEFORE} has {self.last} mutations, and does what the guest does",
            f"  {AFTER} has {self.mutation.number}, and does not on {self.suspect.name}",
            f"  {self._blame()}",
            *(f"  {line}" for line in _changed(self.before, self.mutation.module)),
            f"  the mutations were made by {self.tool}",
            "To see it on these modules:",
            *(
                f"  lockstep replay --guest {name} --runtimes {names} reproducer.trace"
                for name in (BEFORE, AFTER)
            ),
        ]

    def _blame(self) -> str:
        suspect, witness = self.suspect.name, self.witness.name
        if self.alike is None:
            return f"whether the mutation or {suspect} is at fault could not be asked of another"
        if self.alike:
            return f"{witness} does the same on it: the mutation is at fault, not {suspect}"
        return f"{witness} does on it what the guest does: {suspect} is at fault"


def exposed(lab: Lab, trace: Trace, judged: Judgement) -> Exposed | None:
    """The mutation that exposes the divergence of `trace`.

    None where no chain is a suspect, or where what diverges also diverges on the guest itself.
    """
    if judged.divergence is None:
        return None
    by_name = {runtime.name: runtime for runtime in lab.runtimes}
    witness = _witness(judged.divergence, by_name)
    if witness is None:
        return None
    for suspect in _on_chains(judged.divergence, by_name, witness):
        with Fleet([suspect, witness], jobs=1, keeps=True) as fleet:
            search = _Search(lab, fleet, suspect, witness, trace)
            try:
                found = search.run()
            except LockstepError:  # the tool is gone, say: the find itself stands
                continue
        if found is not None:
            return found
    return None


class _Search:
    """Judges `trace` on the prefixes of the chain of `suspect`, against `witness`."""

    def __init__(
        self, lab: Lab, fleet: Fleet, suspect: Runtime, witness: Runtime, trace: Trace
    ) -> None:
        self.lab, self.fleet, self.suspect, self.witness = lab, fleet, suspect, witness
        self.trace = msgspec.structs.replace(trace, recorded=(), dissents=())
        self.seed, self.length = variants.chain_of(suspect.variant) or (0, 0)
        self.kind: Kind | None = None
        self.rounds = 1
        self.probe = cache(self._probe)

    def run(self) -> Exposed | None:
        """The first prefix that shows what the whole chain shows, and the guest itself does not."""
        whole = self._judged(self.length)
        if whole is None or whole.divergence is None:
            self.rounds = WARM_UPS  # it needs the history of a process, as in `confirm`
            whole = self._judged(self.length)
        if whole is None or whole.divergence is None:
            return None
        self.kind = whole.divergence.kind
        if self.probe(0).outcome is not Outcome.RIGHT:
            return None
        prefixes = [str(number) for number in range(self.length + 1)]
        most = HANGS_MAX if self.kind is Kind.HANG else PROBES_MAX
        known = bisect(prefixes, self._probe_many, most)
        for right, wrong in changes(prefixes, known):
            if known[wrong].outcome is Outcome.WRONG:
                return self._told(int(right), int(wrong))
        return None

    def _told(self, right: int, wrong: int) -> Exposed:
        guest, before = self.lab.module.read_bytes(), self._module(right)
        state = before if right == wrong - 1 else self._module(wrong - 1)
        return Exposed(
            suspect=msgspec.structs.replace(self.suspect, variant=""),
            witness=self.witness,
            variant=self.suspect.variant,
            mutation=chain.mutated(guest, state, self.seed, wrong),
            last=right,
            before=before,
            tool=find(chain.MUTATOR).version,
            alike=self._alike(wrong),
        )

    def _alike(self, number: int) -> bool | None:
        """Whether the witness does on those mutations what the suspect does."""
        if self.witness.lineage == self.suspect.lineage or self.witness.place.translate:
            return None
        found = self._between(self._on(self.suspect, number), self._on(self.witness, number))
        verdict = found.verdict if found else Verdict.INCOMPARABLE
        return None if verdict is Verdict.INCOMPARABLE else verdict is not Verdict.DIVERGE

    def _module(self, number: int) -> bytes:
        return chain.chained(self.lab.module, self.seed, number).read_bytes()

    def _probe_many(self, prefixes: Sequence[str]) -> dict[str, Probed]:
        return {prefix: self.probe(int(prefix)) for prefix in prefixes}

    def _probe(self, number: int) -> Probed:
        found = self._judged(number)
        if found is None or self.lab.stop():
            return Probed(Outcome.INCOMPARABLE)
        if found.verdict in (Verdict.AGREE, Verdict.UNSAFE):
            return Probed(Outcome.RIGHT)
        same = found.divergence is not None and found.divergence.kind is self.kind
        return Probed(Outcome.WRONG if same else Outcome.INCOMPARABLE)

    def _judged(self, number: int) -> Judgement | None:
        """The verdict on the chain's first mutations; None where there is nothing to compare."""
        return self._between(self._on(self.suspect, number), self.witness)

    def _on(self, runtime: Runtime, number: int) -> Runtime:
        name = f"{variants.MUTATE}.{self.seed}.{number}"
        return msgspec.structs.replace(runtime, variant=name, digests=False)

    def _between(self, one: Runtime, other: Runtime) -> Judgement | None:
        found, told = None, self.lab.description
        try:
            for _ in range(self.rounds):
                found = judge(self.fleet, self.lab.module, self.trace, (one, other), told)
                if found.verdict is not Verdict.AGREE:
                    break
        except NothingComparableError:
            return None
        return found


def _witness(found: Divergence, by_name: Mapping[str, Runtime]) -> Runtime | None:
    """One on the other side that runs any module, if it can of another lineage, and the guest."""
    sides = [group.names for group in found.groups if not set(group.names) & set(found.suspects)]
    right = (sides or [found.groups[0].names])[0]
    able = [by_name[name] for name in right if name in by_name]
    doubted = {runtime.lineage for name, runtime in by_name.items() if name not in right}

    def doubt(runtime: Runtime) -> tuple[bool, bool, bool]:
        bound = runtime.place.translate is not None
        return bound, runtime.lineage in doubted, bool(runtime.variant)

    return min(able, key=doubt, default=None)


def _on_chains(
    found: Divergence, by_name: Mapping[str, Runtime], witness: Runtime
) -> Iterator[Runtime]:
    """Those who differ from the witness and run a chain, in a fixed order."""
    for group in found.groups:
        if witness.name not in group.names:
            for name in group.names:
                runtime = by_name.get(name)
                if runtime is not None and variants.chain_of(runtime.variant):
                    yield runtime


def _changed(before: bytes, after: bytes) -> Iterator[str]:
    """What a mutation changed: sections, and functions as far as they can be told apart."""
    one, other = Module.decode(before), Module.decode(after)
    had = {section.id: section.data for section in one.sections}
    has = {section.id: section.data for section in other.sections}
    names = [
        f"{id_.name.lower()} ({len(had.get(id_, b''))} -> {len(has.get(id_, b''))} bytes)"
        for id_ in dict.fromkeys((*had, *has))
        if had.get(id_) != has.get(id_)
    ]
    yield f"sections that it changed: {', '.join(names)}"
    bodies = [[body.data for body in module.bodies()] for module in (one, other)]
    if len(bodies[0]) == len(bodies[1]):
        pairs = enumerate(zip(*bodies, strict=True))
        changed = [str(number) for number, (old, new) in pairs if old != new]
        if changed:
            more = ", ..." if len(changed) > NAMED_MAX else ""
            yield f"bodies of the code section: {', '.join(changed[:NAMED_MAX])}{more}"

"""From a program on which runtimes differ to finds: who differs, reduced, named by what is left.

A trace says little about a bug in a compiler: any bug of one runtime differs at a command. What a
reduced program still uses says more, so that goes into its fingerprint, and a program that holds
all of a known find's instructions is taken for that find once more.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from lockstep.annotate import with_answers
from lockstep.campaign import finds
from lockstep.campaign.hunt import diverged
from lockstep.campaign.inside import inside
from lockstep.campaign.news import Diverged, News, Reduced, Reducing
from lockstep.campaign.programs import able, judged, program_of, trace_of
from lockstep.campaign.proof import Lab, pair
from lockstep.compare import Divergence
from lockstep.execute.fleet import Fleet
from lockstep.execute.scratch import new_scratch
from lockstep.guest.wasm import Module
from lockstep.guest.wasm.features import features
from lockstep.judge import Judgement
from lockstep.program.edit import tidy
from lockstep.program.notation import encode
from lockstep.program.text import wast
from lockstep.program.trap import Trap
from lockstep.program.tree import Program, nodes
from lockstep.program.trial import expected, module_of, sound, state_of
from lockstep.reduce.program.oracle import ProgramOracle
from lockstep.reduce.program.reducer import Reduction, reduce_program
from lockstep.report.find import report_text
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace

WAST, TREE = "program.wast", "program.tree"
PLAIN = ("local.get", "local.set", "drop", "return", "nop", "then", "else", "unpack")
"""What nearly every program has: it names no bug."""

Signature = frozenset[str]
ROUNDS = 8
"""How often a program is looked at once more without the sites that have differed."""


class ProgramHunter:
    """Makes finds of programs in folder `output`."""

    def __init__(self, lab: Lab, output: Path) -> None:
        self._lab, self._output = lab, output
        self._known: dict[str, list[tuple[Signature, str]]] = {}
        self._met: set[str] = set()
        self._patience: dict[str, _Patience] = {}

    def hunt(self, trace: Trace) -> Iterator[News]:
        """All the news about the program of `trace`, in which somebody differed."""
        seed, index = int(trace.header.seed), int(trace.header.index)
        program, wanted = program_of(seed, index)
        judges = able(self._lab.runtimes, wanted)
        scratch = new_scratch()
        try:
            with Fleet(judges) as fleet:
                chase = _Chase(self._lab, fleet, scratch)
                yield from self._all(chase, program, trace, judges)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _all(
        self, chase: _Chase, program: Program, trace: Trace, judges: Sequence[Runtime]
    ) -> Iterator[News]:
        """All that is in it: what differed is left out, and those who did are asked again."""
        for _ in range(ROUNDS):
            suspects: set[str] = set()
            sites: set[int] = set()
            for found in self._found(chase, program, trace, judges):
                assert found.divergence is not None
                yield from self._one(chase, program, trace, found)
                suspects |= set(_suspects(found.divergence))
                sites.add(_site(program, found.divergence))
            program = _without(program, sites)
            if not sites or not program.sites or self._lab.stop():
                return
            header = trace.header
            trace = trace_of(program, module_of(program), int(header.seed), int(header.index))
            judges = _fewer(judges, suspects)

    def _found(
        self, chase: _Chase, program: Program, trace: Trace, judges: Sequence[Runtime]
    ) -> Iterator[Judgement]:
        """One for each runtime that differs: the next is looked for without it."""
        left = list(judges)
        while len(left) > 1 and not self._lab.stop():
            found = chase.judge(program, trace, left)
            if found.divergence is None:
                return
            yield found
            names = _suspects(found.divergence)
            left = [runtime for runtime in left if runtime.name not in names]

    def _one(
        self, chase: _Chase, program: Program, trace: Trace, found: Judgement
    ) -> Iterator[News]:
        assert found.divergence is not None
        patience = self._patience.setdefault(found.fingerprint, _Patience())
        known = self._looks_known(program, found.divergence) or patience.skips()
        if known:
            yield _renamed(diverged(trace, found, known=True), known)
            return
        reduction = chase.reduce(program, found)
        small = reduction.program
        header = trace.header
        smaller = trace_of(small, module_of(small), int(header.seed), int(header.index))
        final = chase.judge(small, smaller, chase.all_able(small))
        if final.divergence is None:
            small, smaller, final = program, trace, found
        assert final.divergence is not None
        signature = signature_of(small)
        name = fingerprint(final.divergence, signature)
        self._known.setdefault(found.fingerprint, []).append((signature, name))
        yield _renamed(diverged(smaller, final, known=name in self._met), name)
        patience.note(name, new=name not in self._met)
        if name not in self._met:
            self._met.add(name)
            words = [*_by_rule(small, final), *chase.inside(small, smaller, final.divergence)]
            yield self._write(name, small, smaller, final, trace, reduction, words)

    def _looks_known(self, program: Program, divergence: Divergence) -> str:
        """The find whose instructions are all in the site that differs; empty for none."""
        site = _site(program, divergence)
        alone = tidy(msgspec.structs.replace(program, sites=(program.sites[site],)))
        used = signature_of(alone)
        for signature, name in self._known.get(divergence.fingerprint, ()):
            if signature and signature <= used:
                return name
        return ""

    def _write(
        self,
        name: str,
        small: Program,
        trace: Trace,
        final: Judgement,
        original: Trace,
        reduction: Reduction,
        words: Sequence[str],
    ) -> Reduced:
        folder, seed, index = self._output / name, trace.header.seed, trace.header.index
        answered = _made_with(with_answers(trace, final), final)
        confirmed = "confirmed in processes that were fresh"
        finds.write(
            folder,
            answered,
            original,
            module_of(small),
            report_text(answered, final, self._lab.runtimes, words, confirmed),
            more={TREE: encode(small)} | ({WAST: wast(small)} if sound(small) else {}),
        )
        return Reduced(
            fingerprint=name,
            folder=str(folder),
            events_before=len(original.events),
            events=len(trace.events),
            candidates=reduction.candidates,
            minimal=reduction.minimal,
            confirmed=confirmed,
            reproduce=f"lockstep replay --expect-divergence {folder / finds.REPRODUCER}",
            reduce=f"lockstep fuzz --seed {seed} --from {index} --max-runs 1",
        )


class _Patience:
    """After each reduction that came to a known find, the next suspicions like it are let pass.

    Each time twice as many; a new find brings the attention back.
    """

    def __init__(self) -> None:
        self._last, self._skip, self._left = "", 1, 0

    def note(self, name: str, *, new: bool) -> None:
        """A reduction came to the find `name`."""
        self._last, self._skip = name, 1 if new else 2 * self._skip
        self._left = self._skip - 1

    def skips(self) -> str:
        """The find that this suspicion is taken for; empty where it is to be looked at."""
        self._left -= 1
        return self._last if self._left >= 0 else ""


class _Chase:
    """What one hunt works with."""

    def __init__(self, lab: Lab, fleet: Fleet, scratch: Path) -> None:
        self._lab, self._fleet, self._scratch = lab, fleet, scratch

    def judge(self, program: Program, trace: Trace, judges: Sequence[Runtime]) -> Judgement:
        """The verdict of `judges`, who are asked anew."""
        path = self._scratch / "program.wasm"
        return judged(self._fleet, path, trace, judges, module_of(program))

    def all_able(self, program: Program) -> list[Runtime]:
        """A small program can be run by more runtimes than the large one."""
        needed = frozenset(features(Module.decode(module_of(program), "program")))
        return able(self._lab.runtimes, needed)

    def inside(self, program: Program, trace: Trace, divergence: Divergence) -> list[str]:
        """What becomes of it inside the guest; a runtime that is no suspect runs the cluster."""
        judges = self.all_able(program)
        judges.sort(key=lambda runtime: runtime.name not in divergence.suspects)
        path = self._scratch / "inside.wasm"
        return inside(self._lab, self._fleet, path, program, trace, judges)

    def reduce(self, program: Program, found: Judgement) -> Reduction:
        """The smallest program on which a suspect and a witness still differ so."""
        assert found.divergence is not None
        by_name = {runtime.name: runtime for runtime in self._lab.runtimes}
        suspect, witness = (by_name[name] for name in pair(found.divergence))
        oracle = ProgramOracle(self._fleet, self._scratch, suspect, witness, program)

        def tell(so_far: Reduction) -> None:
            left = len(list(nodes(so_far.program)))
            self._lab.progress(Reducing(found.fingerprint, left, so_far.candidates))

        site = _site(program, found.divergence)
        return reduce_program(
            program, oracle.consider, first_site=site, stop=self._lab.stop, on_progress=tell
        )


def _suspects(divergence: Divergence) -> tuple[str, ...]:
    """Who differs; on a tie, all but the first group."""
    others = tuple(name for group in divergence.groups[1:] for name in group.names)
    return divergence.suspects or others


def _site(program: Program, divergence: Divergence) -> int:
    """The number of the site at which it shows."""
    return min(max(0, divergence.index - 1), len(program.sites) - 1)


def _without(program: Program, sites: Collection[int]) -> Program:
    left = tuple(site for at, site in enumerate(program.sites) if at not in sites)
    return msgspec.structs.replace(program, sites=left)


def _fewer(judges: Sequence[Runtime], suspects: Collection[str]) -> list[Runtime]:
    """Those who differed, and of the others one of each of two lineages."""
    others = {rt.lineage: rt for rt in judges if rt.name not in suspects}
    return [rt for rt in judges if rt.name in suspects] + list(others.values())[:2]


def signature_of(program: Program) -> Signature:
    """The instructions that tell what a program is about."""
    found = {node.op for node in nodes(program)}
    return frozenset(op for op in found if op not in PLAIN and not op.endswith(".const"))


def fingerprint(divergence: Divergence, signature: Signature) -> str:
    """Of a find on a program: who differs in what way, and the instructions that it takes."""
    sides = divergence.suspects or tuple(g.names[0] for g in divergence.groups)
    text = "\n".join([divergence.kind, *sorted(sides), *sorted(signature)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _renamed(news: Diverged, name: str) -> Diverged:
    return msgspec.structs.replace(news, fingerprint=name)


def _made_with(trace: Trace, final: Judgement) -> Trace:
    """The header names the runtimes that have judged."""
    found = final.divergence
    names = sorted(name for group in found.groups for name in group.names) if found else ()
    header = msgspec.structs.replace(trace.header, runtimes=",".join(names))
    return msgspec.structs.replace(trace, header=header)


def _by_rule(program: Program, final: Judgement) -> list[str]:
    """What our own evaluator makes of the call, and which group agrees with it."""
    found = final.divergence
    if found is None or not sound(program):
        return []
    right = expected(program)
    site = min(max(0, found.index - 1), len(right) - 1)
    wanted = right[site]
    said = wanted.kind if isinstance(wanted, Trap) else f"{wanted:#018x}"
    lines = [f"by the specification, as lockstep's evaluator reads it: {said}"]
    for group in found.groups:
        frame = group.answer.frame
        if isinstance(wanted, Trap):
            agrees = wanted.kind in group.answer.traps
        else:
            agrees = frame is not None and state_of(frame) == wanted
        lines.append(f"  {', '.join(group.names)}: {'the same' if agrees else 'not so'}")
    return lines

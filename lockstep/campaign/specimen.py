"""From a program on which runtimes differ to finds: each suspect's bugs, one after the other.

A trace says little about a bug in a compiler: any bug of one runtime differs at a command. What a
reduced program still uses says more, and that is what names a find. One class of these is the key:
without it the suspect agrees on the program in which it was found. The keys of all that is known of
a suspect are taken out of the next program on which it differs (see `signature.py`): if it then
agrees, that was a known find once more; if not, what is left shows another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from lockstep.annotate import with_answers
from lockstep.campaign import finds
from lockstep.campaign.chase import Chase, by_speed, retraced, site_of
from lockstep.campaign.hunt import diverged
from lockstep.campaign.inside import Inside
from lockstep.campaign.news import Diverged, News, Reduced
from lockstep.campaign.programs import program_of
from lockstep.campaign.proof import Lab
from lockstep.campaign.signature import (
    Signature,
    by_rarity,
    fingerprint,
    signature_of,
    without,
)
from lockstep.compare import Divergence, Verdict
from lockstep.judge import Judgement
from lockstep.program.application import with_window
from lockstep.program.edit import tidy
from lockstep.program.notation import encode
from lockstep.program.text import wast
from lockstep.program.trap import Trap
from lockstep.program.tree import Program
from lockstep.program.trial import expected, module_of, sound, state_of
from lockstep.reduce.program.reducer import Reduction
from lockstep.report.find import report_text
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace

WAST, TREE = "program.wast", "program.tree"
SITES_MAX = 6
"""How many sites of one program are looked at for a suspect that goes on differing."""


class ProgramHunter:
    """Makes finds of programs in folder `output`; to be closed."""

    def __init__(self, lab: Lab, output: Path) -> None:
        self._lab, self._output = lab, output
        self._chase = Chase(lab)
        self._known: dict[str, dict[str, list[str]]] = {}
        """By suspect the finds that it is in: the keys of each by its name."""
        self._signatures: dict[str, tuple[tuple[str, ...], Signature]] = {}
        """By name of a find: who differs, and what is left."""
        self._unlooked: set[str] = set()

    def close(self) -> None:
        """End all processes."""
        self._chase.close()

    def hunt(self, trace: Trace, judged: Judgement) -> Iterator[News]:
        """All the news about the program of `trace`, in which somebody differed."""
        assert judged.divergence is not None
        program, _ = program_of(int(trace.header.seed), int(trace.header.index))
        dissenters = set(judged.dissenters)
        judges = {name for group in judged.divergence.groups for name in group.names}
        by_name = self._chase.by_name
        witness = by_speed([by_name[name] for name in judges - dissenters if name in by_name])[0]
        told: set[str] = set()
        for suspect in by_speed([by_name[name] for name in dissenters if name in by_name]):
            for news in self._about(program, trace, judged, suspect, witness):
                if isinstance(news, Diverged):
                    if news.fingerprint in told:
                        continue
                    told.add(news.fingerprint)
                yield news

    def _about(
        self,
        program: Program,
        trace: Trace,
        judged: Judgement,
        suspect: Runtime,
        witness: Runtime,
    ) -> Iterator[News]:
        """One find after the other, each with what is known taken out."""
        for _ in range(SITES_MAX):
            known = self._known.setdefault(suspect.name, {})
            left = without(program, [key for keys in known.values() for key in keys])
            found = self._chase.pair(left, suspect, witness)
            if found is None:
                yield _once_more(trace, judged, suspect, _fitting(program, known))
                return
            if self._lab.stop():
                yield self._unreduced(trace, found)
                return
            site = site_of(left, found)
            for cut in _cuts(left, site):
                found = self._chase.pair(cut, suspect, witness)
                # Without an instruction a program may do what programs do not.
                if found is not None and sound(cut):
                    yield from self._find(left, cut, trace, found, suspect, witness)
                    break
            program = _without_site(program, site)
            if not program.sites:
                break
        # What goes on differing is told, even where nothing came of it.
        yield _once_more(trace, judged, suspect, _fitting(program, known))

    def _unreduced(self, trace: Trace, found: Divergence) -> Diverged:
        known = found.fingerprint in self._unlooked
        self._unlooked.add(found.fingerprint)
        judged = Judgement(Verdict.DIVERGE, found, reason="not reduced, the time was over")
        return diverged(trace, judged, known=known)

    def _find(
        self,
        whole: Program,
        program: Program,
        trace: Trace,
        found: Divergence,
        suspect: Runtime,
        witness: Runtime,
    ) -> Iterator[News]:
        chase = self._chase
        reduction = chase.reduce(program, found, suspect, witness)
        small = reduction.program
        smaller = retraced(trace, small)
        final = chase.all(small, smaller, suspect)
        if final.divergence is None:
            small, smaller = program, retraced(trace, program)
            final = Judgement(Verdict.DIVERGE, found)
        assert final.divergence is not None
        signature = signature_of(small)
        names = _differing(final.divergence)
        name = fingerprint(names, signature)
        name = self._told_before(names, signature) or name
        new = name not in self._signatures
        self._signatures.setdefault(name, (names, signature))
        key = self._key(whole, signature, suspect, witness)
        for one in {*names, suspect.name}:
            self._known.setdefault(one, {}).setdefault(name, []).append(key)
        news = diverged(smaller, final, known=not new)
        yield msgspec.structs.replace(news, fingerprint=name)
        if new:
            within = chase.inside(small, smaller, final.divergence)
            confirmed = chase.again(small, suspect, witness)
            yield self._write(name, small, smaller, final, trace, reduction, within, confirmed)

    def _told_before(self, names: tuple[str, ...], signature: Signature) -> str:
        """The find of the same suspects that has all of this and more: it was reduced less far."""
        for name, (others, larger) in self._signatures.items():
            if others == names and signature < larger and signature - {"load", "store"}:
                return name
        return ""

    def _key(
        self, program: Program, signature: Signature, suspect: Runtime, witness: Runtime
    ) -> str:
        """The rarest class without which the two agree on `program`, else the rarest of all."""
        rarest, *others = by_rarity(program, signature)
        for one in (rarest, *others):
            if self._lab.stop():
                break
            if self._chase.pair(without(program, (one,)), suspect, witness) is None:
                return one
        return rarest

    def _write(
        self,
        name: str,
        small: Program,
        trace: Trace,
        final: Judgement,
        original: Trace,
        reduction: Reduction,
        within: Inside,
        confirmed: str,
    ) -> Reduced:
        folder, seed, index = self._output / name, trace.header.seed, trace.header.index
        words = [*_by_rule(small, final), *within.lines]
        more: dict[str, str | bytes] = {TREE: encode(small), **within.files}
        if sound(small):
            more[WAST] = wast(with_window(small))
        answered = _made_with(with_answers(trace, final), final)
        finds.write(
            folder,
            answered,
            original,
            module_of(small),
            report_text(answered, final, self._lab.runtimes, words, confirmed),
            more=more,
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


def _differing(found: Divergence) -> tuple[str, ...]:
    """Who differs; on a tie, all but the first group."""
    return found.suspects or tuple(name for group in found.groups[1:] for name in group.names)


def _fitting(program: Program, known: Mapping[str, Collection[str]]) -> str:
    """The find that `program` is most likely an instance of; empty where none is known."""
    used = signature_of(program)
    fitting = [name for name, keys in known.items() if used.intersection(keys)]
    return next(iter(fitting or known), "")


def _once_more(trace: Trace, judged: Judgement, suspect: Runtime, name: str) -> Diverged:
    """News of the find `name`, or of a suspicion that did not show again."""
    reason = "" if name else f"not confirmed: {suspect.name} did not differ again"
    judged = msgspec.structs.replace(judged, reason=reason)
    news = diverged(trace, judged, known=bool(name))
    return msgspec.structs.replace(news, fingerprint=name or news.fingerprint)


def _cuts(program: Program, site: int) -> Iterator[Program]:
    """The program with that site alone, then with what comes before it."""
    for first in (site, 0):
        yield tidy(msgspec.structs.replace(program, sites=program.sites[first : site + 1]))


def _without_site(program: Program, site: int) -> Program:
    left = program.sites[:site] + program.sites[site + 1 :]
    return msgspec.structs.replace(program, sites=left)


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
    wanted = right[min(site_of(program, found), len(right) - 1)]
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

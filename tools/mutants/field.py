"""Where mutants are drawn: all sites of a subject, and which of them are reached."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from tools.mutants.mutations import Kind, Site, mutations
from tools.mutants.rewrite import Mutant, sites
from tools.mutants.subject import Subject
from tools.mutants.watch import DIFFERED, EXECUTED, Watch

SPARE = 3
"""How many sites are looked at for each that is wanted: many are never executed."""

Place = tuple[int, Site]


class Field:
    """A subject and its sites, by the pattern that they are an instance of."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.sites = sites(subject.context, subject.functions)
        self._patterns: dict[tuple[str, ...], list[Place]] = defaultdict(list)
        for place in self.sites:
            self._patterns[place[1].pattern].append(place)

    @staticmethod
    def at(function: int, site: Site) -> list[Mutant]:
        """All that may become of a site."""
        return [Mutant(function, site, mutation) for mutation in mutations(site)]

    def infested(self, mutant: Mutant) -> list[Mutant]:
        """The same mistake wherever its pattern is met."""
        places = self._patterns.get(mutant.site.pattern, ())
        found = (one for place in places for one in self.at(*place))
        return [one for one in found if one.mistake == mutant.mistake]

    def by_instruction(self) -> dict[str, list[Place]]:
        """The sites of each instruction."""
        found: dict[str, list[Place]] = defaultdict(list)
        for place in self.sites:
            found[place[1].place.name].append(place)
        return found


class Reached(msgspec.Struct, frozen=True):
    """A mutant whose site was executed; `hits` are the inputs on which its result differed."""

    subject: Subject
    mutant: Mutant
    hits: tuple[int, ...]


def from_sites(field: Field, source: random.Random, count: int) -> list[Reached]:
    """`count` mutants, uniformly over the sites that are executed; fewer where there are fewer."""
    chosen = source.sample(field.sites, min(SPARE * count, len(field.sites)))
    return watched(field.subject, [_drawn(place, source) for place in chosen])[:count]


def from_instructions(fields: Sequence[Field], source: random.Random, count: int) -> list[Reached]:
    """`count` mutants: in each field instructions are drawn uniformly, then a site of each."""
    found: list[Reached] = []
    each = SPARE * count // len(fields) + 1
    for field in fields:
        named = field.by_instruction()
        names = source.sample(sorted(named), min(each, len(named)))
        mutants = [_drawn(source.choice(named[name]), source) for name in names]
        found += watched(field.subject, mutants)
    return source.sample(found, min(count, len(found)))


def from_traps(fields: Sequence[Field], count: int) -> list[Reached]:
    """A missing trap in at most `count` of the fields: where the last function does trap."""
    found: list[Reached] = []
    for field in fields:
        last = (place for place in field.sites if place[0] == field.subject.functions[-1])
        drawn = (one for place in last for one in field.at(*place))
        mutants = [one for one in drawn if one.mutation.kind is Kind.TRAP]
        found += [one for one in watched(field.subject, mutants) if one.hits][:1]
        if len(found) == count:
            break
    return found


def _drawn(place: Place, source: random.Random) -> Mutant:
    """First the class is drawn, then what becomes of the site."""
    kinds: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in Field.at(*place):
        kinds[mutant.mutation.kind].append(mutant)
    return source.choice(kinds[source.choice(sorted(kinds))])


def watched(subject: Subject, mutants: Sequence[Mutant]) -> list[Reached]:
    """Those whose site is executed on the subject's inputs."""
    watch = Watch(subject.module, subject.context, mutants)
    runs = [watch.run(stdin).flags for stdin in subject.inputs]
    found = []
    for number, mutant in enumerate(mutants):
        flags = [run[number] for run in runs]
        if any(flag & EXECUTED for flag in flags):
            hits = tuple(i for i, flag in enumerate(flags) if flag & DIFFERED)
            found.append(Reached(subject, mutant, hits))
    return found

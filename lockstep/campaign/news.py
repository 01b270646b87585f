"""What a campaign tells while it runs: plain data that terminal and files consume.

Each is one JSON object, its `type` the name in lower case.
"""

from __future__ import annotations

import msgspec


class News(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of all news."""


class Taking(msgspec.Struct, frozen=True):
    """A runtime that takes part: it judges one trace in `every`."""

    name: str
    version: str
    tier: str
    lineage: str
    every: int = 1


class Absent(msgspec.Struct, frozen=True):
    """A runtime that does not take part, why, and what would help."""

    name: str
    reason: str
    remedy: str


class Started(News, frozen=True):
    """The campaign begins."""

    seed: int
    guest: str
    sha256: str
    driver: str
    jobs: int
    runtimes: tuple[Taking, ...]
    absent: tuple[Absent, ...] = ()


class Broken(News, frozen=True):
    """A runtime does not start, or does not agree with itself; the others go on without it."""

    runtime: str
    reason: str
    remedy: str


class Executed(News, frozen=True):
    """One trace was judged. `outcomes` are the names seen for the first time in this campaign."""

    index: int
    verdict: str
    events: int
    commits: int
    runtimes: tuple[str, ...]
    outcomes: tuple[str, ...] = ()
    reason: str = ""


class Diverged(News, frozen=True):
    """A divergence, or an invariant that broke (then `kind` is `unsafe`, `reason` which)."""

    index: int
    kind: str
    at: int
    event: str
    suspects: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    fingerprint: str
    reason: str = ""
    known: bool = False


class Reducing(News, frozen=True):
    """The reducer is at work."""

    fingerprint: str
    events: int
    candidates: int


class Reduced(News, frozen=True):
    """A find was confirmed, reduced and written; `exposed` tells by which mutation of a chain."""

    fingerprint: str
    folder: str
    events_before: int
    events: int
    candidates: int
    minimal: bool
    confirmed: str
    reproduce: str
    reduce: str
    exposed: str = ""


class Tally(msgspec.Struct, frozen=True):
    """What one runtime did in the whole campaign."""

    name: str
    version: str
    tier: str
    lineage: str
    traces: int
    events: int
    cpu_s: float


class Finished(News, frozen=True):
    """The campaign is over; each event of a trace is counted once, whoever judged it.

    `functions` counts generated functions.
    """

    seed: int
    traces: int
    events: int
    commits: int
    divergences: int
    unsafe: int
    incomparable: int
    outcomes_seen: int
    outcomes_known: int
    outcomes_missing: tuple[str, ...]
    runtimes: tuple[Tally, ...]
    wall_s: float
    stopped: str
    functions: int = 0

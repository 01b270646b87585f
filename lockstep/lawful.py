"""Differences that the specification allows: data with a reason and a source, never an `if`."""

from __future__ import annotations

import msgspec

from lockstep.execute.process import Ended


class Lawful(msgspec.Struct, frozen=True):
    """An ending that says nothing about right and wrong.

    `ending` is the kind of ending and `trap` the kind of trap, where it is one.
    """

    ending: str
    trap: str
    reason: str
    source: str


LAWFUL = (
    Lawful(
        "trap",
        "stack exhausted",
        "the guest ran out of call depth, whose limit each implementation chooses",
        "WebAssembly Core Specification 3.0, appendix A.2 Implementation Limitations",
    ),
    Lawful(
        "output limit",
        "",
        "the guest wrote more than the tester stores",
        "a limit of this tester, `--max-output`",
    ),
    Lawful(
        "slow",
        "",
        "a runtime was only slow: it finished when it was given ten times the time",
        "the rule for hangs in ARCHITECTURE.md",
    ),
)


def lawful_reason(ended: Ended | None, traps: frozenset[str]) -> str | None:
    """Why an ending may lawfully differ between runtimes; None when it may not."""
    if ended is None:
        return None
    for row in LAWFUL:
        if row.ending == ended.kind and (not row.trap or row.trap in traps):
            return row.reason
    return None

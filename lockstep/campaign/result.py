"""What a job came to."""

from __future__ import annotations

import msgspec

from lockstep.judge import Judgement
from lockstep.trace import Trace


class Result(msgspec.Struct, frozen=True):
    """`ran` holds (events, CPU seconds) by runtime name, `functions` counts generated ones.

    `trace` is there when there is something to report, that is, for any verdict but `agree`.
    """

    index: int
    judged: Judgement
    events: int
    ran: dict[str, tuple[int, float]]
    trace: Trace | None
    commits: int = 0
    outcomes: frozenset[int] = frozenset()
    functions: int = 0

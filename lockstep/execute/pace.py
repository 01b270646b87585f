"""How long a runtime may take, learned from the runtime itself."""

from __future__ import annotations

from collections import deque

from lockstep.execute.process import Run
from lockstep.runtimes.model import Speed

SLACK = 20.0  # how many times its own calibrated time a runtime may take
FLOOR_S = 2.0
WORK_MIN = 100.0  # what a shorter run takes is not the time of its events
MEMORY = 64  # how many runs a calibration looks back on

# Before anything is known: a start on a busy machine, and by far the slowest event of each speed.
FIRST_S = 4.0
FIRST_EVENT_S = {"jit": 0.001, "interpreter": 0.005, "referee": 0.5}


class Pace:
    """Wall seconds per event, as seen in the latest runs that came to an end by themselves."""

    def __init__(self, speed: Speed) -> None:
        self._speed: Speed = speed
        self._seen: deque[float] = deque(maxlen=MEMORY)
        self._slowest_s = 0.0

    @property
    def known(self) -> bool:
        """Whether anything was learned yet."""
        return bool(self._seen)

    def note(self, run: Run, work: float) -> None:
        """Learn from a run of `work` events."""
        if run.end.kind in ("exit", "trap"):
            self._seen.append(run.wall_s / max(work, WORK_MIN))
            self._slowest_s = max(self._seen)

    def expect_s(self, work: float) -> float:
        """The time that `work` events take in the worst run remembered; 0 if none is."""
        return self._slowest_s * work

    def limit_s(self, work: float) -> float:
        """The time after which `work` events count as a hang."""
        if not self._seen:
            return FIRST_S + FIRST_EVENT_S[self._speed] * work
        return max(FLOOR_S, SLACK * self.expect_s(work))


def count_events(stdin: bytes) -> int:
    """How many events begin in `stdin`, by their sizes alone."""
    count = offset = 0
    while offset + 4 <= len(stdin):
        offset += 4 + int.from_bytes(stdin[offset : offset + 4], "little")
        count += 1
    return count

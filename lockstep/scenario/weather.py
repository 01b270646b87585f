"""The network and the clocks of a scenario: which message arrives where, and when."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.scenario.choices import Choices
from lockstep.scenario.model import Phase, Scenario

US_PER_MS = 1000
_LOST = -1


class Cut:
    """A phase made ready: `reach[a]` has bit b when a reaches b."""

    def __init__(self, phase: Phase, nodes: int) -> None:
        self.phase, self.reach = phase, _reach(phase, nodes)
        self.since: int | None = None

    def is_over(self, events: int) -> bool:
        """Whether it has lasted too long after `events` of the trace; the first look starts it."""
        if self.since is None:
            self.since = events
        return events - self.since > self.phase.events

    def extra_us(self, source: int, target: int, kind: int) -> int:
        """What it adds to the delay of a message; `_LOST` when that does not arrive."""
        if self.reach[source] >> target & 1 or (self.phase.kinds and kind not in self.phase.kinds):
            return 0
        return self.phase.late_ms * US_PER_MS or _LOST


class Weather:
    """Draws a scenario's delays, drops and duplicates from `choices`."""

    def __init__(self, scenario: Scenario, choices: Choices) -> None:
        self._choices = choices
        self._network = scenario.network
        self._clocks = scenario.clocks
        low, high = scenario.network.delay_ms
        self._delays_us = (low * US_PER_MS, high * US_PER_MS)
        cuts = [Cut(phase, len(scenario.nodes)) for phase in scenario.phases]
        self._timed = [cut for cut in cuts if cut.phase.timed]
        self._viewed = [cut for cut in cuts if not cut.phase.timed]
        self._by_view: dict[int, list[Cut]] = {}

    def cuts(self, view: int, now_us: int, events: int) -> list[Cut]:
        """What holds for a message that is sent in `view`, at `now_us`, after `events`."""
        cuts = self._by_view.get(view)
        if cuts is None:
            cuts = [cut for cut in self._viewed if cut.phase.start <= view < cut.phase.end]
            self._by_view[view] = cuts
        if self._timed:
            now_ms = now_us // US_PER_MS
            cuts = cuts + [cut for cut in self._timed if cut.phase.start <= now_ms < cut.phase.end]
        return [cut for cut in cuts if not cut.is_over(events)] if cuts else cuts

    def arrivals(
        self, cuts: Sequence[Cut], source: int, targets: Sequence[int], kind: int
    ) -> list[tuple[int, int]]:
        """Where a message of `source` arrives and after how many us; twice where it is duplicated.

        `cuts` hold for it, and `kind` is its first byte.
        """
        network, chance, delays_us = self._network, self._choices.chance, self._delays_us
        found = []
        for target in targets:
            extra_us = _worst(cuts, source, target, kind) if cuts else 0
            if extra_us == _LOST or (network.drop and chance(network.drop, 1000)):
                continue
            if network.late and chance(network.late, 1000):
                extra_us += network.late_ms * US_PER_MS
            found.append((target, extra_us + self._choices.integer(*delays_us)))
            if network.duplicate and chance(network.duplicate, 1000):
                found.append((target, extra_us + self._choices.integer(*delays_us)))
        return found

    def timer_us(self, node: int, delay_ms: int) -> int:
        """After how long the timer fires that `node` set to `delay_ms`."""
        clocks = self._clocks
        pace = clocks.pace[node] if node < len(clocks.pace) else 100
        delay_us = delay_ms * pace * (US_PER_MS // 100)
        if clocks.hasty and self._choices.chance(clocks.hasty, 1000):
            return self._choices.integer(0, delay_us)
        return delay_us


def _worst(cuts: Sequence[Cut], source: int, target: int, kind: int) -> int:
    """The one delay that several cuts add to a message: lost in one of them is lost."""
    extras_us = [cut.extra_us(source, target, kind) for cut in cuts]
    return _LOST if _LOST in extras_us else max(extras_us)


def _reach(phase: Phase, nodes: int) -> tuple[int, ...]:
    reach = [1 << node for node in range(nodes)]
    for group in phase.groups:
        mask = sum(1 << node for node in group)
        for node in group:
            reach[node] |= mask
    return tuple(reach)

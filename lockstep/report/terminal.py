"""News as lines for people: a line that matters, and on a terminal one that moves."""

from __future__ import annotations

import math
from time import monotonic

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lockstep.campaign.news import (
    Absent,
    Broken,
    Diverged,
    Executed,
    Finished,
    News,
    Reduced,
    Reducing,
    Started,
    Taking,
)
from lockstep.report.escape import plain

_SHOWN_S = 0.1


class Terminal:
    """A consumer of news that writes to `console` (stderr: data alone goes to stdout)."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.console = console
        self.quiet = quiet
        self.began = monotonic()
        self.traces = self.events = self.commits = self.finds = self.seen = 0
        self._reducing = ""
        self._shown = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Terminal:
        if self.console.is_terminal and not self.quiet:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tell(self, news: News) -> None:
        """Show one piece of news."""
        match news:
            case Started():
                self._started(news)
            case Executed():
                self._executed(news)
            case Broken():
                self._line(f"#{self.traces}\tBROKEN {news.runtime}: {news.reason}", "yellow")
                self._line(f"hint: {news.remedy}")
            case Diverged():
                self._diverged(news)
            case Reducing():
                self._reducing = f"reducing {news.fingerprint}: {news.events} events"
            case Reduced():
                self._reduced(news)
            case Finished():
                self._finished(news)
        self._refresh()

    def _line(self, text: str, style: str = "") -> None:
        cells = "\t".join(plain(cell, 2000) for cell in text.split("\t"))
        self.console.print(Text(cells, style=style), soft_wrap=True)

    def _started(self, news: Started) -> None:
        self._line(f"INFO: seed {news.seed}; guest {news.guest} {news.sha256[:16]}")
        self._line(f"INFO: driver {news.driver}; {news.jobs} jobs")
        for taking in news.runtimes:
            self._line(f"INFO: {_taking(taking)}")
        if len(news.runtimes) == 1:
            self._line("INFO: one runtime alone is compared with itself; invariants are checked")
        for absent in news.absent:
            self._line(f"INFO: without {_absent(absent)}")

    def _executed(self, news: Executed) -> None:
        self.traces += 1
        self.events += news.events
        self.commits += news.commits
        self.seen += len(news.outcomes)
        if self.quiet:
            return
        if news.verdict == "incomparable":
            self._line(f"#{self.traces}\tINCOMPARABLE index {news.index}: {news.reason}")
        elif news.outcomes:
            self._line(f"#{self.traces}\tNEW    {self._numbers()} {', '.join(news.outcomes)}")
        elif self.traces & (self.traces - 1) == 0:
            self._line(f"#{self.traces}\tpulse  {self._numbers()}")

    def _numbers(self) -> str:
        wall_s = max(monotonic() - self.began, 1e-9)
        return (
            f"events: {self.events} commits: {self.commits} outcomes: {self.seen} "
            f"finds: {self.finds} event/s: {self.events / wall_s:.0f}"
        )

    def _diverged(self, news: Diverged) -> None:
        if news.known:
            self._line(f"#{self.traces}\tAGAIN  {news.fingerprint} at index {news.index}")
            return
        self.finds += 1
        if news.kind == "unsafe":
            what = f"invariant broken: {news.reason}"
        else:
            what = f"{news.kind} differs at event {news.at} ({news.event})"
        self._line(f"#{self.traces}\tFOUND  {news.fingerprint} index {news.index}: {what}", "red")
        for number, group in enumerate(news.groups, 1):
            self._line(f"\tgroup {number}: {', '.join(group)}")
        if news.kind != "unsafe":
            self._line(f"\tsuspects: {', '.join(news.suspects) or 'none, the lineages tie'}")
            if news.reason:
                self._line(f"\t{news.reason}")

    def _reduced(self, news: Reduced) -> None:
        self._reducing = ""
        state = "1-minimal" if news.minimal else "not minimal, its time or budget ran out"
        self._line(
            f"#{self.traces}\tREDUCED {news.fingerprint} {news.events_before} -> {news.events} "
            f"events, {state}, {news.candidates} candidates; {news.confirmed}"
        )
        self._line(f"\tfolder: {news.folder}")
        if news.exposed:
            self._line(f"\t{news.exposed}: before.wasm, after.wasm there")
        self._line(f"Reproduce with: {news.reproduce}")
        self._line(f"Reduce with: {news.reduce}")

    def _finished(self, news: Finished) -> None:
        for tally in news.runtimes:
            self._line(
                f"INFO: {tally.name}@{tally.version}:{tally.tier} judged {tally.traces} traces, "
                f"{tally.events} events in {tally.cpu_s:.1f} CPU s"
            )
        if news.outcomes_missing:
            self._line(f"INFO: outcomes not seen: {', '.join(news.outcomes_missing)}")
        self._line(
            f"DONE: seed {news.seed}; {news.traces} traces, {news.events} events, "
            f"{news.commits} commits, {news.outcomes_seen}/{news.outcomes_known} outcomes, "
            f"{news.functions} generated functions, "
            f"{news.divergences} divergences, {news.unsafe} unsafe, "
            f"{news.incomparable} incomparable in {news.wall_s:.1f} s ({news.stopped})",
            "red" if news.divergences or news.unsafe else "green",
        )

    def _refresh(self) -> None:
        now = monotonic()
        if not self._live.is_started or now - self._shown < _SHOWN_S:
            return
        self._shown = now
        wall_s = math.floor(now - self.began)
        status = f"#{self.traces} {self._numbers()} {wall_s} s {self._reducing}"
        self._live.update(Text(status, style="bold"), refresh=True)


def _taking(taking: Taking) -> str:
    share = "every trace" if taking.every == 1 else f"one trace in {taking.every}"
    return f"{taking.name}@{taking.version}:{taking.tier} [{taking.lineage}] judges {share}"


def _absent(absent: Absent) -> str:
    help_line = f"; {absent.remedy}" if absent.remedy else ""
    return f"{absent.name}: {absent.reason}{help_line}"

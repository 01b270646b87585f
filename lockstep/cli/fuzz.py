"""`lockstep fuzz`: look for divergences."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from lockstep.campaign.news import Finished, News
from lockstep.campaign.plan import Plan, driver_of
from lockstep.campaign.proof import Lab
from lockstep.campaign.run import Campaign
from lockstep.cli.options import (
    Duration,
    cold_option,
    guest_option,
    option,
    output_option,
    runtimes_option,
    seed_option,
)
from lockstep.cli.setting import Setting, choose, open_guest, with_variants
from lockstep.config import Config
from lockstep.errors import ExitCode, UsageError
from lockstep.files import check_writable
from lockstep.guest import audit
from lockstep.report.jsonl import JsonLines
from lockstep.report.terminal import Terminal

Tell = Callable[[News], None]


@click.command()
@guest_option
@runtimes_option
@seed_option
@option("--max-time", type=Duration(), help="Stop after this time: `60s`, `10m`, `2h`.")
@option("--max-runs", type=click.IntRange(1), help="Stop after this many traces.")
@option("--from", "first", type=click.IntRange(0), default=0, help="The first run's number.")
@option("--programs/--no-programs", default=True, help="Generated programs, if the guest can.")
@option(
    "--variants",
    is_flag=True,
    help="The guest built and rewritten otherwise too, each on some runtime.",
)
@option("--jobs", type=click.IntRange(1, 256), help="Worker processes; one a core by default.")
@option("--keep-going", is_flag=True, help="Do not stop at the first find.")
@option("--max-candidates", type=click.IntRange(1), default=20_000, help="Budget of a reduction.")
@output_option
@cold_option
@option("--report", multiple=True, metavar="jsonl:PATH", help="Write what happens to a file too.")
@option("--quiet", is_flag=True, help="Only finds and the last line.")
@click.pass_obj
def fuzz(
    config: Config,
    *,
    guest: str,
    runtimes: str,
    seed: int | None,
    max_time: float | None,
    max_runs: int | None,
    first: int,
    programs: bool,
    variants: bool,
    jobs: int | None,
    keep_going: bool,
    max_candidates: int,
    output: Path,
    cold: bool,
    report: tuple[str, ...],
    quiet: bool,
) -> int:
    """Feed scenarios of a cluster to every runtime and compare what comes back, step by step.

    Exits 0 when all agree, 1 with a divergence or a broken invariant.
    """
    setting = choose(guest, runtimes, config)
    seed = secrets.randbits(32) if seed is None else seed
    if variants:
        setting = with_variants(setting, config, seed, _nothing if quiet else _info)
    check_writable(output)
    plan = Plan(
        guest=setting.guest.name,
        module=setting.guest.path,
        sha256=setting.guest.sha256,
        seed=seed,
        specs=tuple(runtime.spec for runtime in setting.runtimes),
        driver=driver_of(setting.runtimes).spec,
        own=config.runtimes,
        jobs=jobs or os.cpu_count() or 1,
        max_runs=max_runs,
        max_time_s=max_time,
        keep_going=keep_going,
        output=output,
        max_candidates=max_candidates,
        cold=cold,
        programs=programs and audit.takes_programs(setting.guest.path),
        first=first,
    )
    with ExitStack() as consumers:
        tellers = [consumers.enter_context(Terminal(Console(stderr=True), quiet=quiet)).tell]
        tellers += [consumers.enter_context(_report(text)).tell for text in report]
        return _watch(plan, setting, max_candidates, tellers)


def _watch(plan: Plan, setting: Setting, max_candidates: int, tellers: Sequence[Tell]) -> int:
    with interruptible() as stop:
        lab = Lab(
            setting.guest.path,
            setting.runtimes,
            open_guest(setting),
            max_candidates,
            stop.is_set,
            tellers[0],
        )
        last: News | None = None
        for last in Campaign(plan, lab, setting.missing).run():
            for tell in tellers:
                tell(last)
    assert isinstance(last, Finished)
    if last.divergences or last.unsafe:
        return ExitCode.DIVERGENCE
    if stop.is_set():
        return ExitCode.INTERRUPTED
    nothing = last.traces > 0 and last.incomparable == last.traces
    return ExitCode.NOTHING_COMPARABLE if nothing else ExitCode.AGREE


def _info(text: str) -> None:
    click.echo(f"INFO: {text}", err=True)


def _nothing(_: str) -> None:
    pass


def _report(text: str) -> JsonLines:
    kind, _, path = text.partition(":")
    if kind != "jsonl" or not path:
        raise UsageError(f"`--report {text}` is not known", hint="it takes `jsonl:PATH`")
    return JsonLines(Path(path))


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Ctrl-C once sets the event, so that work in hand is finished; twice it interrupts."""
    stop = threading.Event()

    def once(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, once)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)

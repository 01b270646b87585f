"""`lockstep show`: a trace as people read it."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep.annotate import Commentator, action_words
from lockstep.campaign import finds
from lockstep.cli.options import option, output_option
from lockstep.cli.replay import setting_of
from lockstep.cli.setting import open_guest
from lockstep.config import Config
from lockstep.execute.driver import Driver
from lockstep.execute.process import EarlyEnd
from lockstep.protocol import Event, decode_observation
from lockstep.report.escape import plain
from lockstep.trace import Trace, read
from lockstep.trace.words import kind_name


@click.command()
@click.argument("path", metavar="TRACE")
@option("--runtimes", help="Who answers; by default the driver of the list.")
@option("--guest", help="The module, where the trace's own is not at hand.")
@output_option
@click.pass_obj
def show(
    config: Config, *, path: str, runtimes: str | None, guest: str | None, output: Path
) -> int:
    """Print each event of a trace with its outcome and what the node did."""
    for file in finds.locate(path, output):
        trace = read(file)
        setting = setting_of(trace, file, runtimes or "all", guest, config)
        description = open_guest(setting)
        _header(trace, file)
        with (
            Driver(setting.runtimes[0], setting.guest.path) as driver,
            Driver(setting.runtimes[0], setting.guest.path) as decoder,
        ):
            _events(trace, driver, Commentator(description, decoder.step))
    return 0


def _header(trace: Trace, path: Path) -> None:
    click.echo(f"{path}: {len(trace.events)} events, guest {trace.header.guest}")
    for name in trace.header.__struct_fields__:
        if value := getattr(trace.header, name):
            click.echo(f"  {name}: {plain(value)}")


def _events(trace: Trace, driver: Driver, commentator: Commentator) -> None:
    dissents = {dissent.at: dissent for dissent in trace.dissents}
    for index, event in enumerate(trace.events):
        click.echo(f"{index:5d}  {_event_words(event, commentator)}")
        try:
            observation = decode_observation(driver.step(event))
        except EarlyEnd as early:
            click.echo(f"       ended: {plain(early.message)}")
            return
        outcome = commentator.outcome(observation.outcome)
        click.echo(f"       {plain(outcome)}, state {observation.state[:8].hex()}")
        for words in action_words(observation, commentator):
            click.echo(f"         {plain(words)}")
        for dissent in trace.dissents if index in dissents else ():
            if dissent.at == index:
                click.echo(f"       ~ {', '.join(dissent.runtimes)}: {plain(dissent.answer)}")


def _event_words(event: Event, commentator: Commentator) -> str:
    said = commentator.event(event)
    return f"node {event.node} {kind_name(event.kind)}  {plain(said)}".rstrip()

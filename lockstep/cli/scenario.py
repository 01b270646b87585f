"""`lockstep scenario`: the cause of a trace, printed or simulated."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from lockstep import trace as traces
from lockstep.annotate import Commentator
from lockstep.campaign.job import header_of
from lockstep.campaign.plan import driver_of
from lockstep.cli.options import guest_option, runtimes_option, seed_option
from lockstep.cli.setting import choose, open_guest
from lockstep.config import Config
from lockstep.execute.driver import Driver
from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import generate
from lockstep.simulate import simulate
from lockstep.trace import Trace


@click.command()
@guest_option
@runtimes_option
@seed_option
@click.option("--index", type=click.IntRange(0), default=0, show_default=True)
@click.option("--simulate", "simulated", is_flag=True, help="Run it and write the trace.")
@click.option("--to", type=click.Path(path_type=Path), help="The trace file; stdout else.")
@click.pass_obj
def scenario(
    config: Config,
    *,
    guest: str,
    runtimes: str,
    seed: int | None,
    index: int,
    simulated: bool,
    to: Path | None,
) -> int:
    """Print the scenario of a seed and an index, or the trace that it becomes."""
    setting = choose(guest, runtimes, config)
    description = open_guest(setting)
    made = generate(Stream(seed or 0, index, "scenario"), description)
    if not simulated:
        click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
        return 0
    driver = driver_of(setting.runtimes)
    with Driver(driver, setting.guest.path) as session:
        recording = simulate(made, session, description)
        chosen = setting.guest
        header = header_of(chosen.name, chosen.sha256, driver.spec, seed or 0, index)
        answers = tuple(map(traces.record, recording.observations))
        found = Trace(header, tuple(recording.events), recorded=answers)
        comments = Commentator(description, session.step)
        if to is None:
            click.echo(traces.dumps(found, comments), nl=False)
        else:
            traces.write(found, to, comments)
    return 0

"""The commands of `lockstep`, and the settings that stand behind their options."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lockstep import __version__, config
from lockstep.cli.bisect import bisect_
from lockstep.cli.corpus import corpus
from lockstep.cli.export import export
from lockstep.cli.fuzz import fuzz
from lockstep.cli.guest import guest
from lockstep.cli.import_ import import_
from lockstep.cli.options import ENVIRONMENT
from lockstep.cli.reduce import reduce
from lockstep.cli.replay import replay
from lockstep.cli.report import report
from lockstep.cli.runtimes import runtimes
from lockstep.cli.scenario import scenario
from lockstep.cli.show import show

COMMANDS = (
    fuzz,
    replay,
    reduce,
    bisect_,
    show,
    report,
    export,
    import_,
    runtimes,
    guest,
    scenario,
    corpus,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="lockstep %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """The same guest and the same events on every Wasm runtime, compared at each step."""
    config.check_environment(os.environ, ENVIRONMENT)
    options = {command.name or "": _option_names(command) for command in COMMANDS}
    settings = config.load(Path.cwd(), options)
    context.obj = settings
    context.default_map = {
        name: {
            key.replace("-", "_"): value
            for key, value in {
                **{k: v for k, v in settings.options.items() if k in names},
                **settings.commands.get(name, {}),
            }.items()
        }
        for name, names in options.items()
    }


def _option_names(command: click.Command) -> list[str]:
    """The long names of a command's options, as they stand in settings."""
    return [
        name.removeprefix("--")
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    ]


for _command in COMMANDS:
    cli.add_command(_command)

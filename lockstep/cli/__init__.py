"""The command line. One file a command; what is below it does not print.

Data goes to stdout, everything else to stderr. Exit codes are `lockstep.errors.ExitCode`.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from lockstep.cli.group import cli
from lockstep.errors import ExitCode, LockstepError
from lockstep.report.escape import plain


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: run a command and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; every error becomes one message."""
    try:
        return int(cli.main(arguments, prog_name="lockstep", standalone_mode=False) or 0)
    except LockstepError as error:
        _complain(error.message, error.hint)
        return error.exit_code
    except click.ClickException as error:
        _complain(error.format_message(), _click_hint(error))
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; say nothing, and keep Python from saying it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.AGREE
    except Exception:
        traceback.print_exc()
        _complain("this is a bug in lockstep", "please report it with the text above")
        return ExitCode.INTERNAL


def _complain(message: str, hint: str | None = None) -> None:
    # A worker's report of a fault of ours has many lines; anything else is shown on one.
    click.echo(f"error: {plain(message, 4000)}", err=True)
    if hint:
        click.echo(f"hint: {plain(hint, 4000)}", err=True)


def _click_hint(error: click.ClickException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"`{context.command_path} --help` shows what there is" if context else None


__all__ = ["cli", "main", "run"]

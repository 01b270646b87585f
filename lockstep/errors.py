"""The exceptions of lockstep and the exit codes they become.

    LockstepError                    3  something went wrong that is nobody's mistake but ours
    ├── UsageError                   2  a mistake in what was asked, with place and remedy
    │   ├── UnknownNameError            a runtime, option, guest or key that does not exist
    │   ├── ConfigError                 `[tool.lockstep]` or `LOCKSTEP_*`
    │   ├── TraceError                  a trace file that cannot be read
    │   │   └── AbsentGuestError        a trace whose guest is not here
    │   ├── GuestError                  a module that is not a guest
    │   ├── RuntimeUnavailableError     a runtime that was asked for and is not here
    │   └── OutputError                 a place that cannot be written
    ├── EvaluationError                 a program that asks for more than its evaluator knows
    ├── NothingComparableError       4  fewer than two sides to compare
    └── ProtocolError                   bytes that are not protocol version 1; becomes a verdict

A divergence is a result, not an exception: it is exit code 1 without one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What a `lockstep` command says to its caller. Public, and tested."""

    AGREE = 0
    DIVERGENCE = 1
    USAGE = 2
    INTERNAL = 3
    NOTHING_COMPARABLE = 4
    INTERRUPTED = 130


class LockstepError(Exception):
    """Base of all; `hint` is the remedy, one line, shown behind `hint:`."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross from worker processes; subclasses take other arguments than `args`.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    kind: type[LockstepError], args: tuple[object, ...], state: dict[str, object]
) -> LockstepError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(LockstepError):
    """The caller asked for something that cannot be done as asked."""

    exit_code = ExitCode.USAGE


class UnknownNameError(UsageError):
    """`name` is no `what`; the hint names the nearest of `choices`, or all of them."""

    def __init__(self, what: str, name: str, choices: Iterable[str]) -> None:
        known = sorted(choices)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"there is: {', '.join(known)}"
        super().__init__(f"no {what} is called `{name}`", hint=hint)
        self.what, self.name, self.choices = what, name, known


class ConfigError(UsageError):
    """A setting that is unknown or has a wrong type; the message names file and key."""


class TraceError(UsageError):
    """A trace file that cannot be read; carries the `path` and the 1-based `line`."""

    def __init__(
        self, path: Path | str, line: int | None, message: str, *, hint: str | None = None
    ) -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {message}", hint=hint)
        self.path, self.line = path, line


class AbsentGuestError(TraceError):
    """A trace whose guest is not here; `guest` is its name."""

    def __init__(self, path: Path | str, guest: str, sha256: str, *, hint: str) -> None:
        super().__init__(
            path, 2, f"its guest `{guest}` with SHA-256 {sha256} is not here", hint=hint
        )
        self.guest = guest


class GuestError(UsageError):
    """A file that is not a guest; carries the `path`."""

    def __init__(self, path: Path | str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}", hint=hint)
        self.path = path


class RuntimeUnavailableError(UsageError):
    """A runtime that exists and is not on this machine; the hint is the command that would help."""


class OutputError(UsageError):
    """A file or folder that cannot be written, a full disk among the reasons."""

    def __init__(self, path: Path | str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"cannot write {path}: {reason}", hint=hint)
        self.path = path


class EvaluationError(LockstepError):
    """What a program should compute cannot be said: it takes too long, or touches the guest."""


class NothingComparableError(LockstepError):
    """There is nothing to compare with: one runtime alone and no recorded observations, say."""

    exit_code = ExitCode.NOTHING_COMPARABLE


class ProtocolError(LockstepError):
    """Bytes that are not what protocol version 1 says; `offset` is where."""

    def __init__(self, message: str, *, offset: int = 0) -> None:
        super().__init__(f"{message} at byte {offset}")
        self.offset = offset

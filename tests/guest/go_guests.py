"""Guests in Go, built once; where there is no Go, the tests that need them say so."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from lockstep.errors import LockstepError, UsageError
from lockstep.guest import build, golang

_OFFLINE = ("dial tcp", "no such host", "proxyconnect", "i/o timeout", "connection refused")


def needs_go() -> None:
    """Skip the test where there is no Go."""
    try:
        golang.go()
    except UsageError as error:
        pytest.skip(f"{error.message}; {error.hint}")


@cache
def built(name: str) -> Path:
    """The module of a guest in Go; skips where there is no Go, or what it needs cannot be had."""
    needs_go()
    try:
        return build.build(name)
    except LockstepError as error:
        if any(word in error.message for word in _OFFLINE):
            pytest.skip(f"the modules that {name} needs cannot be fetched here")
        raise

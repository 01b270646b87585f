"""The way out of a program that traps."""

from __future__ import annotations


class Trap(Exception):  # noqa: N818 - the specification's word, and no mistake of anybody
    """The program trapped; `kind` is one of `lockstep.runtimes.traps`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

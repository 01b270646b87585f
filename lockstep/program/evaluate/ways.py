"""How control leaves a node without giving its values."""

from __future__ import annotations

from lockstep.program.tree import Bits


class Branch(Exception):  # noqa: N818 - a way, not an error
    """To a label of the function."""

    def __init__(self, label: int, values: list[Bits]) -> None:
        self.label, self.values = label, values


class Return(Exception):  # noqa: N818
    """Out of the function."""

    def __init__(self, values: list[Bits]) -> None:
        self.values = values


class TailCall(Exception):  # noqa: N818
    """Out of the function, and into another one in its place."""

    def __init__(self, function: int, arguments: list[Bits]) -> None:
        self.function, self.arguments = function, arguments

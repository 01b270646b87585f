"""A program with its state, whose functions can be called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from lockstep.errors import EvaluationError
from lockstep.program.evaluate import structure  # noqa: F401 - the code of its nodes
from lockstep.program.evaluate.code import Frame, Run, form, sequence
from lockstep.program.evaluate.state import NULL, State
from lockstep.program.evaluate.ways import Return, TailCall
from lockstep.program.instructions import Instruction
from lockstep.program.trap import Trap
from lockstep.program.tree import MEMORY_PAGES, Bits, Program
from lockstep.runtimes.traps import STACK

STEPS_MAX: Final = 1_000_000
"""Of one call from outside: calls and turns of loops."""
DEPTH_MAX: Final = 1000
"""Runtimes have other limits, lawfully; a call that ends so says nothing about them."""
_PYTHON_FRAMES: Final = 200_000  # one a nested node; calls among Python functions need no C stack

Watch = Callable[[str, Bits], None]


class Machine:
    """Evaluates calls; state persists between them, also after a trap."""

    def __init__(
        self,
        program: Program,
        memory_pages: int = MEMORY_PAGES,
        *,
        steps_max: int = STEPS_MAX,
        depth_max: int = DEPTH_MAX,
        watch: Watch | None = None,
    ) -> None:
        """`watch` is told of every value that an instruction computes, by its name."""
        self.program, self._watch = program, watch
        self.state = State(program, memory_pages)
        self._steps_max, self._depth_max = steps_max, depth_max
        self._bodies: dict[int, Run] = {}
        self._steps = self._depth = 0

    def reset(self) -> None:
        """Everything as it was at first."""
        self.state.reset()

    def call(self, function: int, arguments: Sequence[Bits]) -> tuple[Bits, ...]:
        """The results as bit patterns; raises `Trap`.

        Raises `EvaluationError` for a call that takes more than `steps_max` steps, and for an
        access to memory that is not the program's.
        """
        self._steps = self._depth = 0
        with _deep():
            found = self.invoke(function, list(arguments))
        match len(self.program.functions[function].results):
            case 0:
                return ()
            case 1:
                return (found,)
            case _:
                return tuple(found)

    def invoke(self, function: int, arguments: Frame) -> Any:
        """What a function gives; the arguments become the first of its locals."""
        if self._depth >= self._depth_max:
            raise Trap(STACK)
        self._depth += 1
        while True:
            self.step()
            try:
                found = self._body(function)(self._frame(function, arguments))
            except TailCall as way:
                function, arguments = way.function, way.arguments
                continue
            except Return as way:
                found = form(way.values, len(self.program.functions[function].results))
            self._depth -= 1
            return found

    def _body(self, index: int) -> Run:
        if index not in self._bodies:
            function = self.program.functions[index]
            self._bodies[index] = sequence(self, function.body, len(function.results))
        return self._bodies[index]

    def _frame(self, function: int, arguments: Frame) -> Frame:
        types = self.program.functions[function].locals
        return arguments + [NULL if type_ == "funcref" else 0 for type_ in types]

    def watched(self, row: Instruction) -> Callable[..., Bits]:
        """What an instruction computes; the watcher is told."""
        watch = self._watch
        if watch is None:
            return row.run

        def run(*operands: Bits) -> Bits:
            bits = row.run(*operands)
            watch(row.name, bits)
            return bits

        return run

    def step(self) -> None:
        """Count a call or a turn of a loop."""
        self._steps += 1
        if self._steps > self._steps_max:
            raise EvaluationError(
                f"the program takes more than {self._steps_max} steps",
                hint="bound its loops, or evaluate it with a larger `steps_max`",
            )


@contextmanager
def _deep() -> Iterator[None]:
    """Python's own limit on nested calls does not count here."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _PYTHON_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

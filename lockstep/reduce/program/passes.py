"""Ways to make a program smaller, in the order of trial. All candidates are well-typed and tidy."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.program.tree import Program
from lockstep.reduce.program.calls import drop_rows, drop_sites, enter_calls
from lockstep.reduce.program.declarations import drop_results, fix_globals, fix_parameters
from lockstep.reduce.program.numbers import empty_segments, lower_numbers
from lockstep.reduce.program.operators import plain_operators, use_edges
from lockstep.reduce.program.shapes import (
    crown,
    drop_statements,
    hoist,
    unreturn,
    unwrap,
    use_constants,
)
from lockstep.reduce.search import Search

Pass = Callable[[Search[Program]], None]

STAGES: tuple[tuple[Pass, ...], ...] = (
    (drop_sites, drop_rows),
    (enter_calls, crown, unreturn, drop_statements, use_constants, hoist, unwrap),
    (use_edges, plain_operators),
    (drop_rows, fix_parameters, drop_results, fix_globals),
    (empty_segments, lower_numbers),
)

"""The table of instructions: what generator, encoder, printer and evaluator know of each.

All that compute or touch memory are here, one row each in `rows/`; control, variables, constants,
`select`, calls, tables and bulk memory are structure (`tree.py`).
"""

from __future__ import annotations

from typing import Final

from lockstep.program.rows import scalar, vector
from lockstep.program.rows.row import Immediate, Instruction

__all__ = ["INSTRUCTIONS", "Immediate", "Instruction"]

INSTRUCTIONS: Final[dict[str, Instruction]] = {
    row.name: row for row in (*scalar.ROWS, *vector.ROWS)
}

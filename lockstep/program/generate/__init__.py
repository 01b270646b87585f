"""Programs by chance: shapes that real bugs needed come up often. See docs/programs.md."""

from lockstep.program.generate.program import FUNCTIONS, generate

__all__ = ["FUNCTIONS", "generate"]

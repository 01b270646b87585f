"""Programs by chance: shapes that real bugs needed come up often. See docs/programs.md."""

from lockstep.program.generate.program import generate

__all__ = ["generate"]

"""What a program should compute: an evaluator of trees, one more vote when runtimes disagree."""

from lockstep.program.evaluate.machine import Machine

__all__ = ["Machine"]

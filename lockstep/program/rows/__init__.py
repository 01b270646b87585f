"""The rows of the table of instructions: one an instruction."""

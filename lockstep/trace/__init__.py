"""The trace file: what it holds (`model`), how it is written and read."""

from lockstep.trace.model import Dissent, Header, Recorded, Trace, record
from lockstep.trace.reader import loads, read
from lockstep.trace.writer import dumps, event_line, write

__all__ = [
    "Dissent",
    "Header",
    "Recorded",
    "Trace",
    "dumps",
    "event_line",
    "loads",
    "read",
    "record",
    "write",
]

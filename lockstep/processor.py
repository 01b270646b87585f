"""The processor that engines compile for."""

from __future__ import annotations

import functools
from pathlib import Path


@functools.cache
def cpu_features() -> str:
    """What the processor says it can do, where the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown"
    for line in text.splitlines():
        if line.startswith(("flags", "Features")):
            return line.partition(":")[2].strip()
    return "unknown"

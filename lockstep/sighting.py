"""Is it seen here: a program alone on the runtime that a report blames."""

from __future__ import annotations

import shutil
import struct

from lockstep.execute.fleet import Fleet
from lockstep.execute.scratch import new_scratch
from lockstep.program.alone import Gave, alone
from lockstep.program.tree import Program
from lockstep.runtimes.model import Runtime

PATIENCE = 10.0
"""A slow machine is no bug."""


def seen(program: Program, runtime: Runtime) -> Gave | None:
    """What `runtime` gives for `program`, in a process of its own; None where it cannot run."""
    scratch = new_scratch()
    try:
        path = scratch / "test.wasm"
        path.write_bytes(alone(program).command)
        with Fleet([runtime], jobs=1) as fleet:
            run = fleet.fresh(runtime, path, b"", patience=PATIENCE)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if run.end.kind == "host":
        return None
    if run.end.kind != "exit" or run.end.code:
        return Gave((), run.end.kind, run.end.text)
    whole = run.output[: len(run.output) // 8 * 8]
    return Gave(struct.unpack(f"<{len(whole) // 8}Q", whole))

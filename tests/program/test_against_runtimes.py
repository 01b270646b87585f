"""The table of instructions beside every runtime that is here, 10^6 evaluations each.

What is known to be wrong in a runtime stands in `KNOWN`; no more than that may differ.
OPERANDS_SEED draws other operands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import operand_guest
import pytest
from operand_guest import Job
from operand_jobs import chunks, jobs, trapping

from lockstep.execute.filter import run_filter
from lockstep.execute.process import Ended, Limits, Run
from lockstep.execute.serve import ServeHost
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime

SEED = int(os.environ.get("OPERANDS_SEED", "1"))
QUICK, WHOLE = 0.02, 1.2  # shares
LIMITS = Limits(wall_s=240.0)

KNOWN = {
    # a single is kept as a double, which makes a signalling NaN quiet
    "wasm3": r"f32\.(load|store|abs|neg|copysign|reinterpret_i32)|i32\.reinterpret_f32",
    "wasm3x": r"f32\.(load|store|abs|neg|copysign|reinterpret_i32)|i32\.reinterpret_f32",
    # min(+0, -0) is +0, max(+0, -0) is -0
    "wasmi0": r"f(32|64)\.(min|max)",
    # the sign of a NaN stays; an i64 of 2^63 and more is rounded twice, and wrongly
    "chicory": r"f32\.abs|f(32|64)\.convert_i64_u",
    # a count of 2^31 and more is a negative number
    "graalwasm": r"i(8x16|16x8)\.sh(l|r_s|r_u)",
}
"""Instructions by engine."""


def of_lineages(*names: str) -> list[Runtime]:
    return [runtime for name in names for runtime in registry.select(name)]


def every() -> list[Runtime]:
    """All that run modules and do not lie; but two referees are wrong in too many ways to list."""
    spared = {"native", "canary", "ppci", "pywasm"}
    return [runtime for runtime in registry.available()[0] if runtime.engine not in spared]


FEW, EVERY = of_lineages("wasmtime:cranelift", "v8:liftoff", "wasm3:default"), every()
each = pytest.mark.parametrize("runtime", EVERY, ids=lambda runtime: runtime.name)
some = pytest.mark.parametrize("runtime", FEW, ids=lambda runtime: runtime.name)


class Prepared(NamedTuple):
    """Jobs, the module and the input that compute them, and what should come out."""

    jobs: list[Job]
    module: Path
    stdin: Path
    expected: bytes
    count: int


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], list[Prepared]]:
    """All that is to be computed, by how much that should be."""

    @cache
    def prepare(share: float) -> list[Prepared]:
        folder = tmp_path_factory.mktemp("operands")
        every = enumerate(chunks(jobs(SEED, share)))
        return [_prepared(folder, str(number), chunk) for number, chunk in every]

    return prepare


def _prepared(folder: Path, name: str, chunk: list[Job]) -> Prepared:
    expected = [case.expected() for job in chunk for case in job.cases()]
    return Prepared(chunk, *written(folder, name, chunk), b"".join(expected), len(expected))


def written(folder: Path, name: str, chunk: list[Job]) -> tuple[Path, Path]:
    module, stdin = folder / f"{name}.wasm", folder / f"{name}.in"
    module.write_bytes(operand_guest.module(chunk))
    stdin.write_bytes(operand_guest.stdin(chunk))
    return module, stdin


def compare(runtime: Runtime, every: list[Prepared]) -> tuple[int, set[str]]:
    """How many answers there are; the instructions of those that only KNOWN explains."""
    count, differing = 0, set()
    for chunk in every:
        run = run_filter(runtime, chunk.module, chunk.stdin, LIMITS)
        if run.end != Ended("exit", 0):  # a feature that the runtime lacks
            assert chunk.jobs[0].row.feature, run.end
            assert not run.output, run.end
            continue
        count += chunk.count
        assert len(run.output) == len(chunk.expected)
        if run.output != chunk.expected:
            differing |= explained(runtime, chunk, run.output)
    return count, differing


def explained(runtime: Runtime, chunk: Prepared, output: bytes) -> set[str]:
    """The instructions that differ, all of which are KNOWN."""
    wrong = {
        case: int.from_bytes(answer, "little")
        for case, answer in operand_guest.answers(chunk.jobs, output)
        if answer != case.expected()
    }
    known = re.compile(KNOWN.get(runtime.engine, ""))
    strange = [f"{c} = {bits:#x}" for c, bits in wrong.items() if not known.fullmatch(c.row.name)]
    assert not strange, (runtime.name, runtime.version, strange[:20])
    return {case.row.name for case in wrong}


@some
def test_instructions_compute_what_a_few_runtimes_compute(
    runtime: Runtime, prepared: Callable[[float], list[Prepared]]
) -> None:
    count, _ = compare(runtime, prepared(QUICK))
    assert count > (4000 if runtime.engine == "wasm3" else 10_000)


@pytest.mark.long
@pytest.mark.timeout(1800)
@each
def test_instructions_compute_what_every_runtime_computes(
    runtime: Runtime, prepared: Callable[[float], list[Prepared]]
) -> None:
    whole = prepared(WHOLE)
    assert sum(chunk.count for chunk in whole) > 10**6
    count, differing = compare(runtime, whole)
    assert count > 300_000
    assert bool(differing) == (runtime.engine in KNOWN)


@contextmanager
def runner(runtime: Runtime, folder: Path) -> Iterator[Callable[[Path, Path], Run]]:
    """Runs a module on a file, by a warm host where there is one."""
    if not runtime.place.serve:
        yield lambda module, stdin: run_filter(runtime, module, stdin, LIMITS)
        return
    folder.mkdir()
    host = ServeHost(runtime, folder)
    yield lambda module, stdin: host.run(module, stdin, LIMITS)
    host.close()


def traps_as_the_table_says(runtime: Runtime, folder: Path, times: int) -> None:
    cases = [case for case in trapping(SEED, times) if not case.row.feature]
    chunk = [Job(c.row, (), ((None,) * len(c.operands),), (c.operands,)) for c in cases]
    module, stdin = written(folder, "traps", chunk)
    with runner(runtime, folder / "host") as run:
        for at, case in enumerate(cases):
            stdin.write_bytes(operand_guest.order(at, chunk[at]))
            end = run(module, stdin).end
            assert end.kind == "trap", (str(case), end)
            assert operand_guest.traps(case) in runtime.trap_kinds(end.text), (str(case), end)


@some
def test_instructions_trap_as_in_a_few_runtimes(runtime: Runtime, tmp_path: Path) -> None:
    traps_as_the_table_says(runtime, tmp_path, times=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
@each
def test_instructions_trap_as_in_every_runtime(runtime: Runtime, tmp_path: Path) -> None:
    traps_as_the_table_says(runtime, tmp_path, times=5)

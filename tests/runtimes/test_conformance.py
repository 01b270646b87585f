"""What every runtime must do, tried on each that is here, in both ways of running.

Where a runtime is known to answer a case in its own way, its row says so (`Quirk`), and exactly
that answer is required. CONFORMANCE_RUNTIME may hold another command line with `{module}` in it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lockstep.execute.confine import children
from lockstep.execute.filter import FilterProcess, run_filter
from lockstep.execute.process import EarlyEnd, Limits, Run
from lockstep.execute.serve import ServeHost
from lockstep.runtimes import find, registry, traps
from lockstep.runtimes.model import Runtime

USUAL = Limits(wall_s=60.0, cpu_s=60.0)
MIB = 1 << 20

OTHER = os.environ.get("CONFORMANCE_RUNTIME")
ONE_LINE = f"{sys.executable} {find.HOSTS}/run_wasmtime.py {{module}}"
OWN = {"other": OTHER} if OTHER else {"one-line": ONE_LINE}


def _runtimes() -> list[Runtime]:
    """Every tier but those that lie, the native one, which runs no modules, and the unfit."""
    if OTHER:
        return registry.select("other", OWN)
    rows = registry.table(OWN)
    spared = {"canary", "native"} | {name for name, row in rows.items() if row.unfit}
    return [rt for rt in registry.available(OWN)[0] if rt.engine not in spared]


RUNTIMES = _runtimes()
WAYS = [(rt, "filter") for rt in RUNTIMES] + [(rt, "serve") for rt in RUNTIMES if rt.place.serve]

RunGuest = Callable[..., Run]


@pytest.fixture(scope="module")
def serve_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Runtime, ServeHost]]:
    """A warm host for each runtime that takes jobs, started by its first one."""
    hosts = {
        rt: ServeHost(rt, tmp_path_factory.mktemp("scratch")) for rt, way in WAYS if way == "serve"
    }
    yield hosts
    for host in hosts.values():
        host.close()


@pytest.fixture(params=WAYS, ids=lambda pair: f"{pair[0].name}-{pair[1]}")
def runtime_and_way(request: pytest.FixtureRequest) -> tuple[Runtime, str]:
    """A runtime and how it is run."""
    pair: tuple[Runtime, str] = request.param
    return pair


def cases(name: str, every: Sequence[object], few: Sequence[object]) -> pytest.MarkDecorator:
    """Each way with each value of argument `name`; with `few` where a run needs a fresh process."""
    pairs = [
        pytest.param(pair, value, id=f"{pair[0].name}-{pair[1]}-{value!r}")
        for pair in WAYS
        for value in (few if pair[1] == "filter" and pair[0].place.serve else every)
    ]
    return pytest.mark.parametrize(("runtime_and_way", name), pairs, indirect=["runtime_and_way"])


@pytest.fixture
def runtime(runtime_and_way: tuple[Runtime, str]) -> Runtime:
    """The runtime of this test."""
    return runtime_and_way[0]


@pytest.fixture
def run(
    runtime_and_way: tuple[Runtime, str],
    serve_hosts: dict[Runtime, ServeHost],
    guest: Callable[[str], Path],
    tmp_path: Path,
) -> RunGuest:
    """Runs a guest (a name or a module) on some stdin, to its end."""
    runtime, way = runtime_and_way
    stdin_file = tmp_path / "stdin"

    def run_guest(module: str | Path, stdin: bytes = b"", limits: Limits = USUAL) -> Run:
        path = guest(module) if isinstance(module, str) else module
        stdin_file.write_bytes(stdin)
        if way == "serve":
            return serve_hosts[runtime].run(path, stdin_file, limits)
        return run_filter(runtime, path, stdin, limits)

    return run_guest


def expected(runtime: Runtime, case: str, usual: str) -> str:
    """What `runtime` must answer: as usual, or as its row says."""
    return {quirk.case: quirk.instead for quirk in runtime.quirks}.get(case, usual)


def test_what_goes_in_comes_out(run: RunGuest) -> None:
    stdin = bytes(range(256)) * 4096 + b"and a bit"
    ended = run("echo", stdin)
    assert (ended.end.kind, ended.end.code) == ("exit", 0)
    assert ended.output == stdin


def test_ten_megabytes_come_out_while_nobody_reads_what_goes_in(run: RunGuest) -> None:
    ended = run("flood", b"x" * MIB)
    assert (ended.end.kind, ended.end.code) == ("exit", 0)
    assert ended.output == b"first" + bytes(10 * MIB - 9) + b"last"


def test_many_vectors_are_written_in_their_order(run: RunGuest) -> None:
    assert run("vectors").output == bytes(i % 256 for i in range(5000))


@cases("code", every=[0, 1, 65, 125], few=[65])
def test_exit_codes_arrive(run: RunGuest, code: int) -> None:
    end = run("exit", code.to_bytes(4, "little")).end
    assert (end.kind, end.code) == ("exit", code)


@cases("code", every=[126, 256], few=[256])
def test_an_exit_code_that_no_process_can_have_is_a_trap(
    run: RunGuest, runtime: Runtime, code: int
) -> None:
    end = run("exit", code.to_bytes(4, "little")).end
    said = f"{end.kind} {end.code if end.kind == 'exit' else set(runtime.trap_kinds(end.text))}"
    assert said == expected(runtime, f"exit {code}", f"trap { {traps.EXIT_CODE} }")


TRAPS = (
    traps.UNREACHABLE,
    traps.DIVIDE,
    traps.OVERFLOW,
    traps.OVERFLOW,
    traps.CONVERSION,
    traps.MEMORY,
    traps.UNINITIALIZED,
    traps.UNDEFINED,
    traps.SIGNATURE,
    traps.STACK,
)


@cases("number", every=range(len(TRAPS)), few=[0, 9])
def test_a_trap_is_told_with_its_kind_and_what_was_written_before_it_arrives(
    run: RunGuest, runtime: Runtime, number: int
) -> None:
    ended = run("trap", bytes([number]))
    assert ended.end.kind == "trap"
    assert TRAPS[number] in runtime.trap_kinds(ended.end.text), ended.end.text
    assert ended.output == b"ok"


def test_a_segment_out_of_bounds_traps_before_anything_runs(
    run: RunGuest, runtime: Runtime
) -> None:
    ended = run("segment")
    kinds = runtime.trap_kinds(ended.end.text)
    said = "out of bounds" if traps.TABLE in kinds else ended.output.decode()
    usual = "trap: out of bounds"
    assert f"{ended.end.kind}: {said}" == expected(runtime, "segment out of bounds", usual)


@cases("pages", every=[2, 3, 65536, -1], few=[-1])
def test_memory_grows_to_its_maximum_and_no_further(
    run: RunGuest, runtime: Runtime, pages: int
) -> None:
    ended = run("grow", pages.to_bytes(4, "little", signed=True))
    usual = "1 3" if pages == 2 else "-1 1"
    if ended.end.kind == "exit":
        answer, size = (
            int.from_bytes(ended.output[at : at + 4], "little", signed=True) for at in (0, 4)
        )
        said = f"{answer} {size}"
    else:
        said = f"{ended.end.kind}: {', '.join(runtime.trap_kinds(ended.end.text))}"
    assert said == expected(runtime, f"grow by {pages}", usual)


def test_hostile_arguments_are_answered_with_an_errno(run: RunGuest, runtime: Runtime) -> None:
    ended = run("hostile", b"stdin that nobody may read")
    # bad fds; reads and writes: bad vectors, too many of them, none, an empty one; bad results
    usual = "8 8 8 8 8 8 8 " + 2 * "21 21 21 21 21 21 21 0 0 " + "21 21"
    assert ended.end.kind == "exit"
    assert " ".join(map(str, ended.output)) == expected(runtime, "hostile", usual)


def test_no_fd_but_the_three_can_be_read_or_written(run: RunGuest) -> None:
    ended = run("fds")
    assert ended.end.kind == "exit"
    assert ended.output == bytes(4)


def test_each_run_starts_from_nothing_and_stderr_is_nobodys_word(run: RunGuest) -> None:
    for _ in range(2):
        ended = run("fresh")
        assert (ended.end.kind, ended.end.code, ended.output) == ("exit", 0, b"11")


def test_an_endless_loop_is_stopped_and_the_next_run_is_well(run: RunGuest) -> None:
    started_s = time.monotonic()
    ended = run("loop", limits=Limits(wall_s=1.5, cpu_s=1.0))
    assert ended.end.kind == "hang"
    assert time.monotonic() - started_s < 20
    assert run("echo", b"again").output == b"again"


def test_a_guest_that_writes_without_end_is_stopped(run: RunGuest) -> None:
    ended = run("flood", limits=Limits(wall_s=60.0, output_bytes=MIB))
    assert ended.end.kind == "output limit"
    assert run("echo", b"again").output == b"again"


NO_MODULES = [
    b"",
    b"not wasm",
    b"\0asm",
    b"(module)",
    b"\0asm\x01\0\0\0\x01\x7f\x01",  # a section that is longer than the file
    b"\0asm\x09\0\0\0",  # a version that does not exist
]


@cases("content", every=NO_MODULES, few=NO_MODULES[1:2])
def test_what_is_no_module_is_rejected(run: RunGuest, tmp_path: Path, content: bytes) -> None:
    module = tmp_path / "bad.wasm"
    module.write_bytes(content)
    ended = run(module)
    assert ended.end.kind == "rejected", ended.end.text
    assert ended.end.text


REFUSED = {
    "random": "imports wasi_snapshot_preview1.random_get",
    "elsewhere": "imports env.fd_write",
    "imported_memory": "imports wasi_snapshot_preview1.fd_read",
    "no_start": "_start",
}


@cases("name", every=list(REFUSED), few=["random"])
def test_a_module_that_asks_for_something_else_is_rejected(run: RunGuest, name: str) -> None:
    end = run(f"rejected/{name}").end
    assert end.kind == "rejected"
    assert REFUSED[name] in end.text


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda rt: rt.name)
def test_a_frame_is_answered_when_it_is_whole_wherever_it_is_cut(
    runtime: Runtime, guest: Callable[[str], Path]
) -> None:
    frames = [_frame(b"a"), _frame(bytes(range(20))), _frame(b"")]
    with FilterProcess(runtime, guest("frames"), USUAL) as process:
        for cut in range(1, len(b"".join(frames))):
            stream = b"".join(frames)
            process.child.send(stream[:cut])
            time.sleep(0.002)
            process.child.send(stream[cut:])
            assert [process.answer() for _ in frames] == frames
        process.child.send(b"", last=True)
        while not process.child.ended:
            process.child.turn()
        end = process.end()
        assert (end.kind, end.code) == ("exit", 0)


def test_the_end_of_input_inside_of_a_frame_is_seen(run: RunGuest) -> None:
    whole = _frame(b"whole")
    ended = run("frames", whole + _frame(b"cut")[:-1])
    assert (ended.output, ended.end.kind, ended.end.code) == (whole, "exit", 65)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda rt: rt.name)
def test_a_process_that_is_killed_has_crashed(
    runtime: Runtime, guest: Callable[[str], Path]
) -> None:
    before = set(children(os.getpid()))
    with FilterProcess(runtime, guest("frames"), USUAL) as process:
        assert process.step(_frame(b"alive")) == _frame(b"alive")
        (launcher,) = set(children(os.getpid())) - before
        (host,) = children(launcher)
        os.kill(host, signal.SIGKILL)
        with pytest.raises(EarlyEnd) as early:
            process.step(_frame(b"dead"))
    assert early.value.end.kind == "crash"


def _frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body

"""What the hosts promise as files: alone, old Pythons, and one text where they do the same."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lockstep.runtimes import find
from lockstep.runtimes.find import HOSTS

PYTHON_HOSTS = sorted(HOSTS.glob("*.py"))
ANSWERING_WASI = ("run_wasmtime.py", "run_wasm3.py", "run_pywasm.py")
READING_IMPORTS = ("run_wasm3.py", "run_wasmer.py")


@pytest.mark.parametrize("path", PYTHON_HOSTS, ids=lambda path: path.name)
def test_a_host_is_a_file_for_python_3_8_that_needs_no_lockstep(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    } | {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert "lockstep" not in imported
    others = {other.stem for other in PYTHON_HOSTS}
    assert imported & others == ({"run_wasmtime"} if path.stem == "canary" else set())


def _behind(name: str, start: str, end: str = "") -> str:
    text = (HOSTS / name).read_text()
    begin = text.index(start)
    return text[begin : text.index(end, begin) if end else None]


def test_hosts_that_answer_wasi_themselves_share_the_text_of_it() -> None:
    texts = {_behind(name, "# From here on the same") for name in ANSWERING_WASI}
    assert len(texts) == 1


def test_hosts_that_read_the_import_section_share_the_text_of_it() -> None:
    ends = ("# From here on", "async def attempt")
    pairs = zip(READING_IMPORTS, ends, strict=True)
    texts = {_behind(name, "def refuse_surplus_imports", end) for name, end in pairs}
    assert len(texts) == 1


def _serve(tmp_path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(find.SERVE), str(HOSTS / "run_wasmtime.py"), "--tier", "winch"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, bufsize=0
    )


def _ask(server: subprocess.Popen[bytes], tmp_path: Path, **job: object) -> dict[str, object]:
    (tmp_path / "in").write_bytes(b"in")
    usual = {"id": 7, "stdin": "in", "stdout": "out", "stderr": "err"}
    limits = {"cpu_s": 10, "output_bytes": 1 << 20, "reuse": True}
    assert server.stdin and server.stdout
    server.stdin.write(json.dumps({**usual, **limits, **job}).encode() + b"\n")
    answer: dict[str, object] = json.loads(server.stdout.readline())
    return answer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A fork server that has said that it is ready."""
    with _serve(tmp_path) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["ready"] is True
        yield process
        process.kill()


def test_a_job_may_use_a_module_once_or_keep_it(
    server: subprocess.Popen[bytes], guest: Callable[[str], Path], tmp_path: Path
) -> None:
    for reuse in (False, True, True):
        answer = _ask(server, tmp_path, module=str(guest("echo")), reuse=reuse)
        assert (answer["id"], answer["end"], answer["code"]) == (7, "exit", 0)
        assert (tmp_path / "out").read_bytes() == b"in"
        (tmp_path / "out").unlink()


def test_a_module_that_changes_on_disk_is_compiled_again(
    server: subprocess.Popen[bytes], guest: Callable[[str], Path], tmp_path: Path
) -> None:
    module = tmp_path / "changing.wasm"
    for name, wanted in (("echo", b"in"), ("fresh", b"11"), ("echo", b"in")):
        module.write_bytes(guest(name).read_bytes())
        assert _ask(server, tmp_path, module=str(module))["end"] == "exit"
        assert (tmp_path / "out").read_bytes() == wanted


def test_a_job_whose_module_is_gone_is_the_hosts_fault_and_the_next_is_well(
    server: subprocess.Popen[bytes], guest: Callable[[str], Path], tmp_path: Path
) -> None:
    assert _ask(server, tmp_path, module="gone.wasm")["end"] == "host"
    assert _ask(server, tmp_path, module=str(guest("echo")))["end"] == "exit"


def test_a_job_ends_with_its_server(
    server: subprocess.Popen[bytes], guest: Callable[[str], Path], tmp_path: Path
) -> None:
    assert _ask(server, tmp_path, module=str(guest("echo")))["end"] == "exit"
    job = {"id": 8, "module": str(guest("loop")), "stdin": "in", "stdout": "out", "stderr": "err"}
    limits = {"cpu_s": 20, "output_bytes": 1 << 20, "reuse": False}
    assert server.stdin
    server.stdin.write(json.dumps({**job, **limits}).encode() + b"\n")
    _until(lambda: _children(server.pid))
    (child,) = _children(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    _until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")


def _until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds, 10 s at most."""
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)

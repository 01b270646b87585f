"""The house rules that a machine can see."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lockstep"
SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if "source" not in p.parts)
LINES_PER_FUNCTION = 50
LINES_PER_FILE = 400
MEDIAN_LINES = 14
PRINTERS = ("cli", "report", "hosts", "confine.py")


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_fit_on_a_screen() -> None:
    long = {f"{p.relative_to(ROOT)}:{f.lineno} {f.name}": lines(f) for p, f in functions()}
    assert not {place: size for place, size in long.items() if size > LINES_PER_FUNCTION}
    assert statistics.median(long.values()) <= MEDIAN_LINES


def test_files_are_rooms_not_halls() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES}
    assert not {place: size for place, size in sizes.items() if size > LINES_PER_FILE}


def test_everything_public_says_what_it_is() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    silent += [str(p) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))]
    assert not silent


def test_only_the_command_line_and_reports_print() -> None:
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        if not any(part in PRINTERS for part in path.relative_to(PACKAGE).parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not printing


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("protocol.py", {"trace", "runtimes", "execute", "campaign", "cli", "guest", "scenario"}),
        ("scenario", {"runtimes", "campaign", "cli", "report", "compare", "judge", "reduce"}),
        ("simulate.py", {"runtimes", "campaign", "cli", "report", "compare", "judge", "reduce"}),
        ("trace", {"runtimes", "execute", "campaign", "cli", "guest", "scenario", "compare"}),
        ("runtimes", {"campaign", "cli", "report", "compare", "judge", "scenario", "reduce"}),
        ("execute", {"campaign", "cli", "report", "compare", "judge", "scenario", "reduce"}),
        ("compare.py", {"runtimes", "campaign", "cli", "report", "judge", "scenario", "reduce"}),
        ("reduce", {"campaign", "cli", "report", "scenario"}),
        ("campaign", {"cli"}),
        ("report", {"cli", "execute", "reduce"}),
    ],
)
def test_a_station_does_not_know_those_behind_it(room: str, strangers: set[str]) -> None:
    paths = [p for p in SOURCES if room in p.relative_to(PACKAGE).parts[0]]
    assert paths
    known = {
        (path.name, found)
        for path in paths
        for found in re.findall(r"^\s*(?:from|import) lockstep\.(\w+)", path.read_text(), re.M)
    }
    assert not {(name, found) for name, found in known if found in strangers}


def test_hosts_import_nothing_of_lockstep() -> None:
    hosts = [*(PACKAGE / "runtimes" / "hosts").iterdir(), PACKAGE / "execute" / "confine.py"]
    for host in hosts:
        if host.suffix in (".py", ".mjs"):
            assert not re.search(r"^\s*(from|import) lockstep", host.read_text(), re.M), host


def test_lock_files_name_no_registry() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text


def test_every_locked_package_is_pinned_with_hashes() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert pinned
    assert all("==" in entry and "--hash=sha256:" in entry for entry in pinned)

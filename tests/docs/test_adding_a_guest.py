"""The page about guests is right: its commands are run, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-guest.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]

FROM_PIP = "wasmtime:*,v8:*,wasmer,wasm3"  # what every checkout has; `all` may be forty of them


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a shell that finds this checkout's `lockstep`."""
    start = f'lockstep() {{ "{sys.executable}" -m lockstep "$@"; }}\n'
    environment = {"LOCKSTEP_RUNTIMES": FROM_PIP, **os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["sh", "-c", start + command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_from_nothing_to_a_fuzzed_toy_is_at_most_ten_commands() -> None:
    assert 4 <= len(COMMANDS) <= 10


@pytest.mark.timeout(900)
def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    said = {}
    for command in COMMANDS:
        expected = re.search(r"# exits (\d+)$", command)
        done = run(command, tmp_path)
        assert done.returncode == int(expected[1] if expected else 0), (command, done.stderr)
        said[command] = done.stdout + done.stderr
    first, second = (text for command, text in said.items() if "fuzz" in command)
    assert "0 divergences, 0 unsafe" in first
    assert "1 unsafe" in second
    assert re.search(r"unsafe \(\d\d? events on", said[COMMANDS[-1]])


def test_the_toy_in_go_and_the_toy_in_zig_are_the_same_algorithm() -> None:
    folder = ROOT / "guest" / "skeleton"
    zig, go = (folder / "zig" / "skeleton.zig").read_text(), (folder / "go" / "main.go").read_text()
    outcomes = re.search(r"enum\(u16\) \{ (.*?) \}", zig)
    assert outcomes is not None
    in_zig = set(outcomes[1].replace(" = 16", "").split(", ")) - {"table_full"}  # Go's maps grow
    assert in_zig == set(re.findall(r"^\t(\w+)(?: uint16 = iota \+ 16)?$", go, re.MULTILINE))

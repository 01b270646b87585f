"""Scratch folders go away, whoever is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lockstep
from lockstep.errors import OutputError
from lockstep.execute import scratch


def python(source: str, place: Path) -> str:
    """What a Python program prints that has its scratch folders in `place`."""
    head = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(Path(lockstep.__file__).parents[1])!r})
from lockstep.execute import scratch
scratch._place = lambda: Path({str(place)!r})
print(scratch.new_scratch(), flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", head + source], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout.strip()


def test_the_end_of_the_process_removes_all(tmp_path):
    assert python("", tmp_path).startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    left = Path(python("os.kill(os.getpid(), 9)", tmp_path)).parent
    assert left.is_dir()
    python("", tmp_path)
    assert left.is_dir(), "it is young: it might be about to be locked"
    os.utime(left, (time.time() - 3600,) * 2)
    python("", tmp_path)
    assert not left.exists()


def test_a_folder_in_use_is_not_removed(tmp_path):
    used = tmp_path / f"{scratch.PREFIX}used"
    used.mkdir()
    os.utime(used, (time.time() - 3600,) * 2)
    lock = scratch._lock(used)
    python("", tmp_path)
    assert used.is_dir()
    os.close(lock)
    python("", tmp_path)
    assert not used.exists()


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match="missing"):
        scratch.new_scratch(tmp_path / "missing")

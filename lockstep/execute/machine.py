"""What this machine offers to confine a process, and what it tells of processes."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lockstep.execute import confine

LAUNCHER = (sys.executable, "-I", "-S", confine.__file__)


@functools.cache
def confinement() -> tuple[str, ...]:
    """The launcher's options for what this machine can do, tried once."""
    found = subprocess.run([*LAUNCHER, "--probe"], capture_output=True, text=True, check=False)
    options = [f"--{word}" for word in found.stdout.split()]
    program = shutil.which("bwrap")
    if "--landlock=0" in options and program and _works(program):
        options = [f"--bubblewrap={program}"]
    return tuple(options)


def _works(bubblewrap: str) -> bool:
    command = [*confine.bubblewrap(bubblewrap, []), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def describe() -> str:
    """How this machine confines a runtime, in a few words for people."""
    found = dict(word[2:].split("=", 1) for word in confinement())
    abi = int(found.get("landlock", 0))
    if "bubblewrap" in found:
        words = ["bubblewrap", "files read-only", "no network"]
    else:
        words = [f"landlock abi {abi}", "files read-only"] if abi else ["files writable"]
        words.append(_network(abi, "network" in found))
    if not counts_memory():
        words.append("memory not limited")
    return ", ".join(words)


def _network(abi: int, namespace: bool) -> str:
    if namespace:
        return "no network"
    return "no tcp" if abi >= confine.TCP_ABI else "network open"


def counts_memory() -> bool:
    """Whether the kernel tells whose child a process is, and how much memory it has."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def tree(pid: int) -> Iterator[int]:
    """`pid` and its descendants, as far as the kernel tells."""
    waiting = [pid]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += confine.children(process)


def tree_bytes(pid: int) -> int:
    """Resident memory of `pid` and all its descendants; 0 where the kernel does not tell."""
    pages = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def on_one_cpu(pid: int | None = None) -> Iterator[None]:
    """Keep this thread, what it starts, and the tree of `pid` on one CPU.

    A conversation over pipes takes 5 us a round trip there, and 100 where each side has to wake an
    idle CPU for the other.
    """
    if sys.platform != "linux":
        yield
        return
    before, here = os.sched_getaffinity(0), {confine.libc.sched_getcpu()}
    for process in (0, *(tree(pid) if pid else ())):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(process, here)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

"""Keeps a Python host ready and runs one job after another on it.

    python serve.py HOST.py [--tier TIER]

Jobs and answers are JSON objects, one a line, on stdin and stdout:

    out: {"ready": true, "version": "50.0.1"}
    in:  {"id": 1, "module": PATH, "stdin": PATH, "stdout": PATH, "stderr": PATH,
          "cpu_s": 10, "output_bytes": 1000000, "reuse": true, "artifact": ""}
    out: {"id": 1, "end": "exit" | "trap" | "rejected" | "crash" | "limit" | "host",
          "code": 0, "text": "", "cpu_s": 0.003}

Each job runs in a child of this single-threaded process, forked before an engine exists. With
`reuse` another child compiles the module first, and what it made is kept for later jobs. A job's
child has the job's files as fds 0, 1 and 2 and no way to the control streams. A job with a path in
`artifact` runs nothing: what an earlier process made is taken from there, or what is made now is
left there.

A host is a Python file with `VERSION`, `prepare(module, tier) -> artifact`, both bytes, and
`run(artifact, tier) -> exit code`, which runs the guest on fds 0, 1 and 2. Either may raise an
exception of a class called `Trap` or `Rejected`.
"""

# ruff: noqa: PTH100, PTH120, PTH123 - a small script that starts fast needs no pathlib

from __future__ import annotations

import argparse
import ctypes
import gc
import hashlib
import importlib.util
import json
import os
import resource
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

ARTIFACTS_MAX = 32
COMPILE_CPU_S = 600.0  # for a compiler; whoever sends jobs has shorter patience with most
TEXT_MAX = 4096
CODES = {"Trap": 134, "Rejected": 126}  # by the class that a host raises; others are its fault
ENDS = {134: "trap", 126: "rejected", 127: "host"}
LIMITS = {signal.SIGPROF: "cpu", signal.SIGXFSZ: "output"}
PR_SET_PDEATHSIG = 1
PRCTL = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only


class Server:
    """A host at one tier, and what it compiled, by the SHA-256 of the module."""

    def __init__(self, host: Any, tier: str, control: tuple[int, int]) -> None:
        self.host, self.tier, self.control = host, tier, control
        self.artifacts: OrderedDict[bytes, bytes] = OrderedDict()

    def answer(self, job: Any) -> dict[str, Any]:
        """Do one job; returns how it ended."""
        try:
            with open(job["module"], "rb") as file:
                module = file.read()
        except OSError as error:
            return {"end": "host", "code": 127, "text": str(error), "cpu_s": 0.0}
        if not job["reuse"]:
            return self._run(job, lambda: self.host.prepare(module, self.tier))
        key = hashlib.sha256(module).digest()
        ended = self._load(key, module, job.get("artifact", ""))
        if ended["end"] != "exit" or job.get("artifact"):
            return ended
        return self._run(job, lambda: self.artifacts[key])

    def _load(self, key: bytes, module: bytes, path: str) -> dict[str, Any]:
        """See that `module` is compiled; file `path` gives the code, or gets it."""
        ended: dict[str, Any] = {"end": "exit", "code": 0, "text": "", "cpu_s": 0.0}
        if key not in self.artifacts and path and os.access(path, os.R_OK):
            with open(path, "rb") as file:
                self.artifacts[key] = file.read()
        elif key not in self.artifacts:
            ended, artifact = self._child(
                lambda: (0, self.host.prepare(module, self.tier)), COMPILE_CPU_S
            )
            if ended["end"] != "exit":
                return ended
            self.artifacts[key] = artifact
            if path:
                with open(path, "wb") as file:
                    file.write(artifact)
        self.artifacts.move_to_end(key)
        if len(self.artifacts) > ARTIFACTS_MAX:
            self.artifacts.popitem(last=False)
        return ended

    def _run(self, job: Any, artifact: Callable[[], bytes]) -> dict[str, Any]:
        def work() -> tuple[int, bytes]:
            take_files(job)
            return self.host.run(artifact(), self.tier), b""

        return self._child(work, job["cpu_s"])[0]

    def _child(
        self, work: Callable[[], tuple[int, bytes]], cpu_s: float
    ) -> tuple[dict[str, Any], bytes]:
        """Do `work` in a child; returns how it ended and the bytes that it gave."""
        reading, writing = os.pipe()
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            os._exit(self._in_child(work, cpu_s, writing, parent))
        os.close(writing)
        with open(reading, "rb") as pipe:
            said = pipe.read()
        _, status, usage = os.wait4(pid, 0)
        end, code, text = ending(status, said)
        seconds = usage.ru_utime + usage.ru_stime
        return {"end": end, "code": code, "text": text, "cpu_s": seconds}, said

    def _in_child(
        self, work: Callable[[], tuple[int, bytes]], cpu_s: float, writing: int, parent: int
    ) -> int:
        try:
            for stream in self.control:
                os.close(stream)
            confine(cpu_s, parent)
            code, said = work()
        except BaseException as error:
            code = CODES.get(type(error).__name__, 127)
            text = repr(error) if code == 127 else str(error)
            said = " ".join(text.split()).encode()[:TEXT_MAX]
        with open(writing, "wb") as pipe:
            pipe.write(said)
        return code


def confine(cpu_s: float, parent: int) -> None:
    """End this process with its parent, or after `cpu_s`, or when a file grows too large."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    if PRCTL is not None:
        PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise RuntimeError("the parent is gone")


def take_files(job: Any) -> None:
    """Make the job's files fds 0, 1 and 2, and bound what is written to them."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for fd, (name, flags) in enumerate((("stdin", 0), ("stdout", writing), ("stderr", writing))):
        opened = os.open(job[name], flags, 0o644)
        os.dup2(opened, fd)
        os.close(opened)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    bounds = [job["output_bytes"]] + [most] * (most != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(bounds), most))


def ending(status: int, said: bytes) -> tuple[str, int, str]:
    """End, code and text of a child, by its wait status and what it said."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in LIMITS:
            return "limit", -number, LIMITS[signal.Signals(number)]
        return "crash", -number, signal.Signals(number).name
    code = os.WEXITSTATUS(status)
    if code in ENDS:
        return ENDS[code], code, said.decode("utf-8", "replace")
    return "exit", code, ""


def load(path: str) -> Any:
    """Import the host in file `path`."""
    spec = importlib.util.spec_from_file_location("host", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    host = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(host)
    return host


def say(fd: int, answer: dict[str, Any]) -> None:
    """Write one line of the control stream."""
    os.write(fd, json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Answer jobs until the end of stdin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("--tier", default="")
    args = parser.parse_args()
    control = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.path.insert(0, os.path.dirname(os.path.abspath(args.host)))
    server = Server(load(args.host), args.tier, control)
    gc.freeze()  # so that the children do not copy what the collector would touch
    say(control[1], {"ready": True, "version": server.host.VERSION})
    with open(control[0], closefd=False) as jobs:
        for line in jobs:
            job = json.loads(line)
            say(control[1], {"id": job["id"], **server.answer(job)})


if __name__ == "__main__":
    main()

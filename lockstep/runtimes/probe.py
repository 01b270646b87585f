"""Which instruction sets a runtime really has: tried, once for each binary.

What was seen is kept in the cache, by engine, version, tier, the SHA-256 of the binary and that of
the probes, so that neither a new engine nor a new probe meets an old answer.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockstep import files
from lockstep.errors import OutputError
from lockstep.execute.filter import run_filter
from lockstep.execute.load import load_s
from lockstep.execute.process import Ended, Limits
from lockstep.execute.scratch import new_scratch
from lockstep.execute.serve import ServeHost
from lockstep.guest import catalog
from lockstep.runtimes.features import FIRST, PROBES
from lockstep.runtimes.model import Runtime

LIMITS = Limits(wall_s=60.0)


class Seen(msgspec.Struct, frozen=True):
    """What was seen of one runtime; `probes` is the SHA-256 of the modules it was tried on."""

    engine: str
    version: str
    tier: str
    sha256: str
    probes: str
    features: frozenset[str]


@functools.cache
def probed(runtime: Runtime) -> frozenset[str]:
    """The features of `runtime`, seen now or before; none where it does not run at all."""
    path = _path(runtime)
    with contextlib.suppress(OSError, msgspec.DecodeError):
        seen = msgspec.json.decode(path.read_bytes(), type=Seen)
        if seen == _seen(runtime, seen.features):
            return seen.features
    found = probe(runtime)
    if found is not None:
        with contextlib.suppress(OutputError):  # then it is tried again next time
            files.write_atomically(path, msgspec.json.encode(_seen(runtime, found)))
    return found or frozenset()


def probe(runtime: Runtime) -> frozenset[str] | None:
    """Try each feature on `runtime`; None where it cannot run the simplest module."""
    scratch = new_scratch()
    host = ServeHost(runtime, scratch) if runtime.serve_command() else None
    try:
        run = _runner(runtime, host, scratch)
        if not _is_well(run(FIRST)):
            return None
        return frozenset(name for name, module in PROBES.items() if _is_well(run(module)))
    finally:
        if host:
            host.close()
        shutil.rmtree(scratch, ignore_errors=True)


def starts(runtime: Runtime, module: Path) -> bool:
    """Whether the guest in `module` comes to its right end when there is nothing for it to do."""
    limits = Limits(wall_s=LIMITS.wall_s + load_s(runtime, module))
    return _is_well(run_filter(runtime, module, b"", limits).end)


def _runner(runtime: Runtime, host: ServeHost | None, scratch: Path) -> Callable[[bytes], Ended]:
    path, stdin = scratch / "probe.wasm", scratch / "stdin"
    stdin.touch()

    def run(module: bytes) -> Ended:
        path.write_bytes(module)
        if host:
            return host.run(path, stdin, LIMITS, reuse=False).end
        return run_filter(runtime, path, b"", LIMITS).end

    return run


def _is_well(end: Ended) -> bool:
    return (end.kind, end.code) == ("exit", 0)


def _seen(runtime: Runtime, features: frozenset[str]) -> Seen:
    return Seen(runtime.engine, runtime.version, runtime.tier, runtime.sha256, _probes(), features)


@functools.cache
def _probes() -> str:
    return hashlib.sha256(b"".join(PROBES.values())).hexdigest()


def _path(runtime: Runtime) -> Path:
    key = msgspec.json.encode(_seen(runtime, frozenset()))
    return catalog.cache_dir() / "features" / f"{hashlib.sha256(key).hexdigest()}.json"

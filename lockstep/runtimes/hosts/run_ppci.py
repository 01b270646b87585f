"""Runs a guest, a WASI command that needs only stdin and stdout, on ppci.

    python run_ppci.py [--tier python|native] MODULE

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.
"""

# ruff: noqa: N818, PTH123 - an end is no error; a small script needs no pathlib

from __future__ import annotations

import argparse
import inspect
import io
import os
import pickle
import struct
import sys
from collections.abc import Callable
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

from ppci import ir  # type: ignore[import-not-found, unused-ignore]
from ppci.api import get_current_arch, ir_to_object  # type: ignore[import-not-found, unused-ignore]
from ppci.binutils.objectfile import ObjectFile  # type: ignore[import-not-found, unused-ignore]
from ppci.irutils import verify_module  # type: ignore[import-not-found, unused-ignore]
from ppci.utils.reporting import DummyReportGenerator  # type: ignore[import-not-found, unused-ignore]
from ppci.wasm import Module, instantiate, wasm_to_ir  # type: ignore[import-not-found, unused-ignore]
from ppci.wasm.components import Export  # type: ignore[import-not-found, unused-ignore]
from ppci.wasm.execution import _instantiate, runtime  # type: ignore[import-not-found, unused-ignore]
from ppci.wasm.execution._native_instance import NativeModuleInstance  # type: ignore[import-not-found, unused-ignore]

VERSION = version("ppci")
TIERS = ("python", "native")
WASI = "wasi_snapshot_preview1"
IMPORTS = ("fd_read", "fd_write", "proc_exit")
CALLS: dict[str, Any] = {"fd_read": (os.readv, (0,)), "fd_write": (os.writev, (1, 2))}
PAGE_BYTES = 1 << 16
DEPTH_MAX = 5000  # its compiler calls itself, and a guest's calls are Python's


class Trap(Exception):
    """The guest trapped."""


class Rejected(Exception):
    """The module is not accepted."""


class Exit(Exception):
    """The guest called `proc_exit`."""


def prepare(module: bytes, tier: str) -> bytes:
    """Check that `module` can be read, its imports and its exports.

    The artifact is the module and, for machine code, what its compiler made of it.
    """
    refuse_surplus_imports(module)
    try:
        definitions = list(Module(module))
    except Exception as error:
        raise Rejected(repr(error)) from None
    exports = {(item.name, item.kind) for item in definitions if isinstance(item, Export)}
    for wanted, kind in (("_start", "func"), ("memory", "memory")):
        if (wanted, kind) not in exports:
            raise Rejected(f"exports no {wanted}")
    return pickle.dumps((module, compiled(module) if tier == "native" else None))


def compiled(module: bytes) -> tuple[Any, Any, Any]:
    """Machine code, and the names of functions and globals in it, as `native_instantiate` does."""
    architecture = get_current_arch()
    reporter = DummyReportGenerator()
    sys.setrecursionlimit(DEPTH_MAX)
    try:
        pointer = architecture.info.get_type_info("ptr")
        code = wasm_to_ir(Module(module), pointer, reporter=reporter)
        verify_module(code)
        made = ir_to_object([code], architecture, debug=True, reporter=reporter)
    except Exception as error:
        raise Rejected(repr(error)) from None
    text = io.StringIO()
    made.save(text)  # in ppci's own format: much in it cannot be pickled
    names = [variable.name for _, variable in code._wasm_global_names]
    return text.getvalue(), code._wasm_function_names, names


def load(made: tuple[Any, Any, Any], symbols: dict[str, Any]) -> Any:
    """An instance of what `compiled` gave."""
    text, functions, globals_ = made
    instance = NativeModuleInstance(ObjectFile.load(io.StringIO(text)), symbols)
    instance._wasm_function_names = functions
    instance._wasm_global_names = [(None, SimpleNamespace(name=name)) for name in globals_]
    return instance


def run(artifact: bytes, tier: str) -> int:
    """Run `_start` to its end and return the guest's exit code."""
    sys.setrecursionlimit(DEPTH_MAX)
    guest: list[Any] = []
    answers: dict[str, tuple[Callable[..., Any], int, Any]] = {
        "fd_read": (_callback(guest, "fd_read"), 4, ir.i32),
        "fd_write": (_callback(guest, "fd_write"), 4, ir.i32),
        "proc_exit": (proc_exit, 1, None),
        "unreachable": (unreachable, 0, None),
    }
    functions = {name: declare(*answer, tier) for name, answer in answers.items()}
    runtime.unreachable = functions["unreachable"]
    module, made = pickle.loads(artifact)
    # Its `instantiate` compiles each time, and has a cache that is switched off.
    _instantiate.native_instantiate = lambda _module, symbols, *_: load(made, symbols)
    try:
        guest.append(instantiate(Module(module), {WASI: functions}, target=tier))
    except (Exit, Trap):
        raise
    except Exception as error:
        raise Rejected(repr(error)) from None
    try:
        guest[0].exports["_start"]()
    except Exit as end:
        return int(end.args[0])
    except Trap:
        raise
    except Exception as error:  # it traps by whatever Python raises
        raise Trap(repr(error)) from None
    return 0


def _callback(guest: list[Any], name: str) -> Callable[..., int]:
    def call(*arguments: int) -> int:
        unsigned = [argument & 0xFFFFFFFF for argument in arguments]
        return transfer(_memory(guest[0]), CALLS[name], *unsigned)

    return call


def _memory(instance: Any) -> memoryview:
    """The guest's memory, at the end of a heap in tier `python`, pages of its own in the other."""
    if hasattr(instance, "_memory_data_page"):
        return memoryview(instance._memory_data_page._page)
    heap = instance._py_module
    start = instance.mem0_start - (heap._irpy_heap_top() - len(heap._irpy_heap))
    size = instance.memory_size() * PAGE_BYTES
    return memoryview(heap._irpy_heap)[start : start + size]


def unreachable() -> None:
    """What the instruction does."""
    raise Trap("unreachable")


def end_process(function: Callable[..., Any]) -> Callable[..., Any]:
    """For what machine code calls, which no exception can leave: this process ends instead."""

    def call(*arguments: int) -> Any:
        try:
            return function(*arguments)
        except Exit as end:
            code = int(end.args[0])
        except Exception as trap:
            code = say(134, "trap", trap)
        sys.stderr.flush()
        os._exit(code)

    return call


def declare(function: Callable[..., Any], count: int, result: Any, tier: str) -> Callable[..., Any]:
    """Give `function` the signature that ppci looks at: `count` parameters, all of type i32."""
    finished = end_process(function) if tier == "native" else function

    def call(*arguments: int) -> Any:
        return finished(*arguments)

    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(f"p{i}", kind, annotation=ir.i32) for i in range(count)]
    signature = inspect.Signature(parameters, return_annotation=result)
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def refuse_surplus_imports(module: bytes) -> None:
    """Raise `Rejected` unless `module` imports at most the three functions."""
    if module[:4] != b"\0asm":
        raise Rejected("not a wasm module: no magic number")
    try:
        at = 8
        while at < len(module):
            size, start = leb(module, at + 1)
            if module[at] == 2:
                check_imports(module, start)
            at = start + size
    except IndexError:
        raise Rejected("not a wasm module: cut short") from None


def check_imports(module: bytes, at: int) -> None:
    """Look at each entry of the import section that starts at `at`."""
    count, at = leb(module, at)
    for _ in range(count):
        source, at = name(module, at)
        field, at = name(module, at)
        if source != WASI or field not in IMPORTS or module[at] != 0:
            raise Rejected(f"imports {source}.{field}")
        _, at = leb(module, at + 1)


def name(module: bytes, at: int) -> tuple[str, int]:
    """The name at `at`, and where it ends."""
    size, at = leb(module, at)
    return module[at : at + size].decode("utf-8", "replace"), at + size


def leb(module: bytes, at: int) -> tuple[int, int]:
    """The unsigned number in LEB128 at `at`, and where it ends."""
    value = shift = 0
    while module[at] & 128:
        value |= (module[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | module[at] << shift, at + 1


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

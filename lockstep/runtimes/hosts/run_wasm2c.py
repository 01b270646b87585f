"""Runs a guest, a WASI command that needs only stdin and stdout, as C by wasm2c and a C compiler.

    python run_wasm2c.py [--tier gcc|clang|zig] MODULE

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.

Needs `run_wasm2c.c` beside it, wasm2c with its runtime, and the compiler of the tier: `gcc`,
`clang`, or the Zig in Python package `ziglang`.
"""

# ruff: noqa: N818, PTH100, PTH118, PTH120, PTH123 - an end is no error; a small script needs no pathlib

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

WASI = "wasi_snapshot_preview1"
IMPORTS = ("fd_read", "fd_write", "proc_exit")
ZIG = (sys.executable, "-m", "ziglang")
COMPILERS = {
    "gcc": ("gcc", "-frounding-math", "-fsignaling-nans"),
    "clang": ("clang", "-ffp-model=strict"),
    "zig": (*ZIG, "cc", "-fno-sanitize=all"),
}
LINKERS = {"gcc": ("gcc",), "clang": ("clang",), "zig": (*ZIG, "ld.lld")}
TIERS = tuple(COMPILERS)
FLAGS = ("-O2", "-g0", "-fPIC", "-w", "-ffp-contract=off", "-fno-optimize-sibling-calls")
OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_wasm2c.c")
WASM2C = shutil.which("wasm2c") or "wasm2c"
PREFIX = os.path.dirname(os.path.dirname(os.path.realpath(WASM2C)))
RUNTIME = os.path.join(PREFIX, "share", "wabt", "wasm2c")
INCLUDE = ("-I.", "-I" + RUNTIME, "-idirafter", os.path.join(PREFIX, "include"))
OBJECTS = ("guest.o", "run_wasm2c.o", "wasm-rt-impl.o")  # the rest is in the process already
TEXT_BYTES = 256
SAID_MAX = 1000


class Trap(Exception):
    """The guest trapped."""


class Rejected(Exception):
    """The module is not accepted."""


def call(folder: str, *command: str) -> str:
    """Run a compiler; what it says when it fails is why the module is not accepted."""
    ended = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = ended.stdout.decode("utf-8", "replace")
    if ended.returncode != 0:
        raise Rejected(said[:SAID_MAX] or f"{command[0]} ended with {ended.returncode}")
    return said


VERSION = call(".", WASM2C, "--version").strip()


def prepare(module: bytes, tier: str) -> bytes:
    """Compile `module` to a shared library, whose bytes are the artifact."""
    refuse_surplus_imports(module)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "guest.wasm"), "wb") as file:
            file.write(module)
        call(folder, WASM2C, "--module-name=guest", "guest.wasm", "-o", "guest.c")
        with open(os.path.join(folder, "guest.h")) as header:
            imports = import_flag(header.read())
        for source in ("guest.c", OURS, os.path.join(RUNTIME, "wasm-rt-impl.c")):
            call(folder, *COMPILERS[tier], *FLAGS, imports, *INCLUDE, "-c", source)
        call(folder, *LINKERS[tier], "-shared", *OBJECTS, "-o", "guest.so")
        with open(os.path.join(folder, "guest.so"), "rb") as file:
            return file.read()


def import_flag(header: str) -> str:
    """Look at what wasm2c declares; the flag that says whether the guest imports anything."""
    for name, mangled in (("_start", "Z_guestZ__start("), ("memory", "Z_guestZ_memory(")):
        if mangled not in header:
            raise Rejected(f"exports no {name}")
    return "-DIMPORTS" if f"Z_{WASI}_instance_t" in header else "-UIMPORTS"


def run(artifact: bytes, _tier: str) -> int:
    """Run `_start` to its end and return the guest's exit code."""
    library = os.memfd_create("guest")
    with os.fdopen(library, "wb", closefd=False) as file:
        file.write(artifact)
    guest = ctypes.CDLL(f"/proc/self/fd/{library}")
    guest.run.restype = ctypes.c_int64
    said = ctypes.create_string_buffer(TEXT_BYTES)
    code = int(guest.run(said, ctypes.c_size_t(TEXT_BYTES)))
    if code < 0:
        raise Trap(said.value.decode())
    if code > 125:
        raise Trap(f"exit code {ctypes.c_int32(code).value} is not in 0..125")
    return code


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

"""Programs in the place of `wasm-tools` and `wasm-opt`: what they do is plain, and asked for.

The mutator puts a `nop` in front of some function, which keeps what a module means, and leaves a
custom section. Of its seeds one in four applies nowhere (exit 3), one in four brings in a "later
proposal", which its `validate` refuses, and one in eight changes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lockstep.guest.wasm import Module
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.entries import local_types

NOP = 0x01
PARTS = """#!{python} -IS
import os, sys

def leb(data, at):
    value = shift = 0
    while True:
        byte = data[at]; at += 1
        value |= (byte & 127) << shift; shift += 7
        if byte < 128:
            return value, at

def u32(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128); value >>= 7
    return bytes([*out, value])

def sections(data):
    at = 8
    while at < len(data):
        number = data[at]
        size, at = leb(data, at + 1)
        yield number, data[at:at + size]
        at += size

def bodies(code):
    count, at = leb(code, 0)
    for _ in range(count):
        size, at = leb(code, at)
        yield code[at:at + size]
        at += size

def start(body):
    groups, at = leb(body, 0)
    for _ in range(groups):
        at = leb(body, at)[1] + 1
    return at

def joined(parts):
    return b'\\0asm\\1\\0\\0\\0' + b''.join(bytes([n]) + u32(len(d)) + d for n, d in parts)

def custom(name):
    return 0, u32(len(name)) + name

words = sys.argv[1:]
"""
MUTATOR = """
if words == ['--version']:
    print('wasm-tools 0.0.0 (fake)')
    sys.exit()
if words[0] == 'validate':
    assert words[1].startswith('--features=wasm1')
    sys.exit(b'later proposal' in open(words[2], 'rb').read())
assert words[:3] == ['mutate', '--preserve-semantics', '--seed'] and words[5] == '-o'
seed = int(words[3])
parts = list(sections(open(words[4], 'rb').read()))
if seed % 4 == 0:
    sys.exit(3)
where = next(i for i, part in enumerate(parts) if part[0] == 10)
functions = list(bodies(parts[where][1]))
done = sum(body[start(body)] == 1 for body in functions)
if seed % 8 != 2:
    free = [i for i, body in enumerate(functions) if body[start(body)] != 1]
    chosen = free[seed // 8 % len(free)]
    body, at = functions[chosen], start(functions[chosen])
    functions[chosen] = body[:at] + b'\\1' + body[at:]
    if done + 1 == {fault}:
        functions[{victim}] = b'\\0\\1\\x0b'
code = u32(len(functions)) + b''.join(u32(len(body)) + body for body in functions)
parts[where] = (10, code)
parts.append(custom(b'later proposal' if seed % 4 == 1 else b'made by'))
open(words[6], 'wb').write(joined(parts))
"""
OPTIMIZER = """
if words == ['--version']:
    print('wasm-opt version 0 (fake)')
    sys.exit()
assert words[0] == '--mvp-features' and words[-2] == '-o', words
if '{broken}':
    sys.exit('{broken}')
data = open(words[-3], 'rb').read()
open(words[-1], 'wb').write(joined([*sections(data), custom(words[-4].encode())]))
"""


def write(folder: Path, name: str, text: str) -> Path:
    """A program in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(PARTS.replace("{python}", sys.executable) + text)
    path.chmod(0o755)
    return path


def mutator(folder: Path, *, fault: int = 0, victim: int = 0) -> Path:
    """A `wasm-tools`; mutation number `fault` empties the code of function body `victim` too."""
    text = MUTATOR.replace("{fault}", str(fault)).replace("{victim}", str(victim))
    return write(folder, "wasm-tools", text)


def optimizer(folder: Path, *, broken: str = "") -> Path:
    """A `wasm-opt`, which fails with the words `broken` if there are any."""
    return write(folder, "wasm-opt", OPTIMIZER.replace("{broken}", broken))


def on_path(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Put `folder` before all others on PATH."""
    patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def hide(patch: pytest.MonkeyPatch, cache: Path) -> None:
    """Have neither tool on PATH nor in the cache."""
    names = ("wasm-tools", "wasm-opt")
    folders = os.environ["PATH"].split(os.pathsep)
    kept = [one for one in folders if not any((Path(one) / name).exists() for name in names)]
    patch.setenv("PATH", os.pathsep.join(kept))
    patch.setenv("LOCKSTEP_CACHE_DIR", str(cache))


def mutations(module: bytes) -> int:
    """How many mutations a module has of this mutator."""
    count = 0
    for body in Module.decode(module).bodies():
        reader = Reader(body.data, "body")
        local_types(reader)
        count += reader.byte() == NOP
    return count

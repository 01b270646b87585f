"""Small runtimes and hosts, each a Python script: what `lockstep.execute` needs of a runtime."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec

PYTHON = (sys.executable, "-I", "-S", "-c")
MODULE = Path("guest.wasm")

ECHO = """
import os, sys
size = sys.stdin.buffer.read(4)
while size:
    frame = size + sys.stdin.buffer.read(int.from_bytes(size, 'little'))
    os.write(1, frame)
    size = sys.stdin.buffer.read(4)
"""

# Reads as much as it can get, answers what is complete, and does `{act}` instead of answering
# an event whose body is `{word}`.
FILTER = """
import os, signal, sys, time
pending = b''
while True:
    data = os.read(0, {cut})
    if not data:
        sys.exit(65 if pending else 0)
    pending += data
    answers = b''
    while len(pending) >= 4 and len(pending) >= 4 + int.from_bytes(pending[:4], 'little'):
        end = 4 + int.from_bytes(pending[:4], 'little')
        frame, pending = pending[:end], pending[end:]
        if frame[4:] == b'{word}':
            {act}
        answers += frame
    while answers:
        answers = answers[os.write(1, answers):]
"""
TRAP = "sys.stderr.write('trap: unreachable\\n'); os._exit(134)"
CRASH = "os.kill(os.getpid(), signal.SIGSEGV)"
HANG = "time.sleep(1000)"

# Takes jobs as a host does; the first word of the job's stdin says what to do.
HOST = """
import json, os, sys, time
print(json.dumps({'ready': True, 'version': '1.0'}), flush=True)
hog = []
for line in sys.stdin:
    job = json.loads(line)
    data = open(job['stdin'], 'rb').read()
    with open(job['stdout'], 'wb') as out:
        out.write(data)
    answer = {'id': job['id'], 'end': 'exit', 'code': 0, 'cpu_s': 0.25}
    word = data.split(b' ')[0].decode('latin-1')
    if word == 'die':
        os.kill(os.getpid(), 11)
    if word == 'sleep':
        time.sleep(1000)
    if word == 'hog':
        hog.append(bytearray(b'x' * (300 << 20)))
        time.sleep(1000)
    if word == 'trap':
        answer.update(end='trap', code=134, text='integer divide by zero')
    if word == 'flood':
        answer.update(end='limit', code=0, text='output')
    if word == 'stray':
        answer['id'] += 1
    if word == 'garbage':
        print('{"id": nonsense', flush=True)
    elif word == 'endless':
        print('x' * 100000, end='', flush=True)
    else:
        print(json.dumps(answer), flush=True)
"""


class Fake(msgspec.Struct, frozen=True):
    """A runtime by the commands that start it; a pair in `environment` is passed on."""

    filter: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    trap: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    spec: str = "fake"
    speed: str = "jit"
    load_s: float = 0.0

    @property
    def env(self) -> dict[str, str]:
        return dict(self.environment)

    @property
    def host(self) -> Fake:
        return self

    def module(self, module: Path) -> Path:
        return module

    def filter_command(self, _module: Path) -> list[str]:
        return [*self.filter]

    def serve_command(self) -> list[str] | None:
        return [*self.serve] or None

    def trap_kinds(self, text: str) -> frozenset[str]:
        return frozenset({"trap"} if self.trap and re.search(self.trap, text) else ())


def script(source: str, *words: str, **fields: str) -> Fake:
    """A runtime whose filter is the Python program `source`."""
    return Fake(filter=(*PYTHON, source, *words), **fields)


def misbehaving(word: str, act: str, cut: int = 1 << 16) -> Fake:
    """A filter that does `act` at the event `word` and reads at most `cut` bytes at once."""
    return script(FILTER.format(word=word, act=act, cut=cut))


def host(source: str = HOST) -> Fake:
    """A runtime whose host is the Python program `source`."""
    return Fake(serve=(*PYTHON, source))


def frame(body: bytes) -> bytes:
    """An event or observation frame around `body`."""
    return len(body).to_bytes(4, "little") + body

"""A runtime that lies on purpose: wasmtime, but for one observation. Whoever compares must notice.

    python canary.py --tier LIE[+on=WHAT][+at=N] MODULE

LIE is what comes instead of the right observation: outcome, state, actions, memory (another digest
report), garbled (bytes that are no observation), trap, crash, hang, memory-limit; or rejected,
which refuses every module. It comes at the N-th observation, from 0, of those that WHAT describes:
one with a `send`, `broadcast`, `set_timer`, `commit` or `report` action, one that is a `digest`
report, or an outcome's number. With N alone all are counted; with neither it is the first with a
`commit`, or the first `digest` for the lie `memory`.

Exits as the other hosts do, after a line `trap: TEXT`, `rejected: TEXT` or `host: TEXT` on stderr.
Needs `run_wasmtime.py` beside it.
"""

# ruff: noqa: PTH123 - a small script needs no pathlib

from __future__ import annotations

import argparse
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import run_wasmtime  # type: ignore[import-not-found]
from run_wasmtime import Rejected, Trap, say

VERSION = "1"
TRUE_TIER = "cranelift"
ACTIONS = {"send": 1, "broadcast": 2, "set_timer": 3, "commit": 4, "report": 5}
HEAD = struct.Struct("<IH32sH")  # size, outcome, state hash, action count
ACTION = struct.Struct("<BI")  # kind, size
OUTCOME, STATE, COUNT = 4, 6, 38  # where they are in a frame
MEMORY_STEP_BYTES, MEMORY_STEPS = 32 << 20, 96


def prepare(module: bytes, tier: str) -> bytes:
    """Compile `module` on the runtime that tells the truth."""
    if tier.partition("+")[0] == "rejected":
        raise Rejected("the canary refuses every module")
    artifact: bytes = run_wasmtime.prepare(module, TRUE_TIER)
    return artifact


def run(artifact: bytes, tier: str) -> int:
    """Run the guest in a thread, its stdout through here, and return its exit code."""
    lie, due = LIES[tier.partition("+")[0]], condition(tier)
    ended: list[int | Exception] = []
    reading, writing = os.pipe()
    truth = os.dup(1)
    os.dup2(writing, 1)
    os.close(writing)
    guest = threading.Thread(target=_run_guest, args=(artifact, ended), daemon=True)
    guest.start()
    with os.fdopen(truth, "wb") as out:
        for frame in frames(reading, out.flush):
            if due(frame):
                out.flush()
                frame = lie(frame)
            out.write(frame)
    guest.join()
    code = ended[0]
    if isinstance(code, Exception):
        raise code
    return code


def _run_guest(artifact: bytes, ended: list[int | Exception]) -> None:
    try:
        ended.append(run_wasmtime.run(artifact, TRUE_TIER))
    except Exception as error:
        ended.append(error)
    finally:
        os.close(1)


def frames(reading: int, before_read: Callable[[], object]) -> Iterator[bytes]:
    """The observations that come on fd `reading`, at last what is no whole one."""
    pending = bytearray()
    data = b"more"
    while data:
        before_read()
        data = os.read(reading, 1 << 16)
        pending += data
        start = 0
        while start + 4 <= len(pending):
            end = start + 4 + int.from_bytes(pending[start : start + 4], "little")
            if end > len(pending):
                break
            yield bytes(pending[start:end])
            start = end
        del pending[:start]
    yield bytes(pending)


def condition(tier: str) -> Callable[[bytes], bool]:
    """A function of each frame in turn: is this the one to lie about?"""
    kind, *options = tier.split("+")
    wanted = dict(option.split("=", 1) for option in options)
    usual = "digest" if kind == "memory" else "any" if "at" in wanted else "commit"
    on, left = wanted.get("on", usual), [int(wanted.get("at", 0))]

    def due(frame: bytes) -> bool:
        if not describes(on, frame):
            return False
        left[0] -= 1
        return left[0] == -1

    return due


def describes(on: str, frame: bytes) -> bool:
    """Whether `frame` is an observation as `on` wants it."""
    if len(frame) < HEAD.size:
        return False
    _, outcome, state, _ = HEAD.unpack_from(frame)
    said = actions(frame)
    if on == "any":
        return True
    if on == "digest":
        return outcome == 0 and state == bytes(32) and len(said) == 1 and is_digest(*said[0])
    return outcome == int(on) if on.isdigit() else ACTIONS[on] in (kind for kind, _ in said)


def actions(frame: bytes) -> list[tuple[int, bytes]]:
    """Kind and body of each action of `frame`."""
    found, at = [], HEAD.size
    while at + ACTION.size <= len(frame):
        kind, size = ACTION.unpack_from(frame, at)
        at += ACTION.size + size
        found.append((kind, frame[at - size : at]))
    return found


def is_digest(kind: int, body: bytes) -> bool:
    """Whether an action is a report of one 64-bit hash a page, behind the page count."""
    pages = int.from_bytes(body[:4], "little")
    return kind == ACTIONS["report"] and pages > 0 and len(body) == 4 + 8 * pages


def flipped(at: int) -> Callable[[bytes], bytes]:
    """A lie: one bit is another, `at` bytes from the start (or the end) of the frame."""

    def lie(frame: bytes) -> bytes:
        changed = bytearray(frame)
        changed[at] ^= 1
        return bytes(changed)

    return lie


def other_actions(frame: bytes) -> bytes:
    """A lie: the last byte of the last action is another, or there is an action where was none."""
    if len(frame) > HEAD.size + ACTION.size:
        return flipped(-1)(frame)
    size, outcome, state, count = HEAD.unpack_from(frame)
    said = ACTION.pack(ACTIONS["report"], 1) + b"!"
    return HEAD.pack(size + len(said), outcome, state, count + 1) + frame[HEAD.size :] + said


def garbled(frame: bytes) -> bytes:
    """A lie: an action count that no frame can hold."""
    return frame[:COUNT] + b"\xff\xff" + frame[COUNT + 2 :]


def trapped(_frame: bytes) -> NoReturn:
    """A lie: the guest trapped."""
    raise Trap("wasm `unreachable` instruction executed, says the canary")


def crashed(_frame: bytes) -> NoReturn:
    """A lie: the runtime crashed."""
    os.abort()


def hung(_frame: bytes) -> NoReturn:
    """A lie: nothing comes any more."""
    while True:
        time.sleep(3600)


def devoured(frame: bytes) -> NoReturn:
    """A lie: memory is eaten, 3 GiB at most, then nothing comes any more."""
    eaten = []
    for _ in range(MEMORY_STEPS):
        eaten.append(b"\x01" * MEMORY_STEP_BYTES)
        time.sleep(0.01)  # so that who watches sees it grow
    hung(frame)


LIES: dict[str, Callable[[bytes], bytes]] = {
    "outcome": flipped(OUTCOME),
    "state": flipped(STATE),
    "actions": other_actions,
    "memory": flipped(-1),
    "garbled": garbled,
    "trap": trapped,
    "crash": crashed,
    "hang": hung,
    "memory-limit": devoured,
}


def main() -> NoReturn:
    """Run the module that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tier", required=True)
    parser.add_argument("module")
    args = parser.parse_args()
    try:
        with open(args.module, "rb") as file:
            code: int = run(prepare(file.read(), args.tier), args.tier)
    except Trap as trap:
        code = say(134, "trap", trap)
    except Rejected as reason:
        code = say(126, "rejected", reason)
    except Exception as fault:
        code = say(127, "host", repr(fault))
    sys.stderr.flush()
    os._exit(code)  # the guest's thread may not have ended


if __name__ == "__main__":
    main()

"""Drives a guest with reads and writes cut as a test wants them, in this process or natively."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import subprocess
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from wasmtime import Caller, Engine, Func, FuncType, Linker, Memory, Module, Store, Trap, ValType


class Drive:
    """One run. `log` holds ("read", n) and ("write", n) in order; `code` stays None at a trap."""

    def __init__(self) -> None:
        self.output = b""
        self.log: list[tuple[str, int]] = []
        self.code: int | None = None
        self.trap = ""


class _ExitError(Exception):
    pass


class _Host(Drive):
    """The three imports: each read gives what is left of a piece, or answers `errno`."""

    def __init__(self, pieces: Iterable[bytes], write_bytes: int, errno: int) -> None:
        super().__init__()
        self.pieces, self.left = iter(pieces), b""
        self.write_bytes, self.errno = write_bytes, errno

    def fd_read(self, caller: Caller, fd: int, at: int, count: int, done: int) -> int:
        assert (fd, count) == (0, 1)
        memory, start, room = _buffer(caller, at)
        self.left = self.left or next(self.pieces, b"")
        given, self.left = self.left[:room], self.left[room:]
        memory.write(caller, given, start)
        memory.write(caller, struct.pack("<I", len(given)), done)
        self.log.append(("read", len(given)))
        return self.errno

    def fd_write(self, caller: Caller, fd: int, at: int, count: int, done: int) -> int:
        assert (fd, count) == (1, 1)
        memory, start, size = _buffer(caller, at)
        taken = min(size, self.write_bytes)
        self.output += memory.read(caller, start, start + taken)
        memory.write(caller, struct.pack("<I", taken), done)
        self.log.append(("write", taken))
        return 0

    def proc_exit(self, _caller: Caller, code: int) -> None:
        self.code = code
        raise _ExitError


def _buffer(caller: Caller, at: int) -> tuple[Memory, int, int]:
    memory = caller["memory"]
    assert isinstance(memory, Memory)
    start, size = struct.unpack("<II", memory.read(caller, at, at + 8))
    return memory, start, size


@cache
def _module(path: Path) -> tuple[Engine, Module]:
    engine = Engine()
    return engine, Module(engine, path.read_bytes())


def drive(
    path: Path, pieces: Iterable[bytes], *, write_bytes: int = 1 << 30, errno: int = 0
) -> Drive:
    """Run the module at `path` on wasmtime; each write takes at most `write_bytes`."""
    engine, module = _module(path)
    run, linker, store = _Host(pieces, write_bytes, errno), Linker(engine), Store(engine)
    i32 = ValType.i32
    for function in (run.fd_read, run.fd_write):
        kind = FuncType([i32()] * 4, [i32()])
        linker.define_func(
            "wasi_snapshot_preview1", function.__name__, kind, function, access_caller=True
        )
    kind = FuncType([i32()], [])
    linker.define_func("wasi_snapshot_preview1", "proc_exit", kind, run.proc_exit, True)
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, Func)
    try:
        start(store)
    except Trap as trap:
        run.trap = trap.message
    except _ExitError:
        pass
    return run


def drive_native(program: Path, pieces: Iterable[bytes]) -> Drive:
    """Run a native build; each read gives one piece, since they are the records of a socket."""
    run = Drive()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with subprocess.Popen([program], stdin=theirs.fileno(), stdout=subprocess.PIPE) as process:
        theirs.close()
        feeder = threading.Thread(target=_feed, args=(ours, list(pieces)))
        feeder.start()
        assert process.stdout is not None
        run.output = process.stdout.read()
        run.code = process.wait()
        feeder.join()
    return run


def _feed(ours: socket.socket, pieces: list[bytes]) -> None:
    with ours, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may leave early
        for piece in pieces:
            ours.sendall(piece)


def cut(stream: bytes, *places: int) -> list[bytes]:
    """The pieces of `stream` between `places`, none of them empty."""
    edges = [0, *places, len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    return [piece for piece in pieces if piece]

"""Runs a guest, a WASI command that needs only stdin and stdout, on SpiderMonkey in PythonMonkey.

    python run_pythonmonkey.py MODULE
    python run_pythonmonkey.py --serve

The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.

With `--serve` it takes jobs, one JSON object a line on stdin, and answers each in one line on
stdout: {id, module, stdin, stdout, stderr, output_bytes, reuse} -> {id, end, code, text, cpu_s}.
SpiderMonkey has threads, so jobs cannot be forked: each is a new instance in this process.
"""

# ruff: noqa: PTH116, PTH123 - a small script needs no pathlib

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any, NoReturn

import pythonmonkey  # type: ignore[import-not-found, unused-ignore]

VERSION = version("pythonmonkey")
MODULES_MAX = 16
TEXT_MAX = 4096
UNLIMITED = 1 << 62

# What is done next to the engine: check a module, answer the three functions, call `_start`. Every
# iovec is checked, then one part is transferred, since a short transfer is lawful. How a guest
# ended is a string, `end code text`: only plain values cross to Python unchanged.
SCRIPT = r"""
(read, write) => {
  const WASI = "wasi_snapshot_preview1";
  const IMPORTS = ["fd_read", "fd_write", "proc_exit"];
  const SUCCESS = 0, BADF = 8, FAULT = 21, IO = 29;
  const modules = new Map();

  const refusal = (module) => {
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
      if (from !== WASI || !IMPORTS.includes(name) || kind !== "function")
        return `imports ${from}.${name}`;
    const exports = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
    if (!exports.includes("function _start")) return "exports no _start";
    return exports.includes("memory memory") ? "" : "exports no memory";
  };

  const compile = (key, bytes) => {
    let module;
    try {
      module = new WebAssembly.Module(bytes);
    } catch (error) {
      const refused = error instanceof WebAssembly.CompileError;
      return `${refused ? "rejected 126" : "host 127"} ${error.message}`;
    }
    const text = refusal(module);
    if (text) return `rejected 126 ${text}`;
    modules.set(key, module);
    return "";
  };

  const run = (key) => {
    let memory, ended = "exit 0 ";
    const leave = (end) => { ended = end; throw leave; };
    const transfer = (fds, move) => (fd, vectors, count, result) => {
      [fd, vectors, count, result] = [fd >>> 0, vectors >>> 0, count >>> 0, result >>> 0];
      if (!fds.includes(fd)) return BADF;
      const size = memory.buffer.byteLength, view = new DataView(memory.buffer);
      if (vectors + 8 * count > size || result + 4 > size) return FAULT;
      let part = null;
      for (let at = vectors; at < vectors + 8 * count; at += 8) {
        const base = view.getUint32(at, true), length = view.getUint32(at + 4, true);
        if (base + length > size) return FAULT;
        if (length && !part) part = new Uint8Array(memory.buffer, base, length);
      }
      const done = part ? move(fd, part) : 0;
      if (done < 0) return done === -1 ? IO : leave("limit -25 output");
      view.setUint32(result, done, true);
      return SUCCESS;
    };
    const proc_exit = (code) =>
      leave(code >>> 0 > 125 ? `trap 134 exit code ${code} is not in 0..125` : `exit ${code} `);
    const imports = { fd_read: transfer([0], read), fd_write: transfer([1, 2], write), proc_exit };
    try {
      const { exports } = new WebAssembly.Instance(modules.get(key), { [WASI]: imports });
      memory = exports.memory;
      exports._start();
    } catch (error) {
      if (error === leave) return ended;
      const trapped = error instanceof WebAssembly.RuntimeError || error instanceof InternalError;
      const refused = error instanceof WebAssembly.LinkError || error instanceof RangeError;
      return `${trapped ? "trap 134" : refused ? "rejected 126" : "host 127"} ${error.message}`;
    }
    return ended;
  };
  return { compile, run, forget: (key) => modules.delete(key) };
}
"""


class Host:
    """SpiderMonkey, the descriptors of the guest that runs, and the modules that came by."""

    def __init__(self) -> None:
        self.fds: tuple[int, ...] = (0, 1, 2)
        self.room = UNLIMITED
        self.engine = pythonmonkey.eval(SCRIPT)(self.read, self.write)
        self.known: dict[str, None] = {}

    def read(self, fd: float, part: memoryview) -> int:
        """Read into the guest's memory: the number of bytes, or -1."""
        try:
            return os.readv(self.fds[int(fd)], [part])
        except OSError:
            return -1

    def write(self, fd: float, part: memoryview) -> int:
        """Write from the guest's memory: the number of bytes, -1, or -2 when it is too much."""
        self.room -= len(part)
        if self.room < 0:
            return -2
        try:
            return os.writev(self.fds[int(fd)], [part])
        except OSError:
            return -1

    def run(self, path: str) -> tuple[str, int, str]:
        """Run the module in file `path` to its end: end, code and text."""
        try:
            state = os.stat(path)
            key = f"{path} {state.st_size} {state.st_mtime_ns} {state.st_ino}"
            ended = self._known(key, path) or self.engine["run"](key)
        except Exception as fault:
            ended = f"host 127 {fault!r}"
        end, code, text = ended.split(" ", 2)
        return end, int(code), " ".join(text.split())[:TEXT_MAX]

    def _known(self, key: str, path: str) -> str:
        """Compile the module unless it is known; returns how that ended, empty when well."""
        if key in self.known:
            return ""
        with open(path, "rb") as file:
            ended = str(self.engine["compile"](key, bytearray(file.read())))
        if not ended:
            self.known[key] = None
        if len(self.known) > MODULES_MAX:
            self.engine["forget"](next(iter(self.known)))
            del self.known[next(iter(self.known))]
        return ended


def serve(host: Host) -> None:
    """Answer jobs until the end of stdin."""
    say({"ready": True, "version": VERSION})
    for line in sys.stdin:
        job, before_s = json.loads(line), time.process_time()
        end, code, text = run_job(host, job)
        cpu_s = time.process_time() - before_s
        say({"id": job["id"], "end": end, "code": code, "text": text, "cpu_s": cpu_s})


def run_job(host: Host, job: Any) -> tuple[str, int, str]:
    """Run one job on its files."""
    with ExitStack() as stack:
        modes = (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))
        files = [stack.enter_context(open(job[name], mode)) for name, mode in modes]
        host.fds, host.room = tuple(file.fileno() for file in files), job["output_bytes"]
        return host.run(job["module"])


def say(answer: Any) -> None:
    """Write one line of the control stream."""
    os.write(1, json.dumps(answer).encode() + b"\n")


def leave(code: int) -> NoReturn:
    """End the process at once: tearing the engine down takes long."""
    os._exit(code)


def main() -> NoReturn:
    """Run the module that the command line names, or serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("module", nargs="?")
    args = parser.parse_args()
    if args.serve:
        serve(Host())
        leave(0)
    end, code, text = Host().run(args.module)
    if end != "exit":
        os.write(2, f"\n{end}: {text}\n".encode())
    leave(code)


if __name__ == "__main__":
    main()

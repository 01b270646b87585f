// Runs a guest, a WASI command that needs only stdin and stdout, on V8 through Node.
//
//     node [--liftoff-only | --no-liftoff] run_v8.mjs MODULE
//     node [...] run_v8.mjs --serve
//
// The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
// trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
// stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.
//
// With `--serve` it takes jobs, one JSON object a line on stdin, and answers each in one line on
// stdout: {id, module, stdin, stdout, stderr, output_bytes, reuse} -> {id, end, code, text, cpu_s}.
// A module is compiled once where it is used again; each job has an instance of its own.

import fs from "node:fs";
import { constants } from "node:os";

const IMPORTS = new Set(["fd_read", "fd_write", "proc_exit"]);
const SUCCESS = 0, BADF = 8, FAULT = 21, IO = 29;
const CODES = { trap: 134, rejected: 126, host: 127 };

class End extends Error {
  constructor(end, code, text = "") {
    super(text);
    Object.assign(this, { end, code, text: text.replace(/\s+/g, " ").slice(0, 4096) });
  }
}

const ends = (end, text) => new End(end, CODES[end], text);

function compile(path) {
  let module;
  try {
    module = new WebAssembly.Module(fs.readFileSync(path));
  } catch (error) {
    throw error instanceof WebAssembly.CompileError ? ends("rejected", error.message) : error;
  }
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
    if (from !== "wasi_snapshot_preview1" || !IMPORTS.has(name) || kind !== "function")
      throw ends("rejected", `imports ${from}.${name}`);
  const exports = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
  for (const wanted of ["function _start", "memory memory"])
    if (!exports.includes(wanted)) throw ends("rejected", `exports no ${wanted.split(" ")[1]}`);
  return module;
}

// The guest's fds 0, 1 and 2 are `fds`; it may write `room` bytes.
function run(module, fds, room = Infinity) {
  let memory;
  // Check everything, then transfer once into or out of the first part that is not empty: a short
  // transfer is lawful. A read is retried while a non-blocking stdin has nothing.
  const transfer = (allowed, move) => (fd, vectors, count, result) => {
    [fd, vectors, count, result] = [fd >>> 0, vectors >>> 0, count >>> 0, result >>> 0];
    if (!allowed.includes(fd)) return BADF;
    const size = memory.buffer.byteLength;
    const view = new DataView(memory.buffer);
    if (vectors + 8 * count > size || result + 4 > size) return FAULT;
    let part = null;
    for (let at = vectors; at < vectors + 8 * count; at += 8) {
      const base = view.getUint32(at, true), length = view.getUint32(at + 4, true);
      if (base + length > size) return FAULT;
      if (length && !part) part = new Uint8Array(memory.buffer, base, length);
    }
    try {
      view.setUint32(result, part ? patiently(() => move(fds[fd], part)) : 0, true);
    } catch (error) {
      if (error instanceof End) throw error;
      return IO;
    }
    return SUCCESS;
  };
  const write = (fd, part) => {
    if ((room -= part.length) < 0) throw new End("limit", -constants.signals.SIGXFSZ, "output");
    return fs.writeSync(fd, part);
  };
  const proc_exit = (code) => {
    if (code >>> 0 > 125) throw ends("trap", `exit code ${code} is not in 0..125`);
    throw new End("exit", code);
  };
  const [fd_read, fd_write] = [transfer([0], fs.readSync), transfer([1, 2], write)];
  const imports = { wasi_snapshot_preview1: { fd_read, fd_write, proc_exit } };
  try {
    const { exports } = new WebAssembly.Instance(module, imports);
    memory = exports.memory;
    exports._start();
  } catch (error) {
    throw error instanceof End ? error : trap(error);
  }
  return new End("exit", 0);
}

function patiently(move) {
  for (;;) {
    try {
      return move();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

// Deep recursion is a RangeError, and so is a memory that cannot be had; a LinkError is an import of
// a wrong type.
function trap(error) {
  const trapped = error instanceof WebAssembly.RuntimeError || /call stack/.test(error.message);
  const refused = error instanceof WebAssembly.LinkError || error instanceof RangeError;
  return ends(trapped ? "trap" : refused ? "rejected" : "host", error.message);
}

function attempt(work) {
  try {
    return work();
  } catch (error) {
    return error instanceof End ? error : ends("host", String(error));
  }
}

function filter(path) {
  const { end, code, text } = attempt(() => run(compile(path), [0, 1, 2]));
  if (end !== "exit") fs.writeSync(2, `\n${end}: ${text}\n`);
  process.exit(code);
}

const compiled = new Map(); // path -> module, the oldest first

function reused(path) {
  const { size, mtimeNs, ino } = fs.statSync(path, { bigint: true });
  const key = `${path} ${size} ${mtimeNs} ${ino}`;
  if (!compiled.has(key)) compiled.set(key, compile(path));
  if (compiled.size > 16) compiled.delete(compiled.keys().next().value);
  return compiled.get(key);
}

function serve() {
  const say = (answer) => fs.writeSync(1, JSON.stringify(answer) + "\n");
  const { bun, deno, v8 } = process.versions; // Bun claims a V8, too
  say({ ready: true, version: bun ?? deno ?? v8 });
  for (const line of lines(0)) {
    const job = JSON.parse(line);
    const before = process.cpuUsage();
    const fds = [];
    const { end, code, text } = attempt(() => {
      fds.push(fs.openSync(job.stdin, "r"));
      fds.push(fs.openSync(job.stdout, "w"), fs.openSync(job.stderr, "w"));
      return run(job.reuse ? reused(job.module) : compile(job.module), fds, job.output_bytes);
    });
    fds.forEach(fs.closeSync);
    const { user, system } = process.cpuUsage(before);
    say({ id: job.id, end, code, text, cpu_s: (user + system) / 1e6 });
  }
}

function* lines(fd) {
  const chunk = Buffer.alloc(65536);
  let rest = "";
  for (let size; (size = patiently(() => fs.readSync(fd, chunk))); ) {
    const parts = (rest + chunk.toString("utf8", 0, size)).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}

if (process.argv[2] === "--serve") serve();
else filter(process.argv[2]);

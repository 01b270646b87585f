"""A runtime that is wrong about one thing: modules that hold certain bytes.

    python picky.py HOST BYTES MODULE

HOST is that of wasmtime, which is right; BYTES are in hex.
"""

import subprocess
import sys
from pathlib import Path

host, pattern, module = sys.argv[1:]
command = [sys.executable, host, "--tier", "winch", module]
done = subprocess.run(command, stdin=sys.stdin.buffer, capture_output=True)
output = bytearray(done.stdout)
if bytes.fromhex(pattern) in Path(module).read_bytes():
    output[4] ^= 1  # the outcome of the first event
sys.stdout.buffer.write(output)
sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)

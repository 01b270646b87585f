"""Build the modules that are kept in the repository, and their SHA256SUMS.

Writes them; with `--check` compares them with what is there, and exits 1 when a byte differs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from lockstep.guest.build import build

ROOT = Path(__file__).parents[1]
KEPT = {
    ROOT / "lockstep" / "guest" / "modules": ("hotstuff", "probe"),
    ROOT / "corpus" / "guests": ("copysign", "echo", "memgrow", "overwrite", "register"),
}


def fresh() -> dict[Path, bytes]:
    """What each kept file should hold, built now."""
    files: dict[Path, bytes] = {}
    for folder, names in KEPT.items():
        modules = {f"{name}.wasm": build(name).read_bytes() for name in names}
        sums = [f"{hashlib.sha256(b).hexdigest()}  {name}\n" for name, b in modules.items()]
        files |= {folder / name: module for name, module in modules.items()}
        files[folder / "SHA256SUMS"] = "".join(sums).encode()
    return files


def stale(files: dict[Path, bytes]) -> list[Path]:
    """Which of `files` are not there, or hold something else."""
    return [path for path, content in files.items() if _content(path) != content]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    files = fresh()
    differing = stale(files)
    for path in differing:
        print(f"{'differs' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[path])
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())

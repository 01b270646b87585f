"""The folder of finds: one folder a fingerprint, written whole or not at all.

.lockstep/finds/3f9a1c0d2b4e5f60/
    reproducer.trace    the reduced trace
    original.trace      the trace as it was met
    guest.wasm          the module
    report.txt          what a maintainer needs
    program.wast        of a find on a program: the program alone, and what is right
    inside/             the same inside consensus: a reproducer and the module, where it shows there
    before.wasm         of a find on a chain of mutations: the guest before the one that exposes it,
    after.wasm          and behind it, see `lockstep/campaign/expose.py`
    program.tree        the same as lockstep has it, see `lockstep/program/notation.py`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lockstep import trace as traces
from lockstep.errors import UnknownNameError, UsageError
from lockstep.files import folder_atomically
from lockstep.trace import Trace
from lockstep.trace.writer import Comments

REPRODUCER, ORIGINAL, MODULE, REPORT = (
    "reproducer.trace",
    "original.trace",
    "guest.wasm",
    "report.txt",
)


def write(
    folder: Path,
    reproducer: Trace,
    original: Trace,
    module: bytes,
    report: str,
    comments: Comments | None = None,
    more: Mapping[str, str | bytes] = MappingProxyType({}),
) -> None:
    """Write a find to `folder`, in the place of an older one of the same fingerprint."""
    with folder_atomically(folder) as fresh:
        (fresh / REPRODUCER).write_text(traces.dumps(reproducer, comments))
        (fresh / ORIGINAL).write_text(traces.dumps(original, comments))
        (fresh / MODULE).write_bytes(module)
        (fresh / REPORT).write_text(report)
        for name, data in more.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_bytes(data.encode() if isinstance(data, str) else data)


def known(output: Path, fingerprint: str) -> bool:
    """Whether a find of this fingerprint is there already."""
    return (output / fingerprint / REPRODUCER).is_file()


def locate(text: str, output: Path) -> list[Path]:
    """The trace files that `text` means: a file, a folder, or the beginning of a find's id."""
    path = Path(text)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _in_folder(path)
    folders = sorted(f.name for f in output.glob("*") if (f / REPRODUCER).is_file())
    name = named(text, folders)
    if not name:
        error = UnknownNameError("trace file, folder or find", text, folders)
        hint = error.hint if folders else f"there are no finds in {output}"
        raise UsageError(error.message, hint=hint)
    return [output / name / REPRODUCER]


def named(text: str, names: Sequence[str]) -> str:
    """The one of `names` that begins with `text`; empty for none, `UsageError` for several."""
    fitting = [name for name in names if text and name.startswith(text)]
    if len(fitting) > 1:
        raise UsageError(
            f"`{text}` fits {len(fitting)} finds: {', '.join(fitting)}", hint="say more of it"
        )
    return fitting[0] if fitting else ""


def _in_folder(path: Path) -> list[Path]:
    """The traces of a folder; of a find's folder the reproducer, since it stands for both."""
    reproducers = sorted(path.rglob(REPRODUCER))
    others = [p for p in sorted(path.rglob("*.trace")) if p.name not in (REPRODUCER, ORIGINAL)]
    found = sorted([*reproducers, *others])
    if not found:
        raise UsageError(f"{path}: no traces in this folder", hint="traces are files `*.trace`")
    return found

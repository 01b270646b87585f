"""A trace as a folder that needs no lockstep: the module, what goes in, what must come out."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from lockstep.files import folder_atomically
from lockstep.judge import Judgement
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace

MODULE, EVENTS, EXPECTED, README = "guest.wasm", "events.bin", "expected.bin", "README"


class Line(msgspec.Struct, frozen=True):
    """A runtime and the shell line that shows what it does; exits 0 when it is as expected."""

    runtime: str
    command: str


def export(
    folder: Path, trace: Trace, module: bytes, judged: Judgement, runtimes: Sequence[Runtime]
) -> list[Line]:
    """Write the folder; gives one line a runtime, to be run inside of it.

    On a tie each group's output stands beside the others and none is called expected.
    """
    with folder_atomically(folder) as fresh:
        (fresh / MODULE).write_bytes(module)
        (fresh / EVENTS).write_bytes(trace.stdin())
        names = _outputs(fresh, judged, runtimes)
        hosts = {host for runtime in runtimes for host in runtime.host_files()}
        for host in sorted(hosts):
            shutil.copy(host, fresh / host.name)
        lines = [line for runtime in runtimes for line in _line(runtime, names)]
        (fresh / README).write_text(_readme(trace, judged, names, lines))
    return lines


def _outputs(folder: Path, judged: Judgement, runtimes: Sequence[Runtime]) -> dict[str, str]:
    """Write the outputs; by name of runtime, the file that it is compared with."""
    found = judged.divergence
    if found is None or found.suspects or not judged.runs:
        (folder / EXPECTED).write_bytes(b"".join(judged.frames))
        return {runtime.name: EXPECTED for runtime in runtimes}
    names: dict[str, str] = {}
    for number, group in enumerate(found.groups, 1):
        for name in group.names:
            if name in judged.runs:
                (folder / f"group-{number}.bin").write_bytes(judged.runs[name].output)
                names[name] = f"group-{number}.bin"
    return names


def _line(runtime: Runtime, names: dict[str, str]) -> list[Line]:
    """The line of a runtime, none where it would not run without lockstep."""
    words = runtime.export_command(MODULE)
    if words is None:
        return []
    command = f"{shlex.join(words)} < {EVENTS} | cmp - {names.get(runtime.name, EXPECTED)}"
    return [Line(runtime.spec, command)]


def _readme(trace: Trace, judged: Judgement, names: dict[str, str], lines: Sequence[Line]) -> str:
    found = judged.divergence
    text = [
        f"{MODULE} is a WASI preview 1 command that reads {EVENTS} on stdin.",
        "A runtime is right when its stdout is the file behind `cmp -`; then the line exits 0.",
        f"guest {trace.header.guest}, SHA-256 {trace.header.sha256}, {len(trace.events)} events",
    ]
    if found is not None:
        text.append(f"{found.kind} differs at event {found.index}")
        text.append(f"suspects: {', '.join(found.suspects) or 'none, the lineages tie'}")
        text += [f"  {', '.join(group.names)}: {group.answer}" for group in found.groups]
    if len(set(names.values())) > 1:
        text.append("No output is called expected: the lineages tie.")
    for line in lines:
        text += ["", f"# {line.runtime}", line.command]
    return "\n".join(text) + "\n"

"""`report.txt`: what a maintainer needs to act on a find, without lockstep."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence

import msgspec

from lockstep import __version__
from lockstep.judge import Judgement
from lockstep.processor import cpu_features
from lockstep.report.escape import plain
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace, event_line

EVENTS_MAX = 60
_MACHINE, _CPU = "machine: ", "CPU features: "


class Environment(msgspec.Struct, frozen=True):
    """Where something was seen; `binaries` are SHA-256 sums by the spec of a runtime."""

    machine: str
    cpu: str
    binaries: Mapping[str, str]


def environment(runtimes: Sequence[Runtime]) -> Environment:
    """This machine, with these runtimes."""
    machine = f"{platform.system()} {platform.release()} {platform.machine()}"
    return Environment(machine, cpu_features(), {rt.spec: rt.sha256 for rt in runtimes})


def environment_of(report: str) -> Environment | None:
    """What a `report.txt` says of the machine on which it was made; None where it says nothing."""
    machine = re.search(rf"^{_MACHINE}(.+)$", report, re.MULTILINE)
    cpu = re.search(rf"^{_CPU}(.+)$", report, re.MULTILINE)
    binaries = re.findall(r"^  (\S+) SHA-256 ([0-9a-f]{64})$", report, re.MULTILINE)
    if machine is None or cpu is None:
        return None
    return Environment(machine[1], cpu[1], dict(binaries))


def report_text(
    trace: Trace,
    judged: Judgement,
    runtimes: Sequence[Runtime],
    differences: Sequence[str],
    confirmed: str,
) -> str:
    """The report of a find, as plain text; `differences` say which fields of the state differ."""
    sections = [
        _summary(trace, judged, confirmed),
        _answers(judged),
        list(differences),
        _events(trace),
        _runtimes(runtimes),
        [
            "To see it without lockstep:",
            "  lockstep export reproducer.trace   writes a folder with a plain command a runtime",
        ],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _summary(trace: Trace, judged: Judgement, confirmed: str) -> list[str]:
    header, found = trace.header, judged.divergence
    if judged.violation is not None:
        what = f"invariant broken: {judged.violation.name}: {judged.violation.text}"
    elif found is not None:
        what = f"{found.kind} differs at event {found.index}"
    else:
        what = "nothing differs"
    return [
        what,
        f"fingerprint {judged.fingerprint}; {confirmed}",
        f"guest {header.guest}, SHA-256 {header.sha256}",
        f"found by lockstep {__version__}, seed {header.seed}, index {header.index}",
    ]


def _answers(judged: Judgement) -> list[str]:
    found = judged.divergence
    if found is None:
        return []
    lines = [f"suspects: {', '.join(found.suspects) or 'none, the lineages tie'}"]
    for group in found.groups:
        lineages = ", ".join(sorted(group.lineages))
        lines.append(f"  {', '.join(group.names)} [{lineages}]")
        lines.append(f"    {plain(str(group.answer))}")
    return lines


def _events(trace: Trace) -> list[str]:
    lines = [event_line(event) for event in trace.events]
    return ["events:", *(f"  {plain(line, 200)}" for line in lines[-EVENTS_MAX:])]


def _runtimes(runtimes: Sequence[Runtime]) -> list[str]:
    here = environment(runtimes)
    lines = [_MACHINE + here.machine, _CPU + here.cpu, "runtimes:"]
    return [*lines, *(f"  {spec} SHA-256 {sha256}" for spec, sha256 in here.binaries.items())]

"""Which field of the state differs: `inspect` on both sides, and what changed between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from deepdiff import DeepDiff

from lockstep import protocol
from lockstep.compare import Divergence
from lockstep.errors import LockstepError
from lockstep.execute.fleet import Fleet
from lockstep.protocol import Event
from lockstep.runtimes.model import Runtime

DIFFERENCES_MAX = 20


def differing_state(
    module: Path, events: Sequence[Event], found: Divergence, runtimes: Sequence[Runtime]
) -> list[str]:
    """Lines that name the fields in which the first two groups differ behind the divergence.

    Empty where there is no state to compare: an end of the process, or only one group at hand.
    """
    by_name = {runtime.name: runtime for runtime in runtimes}
    sides = [[by_name[n] for n in group.names if n in by_name][:1] for group in found.groups]
    chosen = [side[0] for side in sides if side][:2]
    if found.event is None or len(chosen) < 2:
        return []
    node = found.event.node
    asked = [*events[: found.index + 1], protocol.inspect(node)]
    with Fleet(chosen, jobs=1, keeps=True) as fleet:
        states = [_inspected(fleet, runtime, module, asked) for runtime in chosen]
    if None in states:
        return []
    lines = list(state_differences(*states))
    return [f"state of node {node}, {chosen[0].name} -> {chosen[1].name}:", *lines] if lines else []


def _inspected(fleet: Fleet, runtime: Runtime, module: Path, events: Sequence[Event]) -> object:
    output = fleet.run(runtime, module, protocol.encode_events(events)).output
    frames, _ = protocol.split_frames(output)
    try:
        report = protocol.report_of(protocol.decode_observation(frames[-1]))
        return msgspec.json.decode(report)
    except (LockstepError, msgspec.MsgspecError, IndexError):
        return None


def state_differences(one: object, other: object) -> Iterator[str]:
    """The fields that differ, one line each."""
    different = DeepDiff(one, other, verbose_level=2).to_dict()
    lines = []
    for change, places in different.items():
        for place in places:
            values = places[place] if isinstance(places, dict) else ""
            lines.append(f"  {change} {place}: {str(values)[:160]}")
    yield from lines[:DIFFERENCES_MAX]
    if len(lines) > DIFFERENCES_MAX:
        yield f"  and {len(lines) - DIFFERENCES_MAX} more"

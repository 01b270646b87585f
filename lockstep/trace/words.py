"""How an event is spelled in a trace file: one table, for writing and for reading."""

from __future__ import annotations

from lockstep.protocol import EventKind

NAMES = {int(kind): kind.name.lower() for kind in EventKind}
KINDS = {name: kind for kind, name in NAMES.items()}

# One row a kind: the fixed fields in front of the body, as (name, struct format).
FIELDS: dict[int, tuple[tuple[str, str], ...]] = {
    EventKind.DELIVER: (("from", "H"),),
    EventKind.TIMEOUT: (("view", "Q"),),
    EventKind.COMMAND: (("client", "Q"), ("sequence", "Q")),
    EventKind.FORGE: (("mutation", "H"), ("choice", "Q")),
}


def kind_name(kind: int) -> str:
    """The word of an event kind, `kind-42` for one that nobody knows."""
    return NAMES.get(kind, f"kind-{kind}")

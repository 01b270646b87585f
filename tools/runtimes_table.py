"""Writes the table of engines of `lockstep runtimes --json` into README.md.

    python tools/runtimes_table.py            write it
    python tools/runtimes_table.py --check    exit 1 where it is not what stands there

It is about what lockstep knows, not about what is installed: the same on every machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from lockstep.campaign.plan import EVERY
from lockstep.runtimes.features import summary
from lockstep.runtimes.listing import EngineFacts, TierFacts, engines

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- runtimes: by tools/runtimes_table.py -->\n", "<!-- end of runtimes -->\n"
HEAD = (
    "| engine | tiers | lineage | WebAssembly | judges | get it with |\n|---|---|---|---|---|---|\n"
)


def table() -> str:
    """The rows, one for each engine and lineage."""
    return HEAD + "".join(line for engine in engines() for line in _lines(engine))


def _lines(engine: EngineFacts) -> Iterator[str]:
    name = f"{engine.name} {engine.version}".strip()
    first = f"{name} ({engine.about})" if engine.about else name
    remedy = f"`{engine.remedy}`"
    for (lineage, features, speed), tiers in groupby(engine.tiers, _alike):
        names = ", ".join(tier.tier for tier in tiers)
        judges = f"one in {EVERY[speed]}" if EVERY[speed] > 1 else "every trace"
        judges = judges if engine.in_all else f"{judges}, on request"
        yield f"| {first} | {names} | {lineage} | {summary(features)} | {judges} | {remedy} |\n"
        first = remedy = ""


def _alike(tier: TierFacts) -> tuple[str, tuple[str, ...], str]:
    return tier.lineage, tier.features, tier.speed


def written(text: str) -> str:
    """`text` with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def main() -> int:
    """Write the table, or with `--check` say whether it is there."""
    text = README.read_text()
    if "--check" in sys.argv[1:]:
        return int(written(text) != text)
    README.write_text(written(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())

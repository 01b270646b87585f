"""What is known of every engine as plain data, for tables and for other programs.

`engines` is what lockstep knows, the same on every machine; `runtimes` is what this machine has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lockstep.lawful import LAWFUL, Lawful
from lockstep.runtimes import registry
from lockstep.runtimes.install.recipes import RECIPES
from lockstep.runtimes.model import Missing, Row, Runtime, Speed, Tier


class TierFacts(msgspec.Struct, frozen=True):
    """One tier; `features` are those of the engine's `version`."""

    tier: str
    lineage: str
    speed: Speed
    features: tuple[str, ...]
    note: str
    since: str


class Limit(msgspec.Struct, frozen=True):
    """A case of the conformance test that an engine answers in its own way."""

    case: str
    answer: str
    reason: str


class EngineFacts(msgspec.Struct, frozen=True):
    """One engine. `client` is whose package it comes from, `remedy` the command that gets it.

    `limits` and `unfit` say what keeps it from the usual answers of the conformance test.
    """

    name: str
    about: str
    version: str
    client: str
    remedy: str
    in_all: bool
    tiers: tuple[TierFacts, ...]
    limits: tuple[Limit, ...]
    unfit: str


class Here(msgspec.Struct, frozen=True):
    """A tier that runs on this machine; `sha256` is that of the engine's binary."""

    name: str
    version: str
    tier: str
    lineage: str
    speed: Speed
    features: tuple[str, ...]
    ways: tuple[str, ...]
    in_all: bool
    limits: tuple[Limit, ...]
    sha256: str
    found: str


class Facts(msgspec.Struct, frozen=True):
    """All of it. `lawful` are the differences that no runtime is blamed for."""

    engines: tuple[EngineFacts, ...]
    runtimes: tuple[Here, ...]
    missing: tuple[Missing, ...]
    lawful: tuple[Lawful, ...]


def facts(settings: Mapping[str, Any] | None = None) -> Facts:
    """What is known of the rows of lockstep and those of `settings`, and of this machine."""
    there, missing = registry.available(settings)
    rows = registry.table(settings)
    return Facts(
        tuple(map(_engine, rows.values())),
        tuple(_here(runtime) for runtime in there),
        tuple(missing),
        LAWFUL,
    )


def engines() -> tuple[EngineFacts, ...]:
    """What lockstep knows of its own engines."""
    return tuple(map(_engine, registry.table().values()))


def _engine(row: Row) -> EngineFacts:
    recipe = RECIPES.get(row.engine)
    return EngineFacts(
        row.engine,
        row.about,
        version=row.probed or (recipe.version if recipe else ""),
        client=recipe.client if recipe else "",
        remedy=row.remedy,
        in_all=row.in_all,
        tiers=tuple(map(_tier, row.tiers)),
        limits=_limits(row),
        unfit=row.unfit,
    )


def _tier(tier: Tier) -> TierFacts:
    features = tuple(sorted(tier.features))
    return TierFacts(tier.name, tier.lineage, tier.speed, features, tier.note, tier.since)


def _here(runtime: Runtime) -> Here:
    return Here(
        runtime.engine,
        runtime.version,
        runtime.tier,
        runtime.lineage,
        runtime.speed,
        features=tuple(sorted(runtime.features)),
        ways=("filter", "serve") if runtime.serve_command() else ("filter",),
        in_all=runtime.in_all,
        limits=_limits(runtime),
        sha256=runtime.sha256,
        found=runtime.place.found,
    )


def _limits(known: Row | Runtime) -> tuple[Limit, ...]:
    return tuple(Limit(quirk.case, quirk.instead, quirk.reason) for quirk in known.quirks)

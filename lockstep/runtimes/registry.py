"""Names become runtimes: `all`, or a list of `engine[@version][:tier][+option=value]...`.

wasmtime                    the engine's default tier
wasmtime:*                  all of its tiers
v8:liftoff,wasm3@0.5.0      two of them, the second only in that version
canary:trap+at=17           a tier with an option
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from lockstep.errors import RuntimeUnavailableError, UnknownNameError, UsageError
from lockstep.runtimes import built, own
from lockstep.runtimes.model import Absent, Missing, Place, Row, Runtime, Tier
from lockstep.runtimes.rows import ROWS

ALL, EVERY_TIER = "all", "*"


class Wish(msgspec.Struct, frozen=True):
    """One name of a list, taken apart; empty where it does not say."""

    engine: str
    version: str
    tier: str
    options: tuple[tuple[str, str], ...]


def available(settings: Mapping[str, Any] | None = None) -> tuple[list[Runtime], list[Missing]]:
    """Every tier that can be run here, and every engine that cannot."""
    there: list[Runtime] = []
    missing: list[Missing] = []
    for row in table(settings).values():
        try:
            place = _place(row)
        except Absent as absent:
            missing.append(Missing(row.engine, str(absent), row.remedy))
            continue
        there += [_runtime(row, tier, place) for tier in row.tiers if tier.is_in(place.version)]
        missing += [
            Missing(f"{row.engine}:{tier.name}", _too_old(row, tier, place), row.remedy)
            for tier in row.tiers
            if not tier.is_in(place.version)
        ]
    return there, missing


def select(text: str, settings: Mapping[str, Any] | None = None) -> list[Runtime]:
    """The runtimes that `text` names, in its order and each once.

    Raises `UnknownNameError` for a name that is none, `RuntimeUnavailableError` for one that is
    not here.
    """
    rows = table(settings)
    chosen: list[Runtime] = []
    for name in text.split(","):
        if name.strip() == ALL:
            chosen += [runtime for runtime in available(settings)[0] if runtime.in_all]
        else:
            chosen += _chosen(_parse(name.strip()), rows)
    return list(dict.fromkeys(chosen))


def table(settings: Mapping[str, Any] | None = None) -> dict[str, Row]:
    """All rows by engine, the user's own behind ours."""
    rows = {row.engine: row for row in (*ROWS, *built.ROWS)}
    return rows | {row.engine: row for row in own.rows(settings or {}, rows)}


def _parse(name: str) -> Wish:
    head, *options = name.split("+")
    engine, _, tier = head.partition(":")
    engine, _, version = engine.partition("@")
    pairs = []
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise UsageError(
                f"`+{option}` in runtime `{name}` has no value", hint="as in `canary:trap+at=17`"
            )
        pairs.append((key, value))
    return Wish(engine, version, tier, tuple(pairs))


def _chosen(wish: Wish, rows: Mapping[str, Row]) -> list[Runtime]:
    if wish.engine not in rows:
        raise UnknownNameError("runtime", wish.engine, [*rows, ALL])
    row = rows[wish.engine]
    tiers = {tier.name: tier for tier in row.tiers}
    if wish.tier and wish.tier not in (*tiers, EVERY_TIER):
        raise UnknownNameError(f"tier of {row.engine}", wish.tier, [*tiers, EVERY_TIER])
    _check_options(row, wish.options)
    place = _there(row, wish.version)
    if wish.tier == EVERY_TIER:
        wanted = [tier for tier in row.tiers if tier.is_in(place.version)]
    else:
        wanted = [tiers[wish.tier or row.tiers[0].name]]
    for tier in wanted:
        if not tier.is_in(place.version):
            raise RuntimeUnavailableError(
                f"runtime `{row.engine}:{tier.name}` is not available: "
                f"{_too_old(row, tier, place)}",
                hint=f"`{row.remedy}`",
            )
    return [_runtime(row, tier, place, wish.options) for tier in wanted]


def _check_options(row: Row, options: tuple[tuple[str, str], ...]) -> None:
    known = dict(row.options)
    for key, value in options:
        if key not in known:
            raise UnknownNameError(f"option of {row.engine}", key, known)
        if not re.fullmatch(known[key], value):
            raise UsageError(
                f"option `{key}` of {row.engine} cannot be `{value}`",
                hint=f"it takes {known[key]}",
            )


def _there(row: Row, version: str) -> Place:
    """The engine in that version, or in any; the only place that knows how many are here."""
    try:
        place = _place(row)
    except Absent as absent:
        raise RuntimeUnavailableError(
            f"runtime `{row.engine}` is not available: {absent}", hint=f"`{row.remedy}`"
        ) from None
    if version and version != place.version:
        raise RuntimeUnavailableError(
            f"{row.engine} {version} is not installed, {place.version or 'no version'} is",
            hint=f"`{row.engine}` without `@{version}` takes the one that is installed",
        )
    return place


def _too_old(row: Row, tier: Tier, place: Place) -> str:
    return f"it needs {row.engine} {tier.since}, {place.version} is installed"


@functools.cache
def _place(row: Row) -> Place:
    return row.find()


def _runtime(
    row: Row, tier: Tier, place: Place, options: tuple[tuple[str, str], ...] = ()
) -> Runtime:
    return Runtime(
        engine=row.engine,
        version=place.version,
        tier="+".join([tier.name, *(f"{key}={value}" for key, value in options)]),
        lineage=tier.lineage,
        speed=tier.speed,
        in_all=row.in_all,
        digests=row.digests,
        traps=row.traps,
        quirks=row.quirks,
        place=place,
        flags=tier.flags,
    )

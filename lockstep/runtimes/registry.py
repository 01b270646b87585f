"""Names become runtimes: `all`, or a list of `engine[@version][:tier][+option=value]...`.

wasmtime                    the engine's default tier
wasmtime:*                  all of its tiers
wasmtime@20.0.0             in that version, installed here or into the cache
v8:liftoff,wasm3@0.5.0      two of them, the second only in that version
canary:trap+at=17           a tier with an option
v8:liftoff+variant=small.mvp  on a variant of the guest, see `guest/variants.py`
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from lockstep.errors import RuntimeUnavailableError, UnknownNameError, UsageError
from lockstep.guest import variants
from lockstep.runtimes import built, kept, own
from lockstep.runtimes.kept import Kept
from lockstep.runtimes.model import Absent, Missing, Place, Row, Runtime, Tier, version_key
from lockstep.runtimes.rows import ROWS

ALL, EVERY_TIER = "all", "*"
VARIANT = "variant"
ANYWHERE = ((VARIANT, variants.PATTERN),)
"""Options of every runtime."""


class Wish(msgspec.Struct, frozen=True):
    """One name of a list, taken apart; empty where it does not say."""

    engine: str
    version: str
    tier: str
    options: tuple[tuple[str, str], ...]


def available(settings: Mapping[str, Any] | None = None) -> tuple[list[Runtime], list[Missing]]:
    """Every tier that can be run here, in the newest version that has it, and what cannot."""
    there: list[Runtime] = []
    missing: list[Missing] = []
    for row in table(settings).values():
        try:
            places = _places(row)
        except Absent as absent:
            missing.append(Missing(row.engine, str(absent), row.remedy))
            continue
        for tier in row.tiers:
            if place := _newest(tier, places):
                there.append(_runtime(row, tier, place))
            else:
                why = places[0].lack(tier) or ""
                missing.append(Missing(f"{row.engine}:{tier.name}", why, row.remedy))
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
    return _told_apart(list(dict.fromkeys(chosen)))


def _told_apart(chosen: list[Runtime]) -> list[Runtime]:
    """Names must be unique: where two versions would share one, it carries the version."""
    names = Counter(runtime.name for runtime in chosen)
    return [msgspec.structs.replace(rt, among_versions=names[rt.name] > 1) for rt in chosen]


def kept_runtime(one: Kept, tier: str = "") -> Runtime:
    """What lies in the cache, as a runtime; raises `UnknownNameError` for a tier that is none.

    Raises `RuntimeUnavailableError` where that version lacks the tier or its files are gone.
    """
    row = table()[one.engine]
    _check_tier(row, tier)
    try:
        places = [row.kept(one.folder, one.version)] if row.kept else []
    except Absent as absent:
        raise RuntimeUnavailableError(f"{one.engine} {one.version}: {absent}") from None
    (runtime,) = _tiers(row, Wish(one.engine, one.version, tier, ()), places)
    return runtime


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
    _check_tier(row, wish.tier)
    _check_options(row, wish.options)
    return _tiers(row, wish, _there(row, wish.version))


def _tiers(row: Row, wish: Wish, places: Sequence[Place]) -> list[Runtime]:
    """The tiers that are wished for, each in the newest of `places` that has it."""
    if wish.tier == EVERY_TIER:
        wanted = [tier for tier in row.tiers if _newest(tier, places)]
    else:
        wanted = [tier for tier in row.tiers if tier.name == (wish.tier or row.tiers[0].name)]
    return [_runtime(row, tier, _with(row, tier, places), wish.options) for tier in wanted]


def _check_tier(row: Row, name: str) -> None:
    known = [tier.name for tier in row.tiers]
    if name and name not in (*known, EVERY_TIER):
        raise UnknownNameError(f"tier of {row.engine}", name, [*known, EVERY_TIER])


def _with(row: Row, tier: Tier, places: Sequence[Place]) -> Place:
    """The newest of `places` that has `tier`."""
    place = _newest(tier, places)
    if place is None:
        why = places[0].lack(tier) or ""
        raise RuntimeUnavailableError(
            f"runtime `{row.engine}:{tier.name}` is not available: {why}", hint=f"`{row.remedy}`"
        )
    return place


def _check_options(row: Row, options: tuple[tuple[str, str], ...]) -> None:
    known = dict((*row.options, *ANYWHERE))
    for key, value in options:
        if key not in known:
            raise UnknownNameError(f"option of {row.engine}", key, known)
        if not re.fullmatch(known[key], value):
            raise UsageError(
                f"option `{key}` of {row.engine} cannot be `{value}`",
                hint=f"it takes {known[key]}",
            )


def _there(row: Row, version: str) -> list[Place]:
    """Where the engine is in that version, or in any, the newest first."""
    try:
        places = _places(row)
    except Absent as absent:
        raise RuntimeUnavailableError(
            f"runtime `{row.engine}` is not available: {absent}", hint=f"`{row.remedy}`"
        ) from None
    fitting = [place for place in places if version in ("", place.version)]
    if not fitting:
        others = ", ".join(place.version or "no version" for place in places)
        remedy = f"`lockstep runtimes install {row.engine}@{version}`"
        raise RuntimeUnavailableError(
            f"{row.engine} {version} is not installed, but {others}",
            hint=remedy if row.kept else f"`{row.engine}` without `@{version}` takes what is there",
        )
    return fitting


def _places(row: Row) -> list[Place]:
    """The engine in each of its versions here, the newest first; raises `Absent` for none.

    What is installed beside lockstep comes before the same version in the cache.
    """
    places: list[Place] = []
    reasons: list[Absent] = []
    finders = [partial(_place, row)]
    finders += [partial(_kept_place, row, one) for one in kept.found(row.engine)]
    for find in finders:
        try:
            places.append(find())
        except Absent as absent:
            reasons.append(absent)
    if not places:
        raise reasons[-1]  # what is wrong in the cache, before what is elsewhere
    return sorted(places, key=lambda place: version_key(place.version), reverse=True)


def _kept_place(row: Row, one: Kept) -> Place:
    if damage := one.damage():
        raise Absent(damage)
    if row.kept is None:
        raise Absent(f"{one.folder} is of no engine that lockstep keeps")
    return msgspec.structs.replace(row.kept(one.folder, one.version), kept=True)


def _newest(tier: Tier, places: Sequence[Place]) -> Place | None:
    return next((place for place in places if not place.lack(tier)), None)


@functools.cache
def _place(row: Row) -> Place:
    return row.find()


def _runtime(
    row: Row, tier: Tier, place: Place, options: tuple[tuple[str, str], ...] = ()
) -> Runtime:
    own = [(key, value) for key, value in options if key != VARIANT]
    variant = dict(options).get(VARIANT, "")
    return Runtime(
        engine=row.engine,
        version=place.version,
        tier="+".join([tier.name, *(f"{key}={value}" for key, value in own)]),
        lineage=tier.lineage,  # whatever module it runs: one fault on twenty variants is one vote
        variant=variant,
        speed=tier.speed,
        in_all=row.in_all,
        digests=row.digests and not variant,
        traps=row.traps,
        quirks=row.quirks,
        place=place,
        flags=tier.flags,
        load_s=tier.load_s,
        remedy=kept.remedy(row.engine, place.version) if place.kept else row.remedy,
        told=tier.features if row.probed == place.version != "" else None,
    )

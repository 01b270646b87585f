"""What most commands begin with: a guest, some runtimes, and what the guest says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from lockstep.campaign.job import describe
from lockstep.campaign.plan import driver_of
from lockstep.config import Config
from lockstep.errors import (
    AbsentGuestError,
    GuestError,
    LockstepError,
    ProtocolError,
    UnknownNameError,
    UsageError,
)
from lockstep.execute.driver import Driver
from lockstep.execute.process import EarlyEnd
from lockstep.guest import audit, build, catalog, variants
from lockstep.guest.catalog import Guest
from lockstep.guest.needs import needs
from lockstep.guest.rewrite import used
from lockstep.guest.wasm import Module
from lockstep.guest.wasm.features import features
from lockstep.protocol import Description
from lockstep.runtimes import registry
from lockstep.runtimes.model import Missing, Runtime
from lockstep.runtimes.probe import starts
from lockstep.trace import Trace


class Setting(msgspec.Struct, frozen=True):
    """A guest and the runtimes to run it on; `missing` are those that `all` had to leave out."""

    guest: Guest
    runtimes: list[Runtime]
    missing: list[Missing]


def choose(guest: str, runtimes: str, config: Config) -> Setting:
    """Find a guest and runtimes by their names; raises a `UsageError` for what is not there."""
    found = catalog.find(guest)
    audit.require_guest(found.path)
    return for_guest(found, runtimes, config)


def for_guest(guest: Guest, runtimes: str, config: Config) -> Setting:
    """The runtimes of that list that can run `guest`; `all` leaves out what cannot, and says so."""
    chosen = registry.select(runtimes, config.runtimes)
    if registry.ALL not in runtimes.split(","):
        return Setting(guest, chosen, [])
    wanted = needs(guest)
    reasons = {runtime: _why_not(runtime, guest, wanted) for runtime in chosen}
    unfit = [Missing(rt.name, why, "name another guest") for rt, why in reasons.items() if why]
    missing = [*registry.available(config.runtimes)[1], *unfit]
    return Setting(guest, [rt for rt, why in reasons.items() if not why], missing)


def with_variants(
    setting: Setting, config: Config, seed: int, tell: Callable[[str], None]
) -> Setting:
    """One runtime more for each variant of the guest: the fast ones take them in turn.

    Which takes which, and the chains of mutations, are drawn from the campaign's `seed`. A kind of
    variant that cannot be made here is among the `missing`. `tell` gets a line for each kind: the
    first time it takes a minute to make them.
    """
    fast = [rt for rt in setting.runtimes if rt.runs_any and rt.speed == "jit" and rt.in_all]
    specs: list[str] = []
    missing: list[Missing] = []
    for kind, names in variants.drawn(seed):
        tell(f"{len(names)} {kind}, those that are not there yet are made now")
        try:
            for name in names:
                wanted = _features(setting.guest, name)
                first = (seed + len(specs)) % max(1, len(fast))
                turn = fast[first:] + fast[:first]
                able = [runtime for runtime in turn if wanted <= runtime.features]
                specs += [f"{runtime.spec}+variant={name}" for runtime in able[:1]]
        except LockstepError as error:
            missing.append(Missing(kind, error.message, (error.hint or "").strip("`")))
    if not specs:
        raise _no_variant(missing)
    more = registry.select(",".join(specs), config.runtimes)
    return msgspec.structs.replace(
        setting, runtimes=[*setting.runtimes, *more], missing=[*setting.missing, *missing]
    )


def _features(guest: Guest, variant: str) -> frozenset[str]:
    """The features that a variant of `guest` uses; makes it."""
    made = variants.variant(variant, guest.path)
    if variants.rewritten(variant):
        return frozenset(used(guest.module))
    return frozenset(features(Module.decode(made.read_bytes(), made)))


def _no_variant(missing: Sequence[Missing]) -> UsageError:
    if missing:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in missing)
        remedies = dict.fromkeys(f"`{one.remedy}`" for one in missing if one.remedy)
        return UsageError(f"there is no variant ({reasons})", hint=" or ".join(remedies) or None)
    return UsageError("no runtime can run a variant", hint="`--runtimes wasmtime,v8` can")


def _why_not(runtime: Runtime, guest: Guest, wanted: frozenset[str]) -> str | None:
    """Why `runtime` cannot run `guest`, which needs the features in `wanted`.

    One that lacks some of a feature may have what the guest needs of it.
    """
    lacking = sorted(wanted - runtime.features) if wanted else []
    if lacking and not starts(runtime, guest.path):
        return f"it lacks {', '.join(lacking)}, which the guest {guest.name} needs"
    return runtime.why_not(guest.path)


def open_guest(setting: Setting) -> Description:
    """Ask the guest what it is; raises `GuestError` for one that does not speak the protocol."""
    path = setting.guest.path
    try:
        with Driver(driver_of(setting.runtimes), path) as driver:
            return describe(driver)
    except (EarlyEnd, ProtocolError) as error:
        raise GuestError(
            path,
            f"does not speak the guest protocol: {error.message}",
            hint="docs/protocol.md says what a guest answers to `describe`",
        ) from None


def guest_of(trace: Trace, path: Path) -> Guest:
    """The module that `trace` names, beside the trace or among those known here."""
    beside = path.parent / "guest.wasm"
    if beside.is_file():
        guest = catalog.find(str(beside))
        if guest.sha256 == trace.header.sha256:
            return msgspec.structs.replace(guest, name=trace.header.guest)
    try:
        return catalog.find(trace.header.sha256)
    except UnknownNameError:
        name = trace.header.guest
        remedy = f"`lockstep guest build {name}`, or " if name in build.RECIPES else ""
        hint = f"{remedy}name the module with `--guest PATH`"
        raise AbsentGuestError(path, name, trace.header.sha256, hint=hint) from None

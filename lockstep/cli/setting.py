"""What most commands begin with: a guest, some runtimes, and what the guest says of itself."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lockstep.campaign.job import describe
from lockstep.campaign.plan import driver_of
from lockstep.config import Config
from lockstep.errors import GuestError, ProtocolError, TraceError, UnknownNameError
from lockstep.execute.driver import Driver
from lockstep.execute.process import EarlyEnd
from lockstep.guest import audit, catalog
from lockstep.guest.catalog import Guest
from lockstep.protocol import Description
from lockstep.runtimes import registry
from lockstep.runtimes.model import Missing, Runtime
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
    reasons = {runtime: runtime.why_not(guest.path) for runtime in chosen}
    unfit = [Missing(rt.engine, why, "name another guest") for rt, why in reasons.items() if why]
    missing = [*registry.available(config.runtimes)[1], *unfit]
    return Setting(guest, [rt for rt, why in reasons.items() if not why], missing)


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
        raise TraceError(
            path,
            2,
            f"its guest `{trace.header.guest}` with SHA-256 {trace.header.sha256} is not here",
            hint="name the module with `--guest PATH`",
        ) from None

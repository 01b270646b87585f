"""Record the fixed scenarios as `traces/*.trace`; run again when the guest or a scenario changed.

    python tools/record_traces.py [--check] [--guest NAME] [--runtimes NAMES]

Every runtime at hand, or named, must agree on each of them. With `--check` nothing is written, and
the exit code is 1 where a trace in the folder is not what would be written. Of a guest that is not
shipped only some are recorded, in a folder of its name.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from lockstep import protocol, trace
from lockstep.annotate import Commentator, with_answers
from lockstep.campaign.job import describe, header_of
from lockstep.campaign.plan import driver_of
from lockstep.cli.setting import for_guest
from lockstep.compare import Verdict
from lockstep.config import Config
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.judge import judge
from lockstep.protocol import Description
from lockstep.scenario.model import Faulty, Forgery
from lockstep.scenario.named import Named, named
from lockstep.simulate import simulate
from lockstep.trace import Trace

FOLDER = Path(__file__).parents[1] / "traces"
OF_OTHERS = ("fault-free", "partition-and-heal", "no-signature")
"""What is recorded of guests that are not shipped."""


def main(guest: str, runtimes: str, check: bool) -> int:
    """Record, or compare; the exit code."""
    setting = for_guest(catalog.find(guest), runtimes, Config())
    driver = driver_of(setting.runtimes)
    stale = 0
    with Driver(driver, setting.guest.path) as live, Fleet(setting.runtimes) as fleet:
        description = describe(live)
        comments = Commentator(description, live.step)
        for one in chosen(guest, description):
            found = record(one, live, setting.guest, driver.spec)
            judged = judge(fleet, setting.guest.path, found, setting.runtimes, description)
            if judged.verdict is not Verdict.AGREE:
                raise SystemExit(
                    f"{one.name}: {judged.verdict} {judged.reason} {judged.divergence}"
                )
            text = trace.dumps(with_answers(found, judged), comments)
            stale += keep(folder_of(guest) / f"{one.name}.trace", text, check)
    return 1 if stale else 0


def folder_of(guest: str) -> Path:
    """Where its traces are."""
    return FOLDER if guest in catalog.shipped() else FOLDER / guest


def chosen(guest: str, description: Description) -> list[Named]:
    """The scenarios to record."""
    found = [*named(description), *no_signature(description)]
    return [one for one in found if guest in catalog.shipped() or one.name in OF_OTHERS]


def no_signature(description: Description) -> list[Named]:
    """A certificate loses its signature once in a while, where the guest knows that lie."""
    lies = [
        Forgery(kind=kind, mutations=(lie.name,), rate=300, receivers=(1,), start=6)
        for lie in description.mutations
        if lie.name == "no signature"
        for kind in lie.messages
    ]
    calm = named(description)[0].scenario
    scenario = msgspec.structs.replace(calm, faulty=Faulty(replica=2, forgeries=tuple(lies)))
    text = "replica 2 sends node 1 certificates without a signature, from view 6 on"
    return [Named("no-signature", text, scenario)] if lies else []


def record(one: Named, live: Driver, guest: catalog.Guest, driver: str) -> Trace:
    """The trace of a fixed scenario, its digest event last."""
    description = describe(live)
    live.renew()
    recording = simulate(one.scenario, live, description)
    header = header_of(guest.name, guest.sha256, driver, one.scenario.seed, 0)
    header = msgspec.structs.replace(header, index="", scenario=one.name, note=one.text)
    return Trace(header, (*recording.events, protocol.digest()))


def keep(path: Path, text: str, check: bool) -> bool:
    """Write the file, or only say whether it is stale."""
    stale = not path.exists() or path.read_text() != text
    print(f"{'stale' if stale else 'as it was'}  {path.name}  {len(text)} bytes")
    if stale and not check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return stale and check


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--guest", default=catalog.default())
    parser.add_argument("--runtimes", default="all")
    given = parser.parse_args()
    sys.exit(main(given.guest, given.runtimes, given.check))

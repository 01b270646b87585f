"""`lockstep bisect`: in which published versions of an engine a trace goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import msgspec

from lockstep import __version__
from lockstep.annotate import with_answers
from lockstep.bisect import Outcome, Probed, alternates, bisect, changes, stretches
from lockstep.cli.options import option
from lockstep.cli.replay import setting_of
from lockstep.cli.setting import Setting, open_guest
from lockstep.compare import Divergence, Kind, Verdict, fingerprint
from lockstep.config import Config
from lockstep.errors import (
    ExitCode,
    NothingComparableError,
    RuntimeUnavailableError,
    UsageError,
)
from lockstep.execute.fleet import Fleet
from lockstep.judge import Judgement, judge
from lockstep.protocol import Description
from lockstep.report.escape import plain
from lockstep.runtimes import install, registry
from lockstep.runtimes.model import Runtime, version_key
from lockstep.trace import Trace, read

AT_ONCE = 2  # downloads


@click.command("bisect")
@click.argument("path", type=click.Path(path_type=Path), metavar="TRACE")
@option("--runtime", required=True, metavar="ENGINE[:TIER]", help="Whose versions to try.")
@option("--first", metavar="VERSION", help="The oldest version to try.")
@option("--last", metavar="VERSION", help="The newest version to try.")
@option("--max-probes", type=click.IntRange(3), default=20, help="The most versions to try.")
@option("--against", default="all", help="Who says what is right, where the trace does not.")
@option("--guest", help="The module, where a trace's own is not at hand.")
@click.pass_obj
def bisect_(
    config: Config,
    *,
    path: Path,
    runtime: str,
    first: str | None,
    last: str | None,
    max_probes: int,
    against: str,
    guest: str | None,
) -> int:
    """Try a trace on the published versions of an engine, and install them as it goes.

    Prints in which versions it is wrong, in which right, and between which that changed. Exits 4
    where no version is wrong, or none is right.
    """
    engine, _, tier = runtime.partition(":")
    versions = _between(install.published(engine), first, last)
    trace = read(path)
    setting = setting_of(trace, path, against, guest, config)
    prober = Prober(engine, tier, setting, trace)
    click.echo(f"{len(versions)} versions of {engine}, at most {max_probes} are tried", err=True)
    known = bisect(versions, prober.probe_many, max_probes)
    _print(versions, known, f"{engine}:{tier}" if tier else engine)
    outcomes = {probed.outcome for probed in known.values()}
    both = {Outcome.WRONG, Outcome.RIGHT} <= outcomes
    return ExitCode.AGREE if both else ExitCode.NOTHING_COMPARABLE


class Prober:
    """Tries one trace on versions of one tier, against what is right."""

    def __init__(self, engine: str, tier: str, setting: Setting, trace: Trace) -> None:
        self.engine, self.tier = engine, tier
        self.module = setting.guest.path
        self.description: Description = open_guest(setting)
        self.trace = trace if any(trace.recorded) else self._answered(setting, trace)

    def probe_many(self, versions: Sequence[str]) -> dict[str, Probed]:
        """Install some at a time, then try one after the other."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            got = dict(zip(versions, pool.map(self._get, versions), strict=True))
        known = {}
        for version, found in got.items():
            known[version] = self._probe(found) if isinstance(found, Runtime) else found
            click.echo(f"{version}  {_line(known[version])}", err=True)
        return known

    def _answered(self, setting: Setting, trace: Trace) -> Trace:
        """The trace with the answers of other engines, where it records none."""
        others = [runtime for runtime in setting.runtimes if runtime.engine != self.engine]
        with Fleet(others) as fleet:
            judged = judge(fleet, self.module, trace, others, self.description)
        if judged.verdict is not Verdict.AGREE:
            raise UsageError(
                f"what is right is not known: the others came to `{judged.verdict}`",
                hint="`--against` names engines that agree with each other",
            )
        header = trace.header
        return msgspec.structs.replace(with_answers(trace, judged), header=header)

    def _get(self, version: str) -> Runtime | Probed:
        """That version: what is here already, else installed."""
        spec = f"{self.engine}@{version}" + (f":{self.tier}" if self.tier else "")
        try:
            here = registry.select(self.engine)[0].place.version == version
        except RuntimeUnavailableError:
            here = False
        try:
            if here:
                return registry.select(spec)[0]
            return registry.kept_runtime(install.install(self.engine, version), self.tier)
        except RuntimeUnavailableError as error:
            return Probed(Outcome.INCOMPARABLE, error.message)

    def _probe(self, runtime: Runtime) -> Probed:
        try:
            with Fleet([runtime], jobs=1) as fleet:
                judged = judge(fleet, self.module, self.trace, [runtime], self.description)
        except NothingComparableError as error:
            return Probed(Outcome.INCOMPARABLE, error.message)
        return self._probed(judged)

    def _probed(self, judged: Judgement) -> Probed:
        found = judged.divergence
        if judged.verdict is Verdict.INCOMPARABLE:
            return Probed(Outcome.INCOMPARABLE, judged.reason)
        if found is None:
            return Probed(Outcome.RIGHT)
        answers = [str(g.answer) for g in found.groups if "recorded" not in g.names]
        text = f"{found.kind} at event {found.index}: {'; '.join(answers)}"
        if not self._is_it(found):
            return Probed(Outcome.INCOMPARABLE, f"differs in another way, {text}")
        return Probed(Outcome.WRONG, text)

    def _is_it(self, found: Divergence) -> bool:
        """Whether it is the fault that the trace is about, whatever the tier is called."""
        header = self.trace.header
        if not header.fingerprint:
            return found.kind is not Kind.REJECTED
        suspects = header.suspects.split(",") if header.suspects else found.suspects
        same = fingerprint(found.kind, found.event, found.groups, suspects)
        return header.fingerprint in (found.fingerprint, same)


def _between(published: list[str], first: str | None, last: str | None) -> list[str]:
    for bound in (first, last):
        if bound is not None and not version_key(bound):
            raise UsageError(f"`{bound}` is no version", hint="as in `--first 7.0.0`")
    low = version_key(first or "0")
    chosen = [v for v in published if version_key(v) >= low]
    if last is not None:
        chosen = [v for v in chosen if version_key(v) <= version_key(last)]
    if len(chosen) < 2:
        raise UsageError(
            f"{len(chosen)} versions are published in that range",
            hint="`lockstep runtimes versions NAME` lists them",
        )
    return chosen


def _line(probed: Probed) -> str:
    return f"{probed.outcome}: {plain(probed.text, 160)}" if probed.text else str(probed.outcome)


def _print(versions: list[str], known: dict[str, Probed], name: str) -> None:
    """The ranges, the changes, and a table that can be pasted into a bug report."""
    found = stretches(versions, known)
    click.echo(f"{name}, {len(known)} of {len(versions)} versions tried")
    for one in found:
        click.echo(
            f"  {one.outcome:14}  {one.first} - {one.last}  ({one.probed} of {one.versions})"
        )
    for before, after in changes(versions, known):
        between = versions.index(after) - versions.index(before) - 1
        unsure = f", {between} between them cannot be compared or were not tried" if between else ""
        word = "bad" if known[after].outcome is Outcome.WRONG else "good"
        click.echo(f"first {word}: {after} ({before} is {known[before].outcome}{unsure})")
    if alternates(versions, known):
        click.echo("it went and came back: the wrong versions are not one range")
    click.echo("\n| version | | |\n|---|---|---|")
    for version in versions:
        if version in known:
            text = plain(known[version].text, 160).replace("|", r"\|")
            click.echo(f"| {name} {version} | {known[version].outcome} | {text} |")
    click.echo(f"\nby lockstep {__version__}; versions between two of one kind were not tried")

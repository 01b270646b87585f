"""A bug report to the maintainers of a runtime, in Markdown: whatever they ask, and nothing else.

All of it is composed from what the folder of a find or of a record says, and from tables. What
comes from guests, traces and runtimes goes through `markdown.py`.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Sequence

from lockstep import __version__
from lockstep.errors import UnknownNameError
from lockstep.program.alone import Gave
from lockstep.program.text import wast, wat
from lockstep.program.trap import Trap
from lockstep.report import ways
from lockstep.report.escape import plain
from lockstep.report.find import Environment
from lockstep.report.markdown import code, fence, prose
from lockstep.report.specification import PLACES, Section, sections
from lockstep.report.subject import Subject, Who
from lockstep.report.values import OPS_MAX, Case, case_of, telling
from lockstep.trace import event_line

BASE64_COLUMNS = 76
VALUE_MAX, TEXT_MAX = 60, 80
"""Of what stands in the title, in characters."""
ENDINGS = {
    "trap": "traps",
    "crash": "crashes",
    "hang": "does not end",
    "rejected": "refuses a valid module",
    "memory limit": "takes memory without end",
    "output limit": "writes without end",
    "garbled": "writes what is no answer",
    "memory": "leaves other bytes in memory",
}
"""What a way to end, or a kind of divergence, is called; any other is a wrong result."""
WRONG = "gives a wrong result"


def issue(subject: Subject, gave: Gave | None, environment: Environment | None) -> str:
    """The report. `gave` is what the suspect was seen to give, where that is known.

    `environment` is that of the machine on which it was seen; None where nobody knows it.
    """
    case = case_of(subject.program) if subject.program is not None else None
    if case is not None and gave is not None and case.same(gave):
        # It was not seen here: what was seen when it was found stands.
        gave, environment = None, subject.environment
    chapters = [
        ["# " + _title(subject, case, gave)],
        ["## Test case", "", *_test_case(subject, case)],
        ["## Steps to reproduce", "", *_steps(subject, case, gave)],
        ["## Expected behaviour", "", *_expected(subject, case)],
        ["## Actual behaviour", "", *_actual(subject, case, gave)],
        ["## Versions and environment", "", *_versions(subject, environment)],
        ["## How it was found", "", _found(subject)],
    ]
    return "\n\n".join("\n".join(lines) for lines in chapters) + "\n"


# Title


def _title(subject: Subject, case: Case | None, gave: Gave | None) -> str:
    who = subject.suspects[0]
    tier = f" ({prose(who.tier)})" if who.tier not in ("", "default") else ""
    name = f"{prose(ways.called(who.engine))} {prose(who.version)}".strip() + tier
    ops = instructions(subject)
    about = ", ".join(map(code, ops[:OPS_MAX])) + (" ..." if len(ops) > OPS_MAX else "")
    if len(ops) != 1:
        about = f"code with {about}" if ops else _module_name(subject)
    what = f"{about} {_symptom(subject, case, gave)}".strip()
    return f"{name}: {what}"


def _module_name(subject: Subject) -> str:
    return f"module {code(subject.trace.header.guest)}" if subject.trace is not None else ""


def instructions(subject: Subject) -> list[str]:
    """The instructions that it is about, by the program or by the record."""
    if subject.record is not None and subject.record.about:
        return list(subject.record.about)
    return telling(subject.program) if subject.program is not None else []


def _symptom(subject: Subject, case: Case | None, gave: Gave | None) -> str:
    if subject.is_tie:
        return "differs from other runtimes, and the lineages tie"
    return f"{_wrong(subject, case, gave)}{_should(case)}"


def _wrong(subject: Subject, case: Case | None, gave: Gave | None) -> str:
    if gave is not None and gave.words:
        short = case.short(gave.words) if case is not None else ""
        return f"gives {code(short)}" if 0 < len(short) <= VALUE_MAX else WRONG
    # Where in the engine it was, which some hosts say, is for the text below.
    text = plain(gave.text.partition(" at `")[0], TEXT_MAX) if gave is not None else ""
    said = f" ({code(text)})" if text else ""
    return ENDINGS.get(gave.kind if gave is not None else _kind(subject), WRONG) + said


def _should(case: Case | None) -> str:
    if case is None or case.right is None:
        return ""
    if isinstance(case.right, Trap):
        return f", should trap ({prose(case.right.kind)})"
    if case.silent:
        return ", should end without a trap"
    short = case.short(case.right)
    return f", should be {code(short)}" if len(short) <= VALUE_MAX else ""


def _kind(subject: Subject) -> str:
    return subject.trace.header.kind if subject.trace is not None else ""


# The test case and how to run it


def _test_case(subject: Subject, case: Case | None) -> Iterator[str]:
    if case is None:
        yield from _trace_case(subject)
        return
    if case.right is None:
        yield "The module; no one result of it is right by the specification, since it shows a NaN:"
        yield ""
        yield from fence(wat(case.alone.program), "wat")
        return
    yield "Complete as it is, in the format of the specification's own tests (`.wast`):"
    yield ""
    yield from fence(wast(case.alone.program), "wat")
    if case.alone.program != case.program:
        yield ""
        yield (
            f"{', '.join(map(code, case.alone.names))}: the same calls, and 64 bits of what comes "
            "of them, since a binding may change a NaN or pass no vector."
        )


def _trace_case(subject: Subject) -> Iterator[str]:
    assert subject.trace is not None
    header, stdin = subject.trace.header, subject.trace.stdin()
    yield (
        f"A WASI preview 1 command that reads stdin and writes stdout: `guest.wasm`, the guest "
        f"{code(header.guest)} of lockstep, SHA-256 {code(header.sha256)} (attached; `lockstep "
        "export` below writes it). Its input:"
    )
    yield ""
    yield from fence(_unpacked(stdin, "events.bin"), "sh")
    yield ""
    yield "which is, as lockstep writes it:"
    yield ""
    yield from fence("\n".join(event_line(event) for event in subject.trace.events))


def _unpacked(data: bytes, name: str) -> str:
    """Shell lines that make a file of these bytes."""
    text = base64.b64encode(data).decode()
    if len(text) <= BASE64_COLUMNS:
        return f"echo {text} | base64 -d > {name}"
    rows = [text[at : at + BASE64_COLUMNS] for at in range(0, len(text), BASE64_COLUMNS)]
    return "\n".join([f"base64 -d > {name} << 'END'", *rows, "END"])


def _steps(subject: Subject, case: Case | None, gave: Gave | None) -> Iterator[str]:
    who = subject.suspects[0]
    if case is None:
        yield from _trace_steps(subject, who)
        return
    if who.engine not in ways.WAYS:
        yield f"With lockstep {__version__}, in the folder of the find:"
        yield ""
        yield from fence(f"lockstep replay --runtimes {who.name} reproducer.trace", "sh")
        return
    as_module = ways.WAYS[who.engine].plain
    yield (
        f"`{ways.FILE}` is the module above:"
        if as_module
        else f"`{ways.FILE}` is the module above as a WASI command, whose `_start` makes the same "
        "calls and writes the words to stdout:"
    )
    yield ""
    module = case.alone.module if as_module else case.alone.command
    yield from fence(_unpacked(module, ways.FILE), "sh")
    yield ""
    yield from _lines(who, case, as_module)
    yield from _prints(case, gave, as_module)
    yield from _command_line(who, case)


def _lines(who: Who, case: Case, as_module: bool) -> Iterator[str]:
    """The lines that show it."""
    if as_module:
        lines = [ways.own_line(*_here(who), name, case.alone.bits) for name in case.alone.names]
    else:
        lines = [ways.host_line(*_here(who), ways.FILE) + ways.WORDS]
    package = ways.source(who.engine, who.version)
    through = "" if as_module else f", in a small host: {_host(who)}"
    yield f"With {package or prose(who.engine)}{through}."
    yield ""
    yield from fence("\n".join(lines), "sh")


def _prints(case: Case, gave: Gave | None, as_module: bool) -> Iterator[str]:
    """What they should print, and what they do."""
    if isinstance(case.right, Trap):
        yield from ("", f"It should trap: {code(case.right.kind)}.")
    elif case.right is not None:
        yield from ("", "It should print", "")
        yield from fence("\n".join(case.printed(case.right, plain=as_module)))
    if gave is not None and gave.words:
        yield from ("", "and prints" if case.right else "It prints", "")
        yield from fence("\n".join(case.printed(gave.words, plain=as_module)))
    elif gave is not None:
        yield from ("", f"It {ENDINGS.get(gave.kind, WRONG)} instead.")


def _host(who: Who) -> str:
    """Where the host of ours comes from."""
    script = next((w for w in ways.host_line(*_here(who), "").split() if w.startswith("run_")), "")
    if script:
        return f"`lockstep export` copies {code(script)}, which needs nothing else of lockstep"
    return f"{code(f'lockstep runtimes install {who.engine}@{who.version}')} builds it"


def _here(who: Who) -> tuple[str, str, str]:
    return who.engine, who.version, who.tier


def _command_line(who: Who, case: Case) -> Iterator[str]:
    """The engine's own program, where it has one."""
    lines = [ways.command_line(*_here(who), name) for name in case.alone.names]
    if any(lines):
        yield ""
        yield "The same with the command line of the engine itself (not tried by lockstep):"
        yield ""
        yield from fence("\n".join(dict.fromkeys(lines)), "sh")


def _trace_steps(subject: Subject, who: Who) -> Iterator[str]:
    line = ways.host_line(*_here(who), "guest.wasm")
    yield "The module, its input, the right output and the host, in one folder:"
    yield ""
    path = shlex.quote(f"{subject.place}/reproducer.trace")
    yield from fence(f"lockstep export {path} --to case && cd case", "sh")
    yield ""
    if line:
        where = _host(who)
        yield f"Then one line, which exits 0 where the output is as it should be ({where}):"
        yield ""
        yield from fence(f"{line} < events.bin | cmp - expected.bin", "sh")
        return
    yield "Its `README` has a line for each runtime."


# What is right, and what came


def _expected(subject: Subject, case: Case | None) -> Iterator[str]:
    if case is not None and case.right is not None:
        yield f"- {_right(case)}, by lockstep's own evaluator of the specification."
    if subject.record is not None:
        yield f"- {prose(subject.record.expected)}"
        yield f"- {prose(subject.record.source)}"
    for section in _sections(subject):
        yield f"- [WebAssembly core specification, {section.title}]({section.url})"
    agreeing = [
        f"{code(who.name)} ({prose(who.lineage)})" if who.lineage else code(who.name)
        for who in subject.agreeing
    ]
    if agreeing:
        lineages = {who.lineage or who.engine for who in subject.agreeing}
        yield f"- {len(lineages)} other code bases agree with each other: {', '.join(agreeing)}."
    if subject.is_tie:
        yield "- As many lineages say the one as the other: nobody is called right here."


def _right(case: Case) -> str:
    assert case.right is not None
    if isinstance(case.right, Trap):
        return f"{code(case.called())} traps: {prose(case.right.kind)}"
    return f"{code(case.called())} {_gives(case, case.right)}"


def _gives(case: Case, words: Sequence[int]) -> str:
    return "ends without a trap" if case.silent else f"gives {_value(case, words)}"


def _value(case: Case, words: Sequence[int]) -> str:
    value = code(case.value(words))
    bits = ", ".join(f"`{word:#x}`" for word in words)
    return f"{value}, bits {bits}" if case.type is not None else value


def _sections(subject: Subject) -> list[Section]:
    """Those that the record names, else those of the instructions."""
    named = subject.record.section if subject.record is not None else ()
    if strange := [place for place in named if place not in PLACES]:
        raise UnknownNameError("section of the specification", strange[0], PLACES)
    return [PLACES[place] for place in named] or sections(instructions(subject))


def _actual(subject: Subject, case: Case | None, gave: Gave | None) -> Iterator[str]:
    names = ", ".join(code(who.spec) for who in subject.suspects)
    if gave is None:
        text = f"{ENDINGS.get(_kind(subject), WRONG)}; the lines above print it"
    elif not gave.words:
        text = ENDINGS.get(gave.kind, WRONG)
    else:
        text = f"{code(case.called())} {_gives(case, gave.words)}" if case else WRONG
    yield f"- {names}: {text}."
    if subject.record is not None:
        yield f"- {prose(subject.record.actual)}"
    if gave is not None and gave.text:
        yield ""
        yield from fence(gave.text)
    if case is None:
        yield from _dissents(subject)


def _dissents(subject: Subject) -> Iterator[str]:
    """The answers as lockstep records them: outcome, state, actions."""
    trace = subject.trace
    for dissent in trace.dissents if trace is not None else ():
        assert trace is not None
        if dissent.answer.startswith("ended "):
            continue
        recorded = trace.recorded[dissent.at] if dissent.at < len(trace.recorded) else None
        yield ""
        yield f"Answer {dissent.at} (outcome, hash of the state, number and hash of actions):"
        yield ""
        right = [f"{recorded}  should be"] if recorded else []
        yield from fence("\n".join([*right, f"{dissent.answer}  {', '.join(dissent.runtimes)}"]))


# Where


def _versions(subject: Subject, environment: Environment | None) -> Iterator[str]:
    for who in subject.suspects:
        tier = f", {code(who.tier)}" if who.tier not in ("", "default") else ""
        yield f"- Wrong: {ways.described(who.engine, who.version)}{tier}"
    if subject.record is not None:
        if subject.record.wrong != (subject.suspects[0].version,):
            yield f"- Versions known to be wrong: {prose(', '.join(subject.record.wrong))}"
        right = [one for one in subject.record.right if ":" not in one]
        if right:
            yield f"- Versions known to be right: {prose(', '.join(right))}"
    compared = ", ".join(code(who.spec) for who in subject.agreeing)
    if compared:
        yield f"- Compared with: {compared}"
    yield from _machine(subject, environment)


def _machine(subject: Subject, environment: Environment | None) -> Iterator[str]:
    if environment is None:
        yield "- Binary, machine and processor: not recorded"
        return
    for who in subject.suspects:
        if sha256 := environment.binaries.get(who.spec):
            yield f"- Binary: SHA-256 `{sha256}`"
    yield f"- Machine: {code(environment.machine)}"
    yield f"- CPU features: {code(environment.cpu)}"


def _found(subject: Subject) -> str:
    header = subject.trace.header if subject.trace is not None else None
    version = header.lockstep if header is not None and header.lockstep else __version__
    what = "a generated program, reduced" if subject.program is not None else "a reduced trace"
    text = (
        f"By lockstep {prose(version)}, which runs a module on many runtimes and compares: {what}"
    )
    if subject.is_known:
        text = f"It was known before; lockstep {prose(version)} has it to be found again, as {what}"
    if header is None:
        return f"{text}."
    drawn = f", seed {prose(header.seed)}, run {prose(header.index)}" if header.seed else ""
    name = header.fingerprint if subject.record is not None else subject.folder.resolve().name
    mark = f"; find {code(name)}" if name else ""
    return f"{text}{drawn}{mark}; module SHA-256 {code(header.sha256)}."

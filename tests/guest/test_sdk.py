"""The SDK keeps the protocol: framing, flushing, exits, outcomes, actions, digests."""

from __future__ import annotations

import json
import struct
import subprocess
from functools import cache
from pathlib import Path

import pytest
from driving import cut, drive, drive_native
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep import protocol
from lockstep.guest import build
from lockstep.protocol import ActionKind, Event, EventKind, Init, Observation, Outcome

ANSWER_MAX_BYTES = (128 << 10) - 64
FULL_BYTES = 64 << 10
PAGE_BYTES = 64 << 10
NO_STATE = bytes(32)

ZIG = [name for name, recipe in build.RECIPES.items() if recipe.language == "zig"]
START = protocol.init(0, Init(0, 4, 7))


@cache
def wasm(name: str) -> Path:
    return build.build(name)


@cache
def native(name: str) -> Path:
    return build.build(name, native=True)


def observe(name: str, *events: Event) -> list[Observation]:
    run = drive(wasm(name), [protocol.encode_events(events)])
    frames, rest = protocol.split_frames(run.output)
    assert (run.code, run.trap, rest, len(frames)) == (0, "", b"", len(events))
    return [protocol.decode_observation(frame) for frame in frames]


def report(name: str, *events: Event) -> bytes:
    """What the last of `events` is answered."""
    return protocol.report_of(observe(name, *events)[-1])


SMALL_TRACE = protocol.encode_events(
    [
        protocol.describe(),
        protocol.digest(),
        START,
        protocol.init(5, Init(1, 4, 7)),
        protocol.command(0, 1, 1, b"\x00abcdefgh12345678"),
        protocol.command(5, 1, 2, b"xyz"),
        protocol.deliver(5, 0, b"\x02" + struct.pack("<QQQ", 1, 1, 1) + b"\x00abcdefgh12345678"),
        protocol.inspect(5),
        protocol.Event(0, 99, b"?"),
        protocol.digest(),
    ]
)


class TestFraming:
    def test_a_stream_cut_in_two_at_any_boundary_gives_the_same_bytes(self) -> None:
        whole = drive(wasm("register"), [SMALL_TRACE])
        assert len(protocol.split_frames(whole.output)[0]) == 10
        for place in range(1, len(SMALL_TRACE)):
            run = drive(wasm("register"), cut(SMALL_TRACE, place))
            assert (run.output, run.code) == (whole.output, 0), place

    def test_a_stream_read_byte_by_byte_gives_the_same_bytes(self) -> None:
        run = drive(wasm("register"), cut(SMALL_TRACE, *range(len(SMALL_TRACE))))
        assert run.output == drive(wasm("register"), [SMALL_TRACE]).output

    def test_the_native_build_cares_as_little_where_reads_are_cut(self) -> None:
        whole = drive_native(native("register"), [SMALL_TRACE])
        for places in ([3], [4], [7], range(0, len(SMALL_TRACE), 5), range(len(SMALL_TRACE))):
            run = drive_native(native("register"), cut(SMALL_TRACE, *places))
            assert (run.output, run.code) == (whole.output, 0)

    @pytest.mark.parametrize("write_bytes", [1, 7, 100])
    def test_what_a_write_leaves_is_written_by_the_next(self, write_bytes: int) -> None:
        run = drive(wasm("register"), [SMALL_TRACE], write_bytes=write_bytes)
        assert run.output == drive(wasm("register"), [SMALL_TRACE]).output

    def test_an_event_of_the_largest_size_is_heard(self) -> None:
        message = bytes(range(256)) * 4096
        message = message[: protocol.EVENT_SIZE_MAX - 3 - 10]
        assert report("echo", START, protocol.forge(0, 1, 0, message)) == message[::-1]

    @pytest.mark.parametrize("size", [0, 1, 2, protocol.EVENT_SIZE_MAX + 1, 1 << 31, 0xFFFFFFFF])
    def test_a_size_out_of_bounds_ends_it_with_65_after_the_answers(self, size: int) -> None:
        bad = START.encode() + struct.pack("<I", size) + bytes(64)
        for run in (drive(wasm("echo"), [bad]), drive_native(native("echo"), [bad])):
            assert run.code == protocol.EXIT_BAD_FRAME
            assert len(protocol.split_frames(run.output)[0]) == 1

    @pytest.mark.parametrize("missing", range(1, len(START.encode())))
    def test_an_end_inside_an_event_ends_it_with_65(self, missing: int) -> None:
        stream = START.encode() * 2
        run = drive(wasm("echo"), [stream[:-missing]])
        assert run.code == protocol.EXIT_BAD_FRAME
        assert len(protocol.split_frames(run.output)[0]) == 1

    def test_an_end_between_events_is_a_good_end(self) -> None:
        for run in (drive(wasm("echo"), []), drive_native(native("echo"), [])):
            assert (run.code, run.output) == (protocol.EXIT_END_OF_INPUT, b"")

    def test_a_refused_read_ends_it(self) -> None:
        assert drive(wasm("echo"), [START.encode()], errno=8).code == 74


class TestFlushing:
    size, answer_size = len(START.encode()), 40

    def test_one_event_is_answered_before_the_next_is_read(self) -> None:
        run = drive(wasm("echo"), [START.encode()] * 3)
        assert run.log == [("read", self.size), ("write", self.answer_size)] * 3 + [("read", 0)]

    def test_a_batch_is_answered_in_one_write(self) -> None:
        run = drive(wasm("echo"), [START.encode() * 100])
        whole = ("read", 100 * self.size), ("write", 100 * self.answer_size)
        assert run.log == [*whole, ("read", 0)]

    @pytest.mark.parametrize("more", [1, 4, 5, 24])
    def test_complete_events_are_answered_before_the_rest_of_one_is_read(self, more: int) -> None:
        run = drive(wasm("echo"), cut(START.encode() * 2, self.size + more))
        answer = ("write", self.answer_size)
        first, rest = ("read", self.size + more), ("read", self.size - more)
        assert run.log == [first, answer, rest, answer, ("read", 0)]

    def test_a_full_buffer_is_written_in_mid_batch(self) -> None:
        answer_size = self.answer_size + 5 + 1000
        question = protocol.forge(0, 100, 0, bytes(range(10)))
        run = drive(wasm("echo"), [START.encode() + question.encode() * 200])
        (first, _), *writes, (last, count) = run.log
        assert (first, last, count) == ("read", "read", 0)
        assert sum(size for _, size in writes) == self.answer_size + 200 * answer_size
        assert {kind for kind, _ in writes} == {"write"}
        assert all(FULL_BYTES <= size < FULL_BYTES + answer_size for _, size in writes[:-1])


class TestLongAnswers:
    @pytest.mark.parametrize("spare", [-1, 0, 1])
    def test_a_report_around_the_size_of_the_buffer_is_whole(self, spare: int) -> None:
        message = bytes(i % 251 for i in range(ANSWER_MAX_BYTES - 45 + spare))
        start, told, after = observe(
            "echo", START, protocol.forge(0, 1, 0, message), protocol.inspect(0)
        )
        assert protocol.report_of(told) == message[::-1]
        assert told.state == after.state == start.state

    def test_a_report_of_many_megabytes_is_whole(self) -> None:
        message = bytes(range(256)) * 300
        assert report("echo", START, protocol.forge(0, 60, 0, message)) == message[::-1] * 60

    def test_long_json_is_whole(self) -> None:
        message = bytes(range(256)) * 1000
        found = json.loads(report("echo", protocol.decode(message)))
        assert found["hex"] == message.hex()
        assert found["text"] == message.decode("latin-1")
        assert found["numbers"] == list(struct.unpack(f"{len(message)}b", message))
        assert found["ascii"] is True

    @pytest.mark.parametrize("waiting", [0, 1, 1000])
    def test_an_answer_that_changes_state_must_fit_whatever_waits(self, waiting: int) -> None:
        before = START.encode() * (1 + waiting)
        size = (ANSWER_MAX_BYTES - 40 - 5 - 5 - 74 - 3 * 20) // 4
        fits = drive(wasm("echo"), [before + protocol.command(0, 1, 3, bytes(size)).encode()])
        *_, last = protocol.split_frames(fits.output)[0]
        assert (len(last), fits.code) == (ANSWER_MAX_BYTES, 0)
        long = drive(wasm("echo"), [before + protocol.command(0, 1, 3, bytes(size + 1)).encode()])
        assert (long.code, "unreachable" in long.trap) == (None, True)


class TestOutcomes:
    @pytest.mark.parametrize("node", [1, 2, 65535])
    def test_a_node_never_initialized_is_unknown(self, node: int) -> None:
        asked = [protocol.timeout(node, 1), protocol.inspect(node), protocol.forge(node, 1, 1, b"")]
        asked += [protocol.deliver(node, 0, b""), protocol.command(node, 0, 0, b"")]
        for answer in observe("echo", START, *asked)[1:]:
            assert answer == Observation(Outcome.UNKNOWN_NODE, NO_STATE, ())

    @pytest.mark.parametrize(
        "event",
        [
            Event(0, EventKind.DELIVER, b"1"),
            Event(0, EventKind.TIMEOUT, bytes(7)),
            Event(0, EventKind.TIMEOUT, bytes(9)),
            Event(0, EventKind.COMMAND, bytes(15)),
            Event(0, EventKind.FORGE, bytes(9)),
            Event(0, EventKind.INSPECT, b"1"),
        ],
    )
    def test_a_malformed_body_changes_nothing(self, event: Event) -> None:
        before, answer = observe("register", START, event)
        assert answer == Observation(Outcome.MALFORMED, before.state, ())

    @pytest.mark.parametrize(
        "event",
        [
            Event(0, EventKind.DIGEST, b"1"),
            Event(0, EventKind.DESCRIBE, b"1"),
            protocol.decode(b""),
        ],
    )
    def test_a_malformed_question_to_no_node_has_no_state(self, event: Event) -> None:
        assert observe("echo", START, event)[1] == Observation(Outcome.MALFORMED, NO_STATE, ())

    @pytest.mark.parametrize("event", [Event(0, 0), Event(0, 10), Event(9, 255, b"body")])
    def test_a_kind_that_nobody_knows_is_unsupported(self, event: Event) -> None:
        assert observe("echo", event) == [Observation(Outcome.UNSUPPORTED, NO_STATE, ())]

    def test_a_handler_that_is_left_out_is_unsupported(self) -> None:
        start, timeout = observe("echo", START, protocol.timeout(0, 1))
        assert timeout == Observation(Outcome.UNSUPPORTED, start.state, ())

    @pytest.mark.parametrize(
        "body",
        [
            Init(4, 4, 0),
            Init(0, 0, 0),
            Init(0, 32, 0),
            Init(0, 4, 0, schedule=(0, 4)),
            Init(0, 4, 0, options=b"?"),
        ],
    )
    def test_a_malformed_init_leaves_the_node_as_it_was(self, body: Init) -> None:
        events = [protocol.init(0, body), START, protocol.command(0, 1, 1, b"x")]
        unknown, _, before, after = observe("register", *events, protocol.init(0, body))
        assert unknown == Observation(Outcome.MALFORMED, NO_STATE, ())
        assert after == Observation(Outcome.MALFORMED, before.state, ())

    def test_an_init_of_a_node_beyond_the_table_is_unknown(self) -> None:
        answer = observe("echo", protocol.init(2, Init(0, 4, 0)))
        assert answer == [Observation(Outcome.UNKNOWN_NODE, NO_STATE, ())]

    def test_a_second_init_starts_from_nothing(self) -> None:
        first, _, again = observe("register", START, protocol.command(0, 1, 1, b"x"), START)
        assert again == first


class TestActions:
    def test_send_broadcast_and_commit_read_as_they_were_written(self) -> None:
        deliver, command = protocol.deliver(0, 513, b"hi"), protocol.command(0, 9, 2, b"data")
        _, sent, committed = observe("echo", START, deliver, command)
        assert [a.kind for a in sent.actions] == [ActionKind.SEND]
        assert protocol.parse_send(sent.actions[0].body) == (513, b"hi")
        assert committed.actions[0] == (ActionKind.BROADCAST, b"data")
        commit = protocol.parse_commit(committed.actions[1].body)
        assert (commit.height, commit.block) == (2, commit.application)
        assert commit.commands == ((9, 0, b"data"), (9, 1, b"data"))

    def test_a_schedule_and_timers_read_as_they_were_written(self) -> None:
        (start,) = observe("echo", protocol.init(0, Init(0, 31, 0, schedule=(3, 0, 30))))
        timers = [protocol.parse_timer(action.body) for action in start.actions]
        assert timers == [(3, 31), (0, 31), (30, 31)]

    def test_a_commit_holds_the_application_state_that_inspect_shows(self) -> None:
        command = protocol.command(0, 1, 1, b"\x00" + struct.pack("<QQ", 5, 77))
        _, ordered, inspected = observe("register", START, command, protocol.inspect(0))
        assert (
            struct.pack("<QQ", 5, 77).hex()
            in json.loads(protocol.report_of(inspected))["application"]
        )
        commit = protocol.parse_commit(ordered.actions[1].body)
        assert commit.application != NO_STATE


class TestDescribe:
    @pytest.mark.parametrize("name", ZIG)
    def test_every_guest_describes_itself(self, name: str) -> None:
        found = protocol.parse_description(report(name, protocol.describe()))
        assert (found.name, found.protocol, found.digest) == (name, protocol.VERSION, True)
        assert {outcome: found.outcomes[outcome] for outcome in range(4)} == {
            outcome: outcome.name.lower().replace("_", " ") for outcome in Outcome
        }
        assert all(number >= 16 for number in found.outcomes if number > 3)

    def test_a_native_build_differs_in_the_digest_alone(self) -> None:
        run = drive_native(native("register"), [protocol.describe().encode()])
        theirs = json.loads(protocol.report_of(protocol.decode_observation(run.output)))
        ours = json.loads(report("register", protocol.describe()))
        assert theirs == ours | {"digest": False}


class TestDigest:
    def digests(self, *events: Event) -> list[tuple[int, ...]]:
        answers = observe("register", *events)
        reports = [protocol.report_of(a) for a in answers if a.state == NO_STATE]
        pages = [struct.unpack(f"<I{(len(r) - 4) // 8}Q", r) for r in reports]
        assert all(count == len(hashes) for count, *hashes in pages)
        return [hashes for _, *hashes in pages]  # type: ignore[misc]

    def test_it_has_a_hash_for_each_page(self) -> None:
        (pages,) = self.digests(protocol.digest())
        assert len(pages) == build.RECIPES["register"].memory_pages
        assert pages[0] == 0, "the shadow stack"
        assert 0 < len([page for page in pages if page]) < 6

    def test_it_sees_a_change_of_one_node_and_its_undoing(self) -> None:
        digest, view = protocol.digest(), protocol.inspect(0)
        before, same, after, undone = self.digests(
            START, view, digest, view, digest, protocol.command(0, 1, 1, b"x"), view, digest,
            START, view, digest,
        )  # fmt: skip
        assert before == same == undone
        changed = [page for page, was in enumerate(before) if was != after[page]]
        assert 1 <= len(changed) <= 2, "where the node is, and where the event was"

    def test_it_is_the_same_on_another_engine(self) -> None:
        assert (
            _wasm3(wasm("register"), SMALL_TRACE) == drive(wasm("register"), [SMALL_TRACE]).output
        )

    def test_the_native_build_has_none(self) -> None:
        run = drive_native(native("register"), [protocol.digest().encode()])
        answer = protocol.decode_observation(run.output)
        assert answer == Observation(Outcome.UNSUPPORTED, NO_STATE, ())


def _wasm3(path: Path, stream: bytes) -> bytes:
    wasm3 = pytest.importorskip("wasm3")
    module = wasm3.Environment().parse_module(path.read_bytes())
    runtime = wasm3.Environment().new_runtime(1 << 20)
    left, output = [stream], bytearray()

    def fd_read(_fd: int, at: int, _count: int, done: int) -> int:
        memory = runtime.get_memory(0)
        start, room = struct.unpack_from("<II", memory, at)
        given, left[0] = left[0][:room], left[0][room:]
        memory[start : start + len(given)] = given
        struct.pack_into("<I", memory, done, len(given))
        return 0

    def fd_write(_fd: int, at: int, _count: int, done: int) -> int:
        memory = runtime.get_memory(0)
        start, size = struct.unpack_from("<II", memory, at)
        output.extend(memory[start : start + size])
        struct.pack_into("<I", memory, done, size)
        return 0

    def proc_exit(code: int) -> None:
        raise SystemExit(code)

    runtime.load(module)
    wasi = "wasi_snapshot_preview1"
    module.link_function(wasi, "fd_read", "i(iiii)", fd_read)
    module.link_function(wasi, "fd_write", "i(iiii)", fd_write)
    module.link_function(wasi, "proc_exit", "v(i)", proc_exit)
    with pytest.raises(SystemExit):
        runtime.find_function("_start")()
    return bytes(output)


NODES = st.sampled_from([0, 0, 1, 2, 47, 48])
BODIES = st.binary(max_size=40)
ENTRIES = st.builds(
    lambda kind, *numbers: bytes([kind]) + struct.pack("<QQQ", *numbers),
    st.integers(0, 3), st.integers(0, 4), st.integers(0, 3), st.integers(0, 3),
)  # fmt: skip
INITS = st.builds(
    Init,
    replica=st.integers(0, 4),
    n=st.integers(0, 33),
    seed=st.integers(0, 9),
    schedule=st.lists(st.integers(0, 4), max_size=2).map(tuple),
    options=st.sampled_from([b"", b"", b"?"]),
)
EVENTS = st.one_of(
    st.builds(protocol.init, NODES, INITS),
    st.builds(protocol.deliver, NODES, st.integers(0, 3), ENTRIES | BODIES),
    st.builds(protocol.command, NODES, st.integers(0, 3), st.integers(0, 3), BODIES),
    st.builds(protocol.timeout, NODES, st.integers(0, 2**64 - 1)),
    st.builds(protocol.inspect, NODES),
    st.builds(protocol.decode, ENTRIES | BODIES),
    st.builds(Event, NODES, st.sampled_from([0, 1, 2, 3, 4, 5, 6, 8, 10]), BODIES),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=40), st.data())
def test_native_and_wasm_give_the_same_observations(
    events: list[Event], data: st.DataObject
) -> None:
    stream = protocol.encode_events(events)
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=4).map(sorted))
    ours = drive(wasm("register"), cut(stream, *places))
    theirs = drive_native(native("register"), [stream])
    assert (ours.code, ours.output) == (theirs.code, theirs.output)


@pytest.mark.parametrize("mode", ["ReleaseSafe", "ReleaseSmall", "Debug"])
def test_every_mode_gives_the_same_observations(mode: str) -> None:
    events, _ = protocol.split_events(SMALL_TRACE)
    stream = protocol.encode_events(e for e in events if e.kind != EventKind.DIGEST)
    run = drive(build.build("register", mode=mode), [stream])
    assert (run.output, run.code) == (drive(wasm("register"), [stream]).output, 0)


@pytest.mark.parametrize("source", ["sdk/hash.zig", "sdk/frame.zig", "apply/kv.zig"])
def test_the_tests_inside_the_sources_pass(source: str, tmp_path: Path) -> None:
    command = [*build.zig().command, "test", source, "--cache-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=build.source(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tests passed" in done.stderr


class TestMemgrow:
    def grow(self, argument: int) -> tuple[int, int, int, int]:
        command = protocol.command(0, 0xABC0, 5, struct.pack("<i", argument))
        answer = observe("memgrow", START, command)[1]
        return (answer.outcome, *struct.unpack("<iIQ", protocol.report_of(answer)))

    @pytest.mark.parametrize("argument", [-1, 1, 65536, -(2**31), 2**31 - 1])
    def test_memory_that_cannot_grow_is_refused_and_stays_usable(self, argument: int) -> None:
        pages = build.RECIPES["memgrow"].memory_pages
        assert self.grow(argument) == (17, -1, pages, 0xABC5)

    def test_growing_by_nothing_is_granted(self) -> None:
        pages = build.RECIPES["memgrow"].memory_pages
        assert self.grow(0) == (16, pages, pages, 0xABC5)


@pytest.mark.parametrize("number", [0, 1, 0x7FFFFFFF, 0x80000001])
def test_overwriting_a_local_leaves_what_was_read_from_it(number: int) -> None:
    command = protocol.command(0, 5, 7, struct.pack("<I", number))
    answer = observe("overwrite", START, command)[1]
    assert struct.unpack("<I", protocol.report_of(answer)) == (2 * number % (1 << 32),)

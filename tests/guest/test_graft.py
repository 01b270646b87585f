"""A grafted program runs as it does alone, and nothing else of the guest moves."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import wasmtime
from wasmtime import Engine, Func, Instance, Memory, Store

from lockstep import protocol
from lockstep.errors import GuestError
from lockstep.execute.driver import Driver
from lockstep.execute.filter import run_filter
from lockstep.guest import catalog
from lockstep.guest.audit import audit, require_guest
from lockstep.guest.graft import graft
from lockstep.guest.wasm import Limits, Module
from lockstep.protocol import ActionKind, Commit, Event
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime
from lockstep.scenario.named import named
from lockstep.simulate import Recording, simulate

APPLY = "(param $s i32) (param $n i32) (param $c i32) (param $m i32)"
STATE, COMMAND = 1024, 2048

GUEST = f"""
(module
  {{more}}
  (type $spare (func (param i64)))
  (memory (export "memory") 2 2)
  (global $own (mut i32) (i32.const 5))
  (func $seven (result i32) (i32.const 7))
  (func (export "_start"))
  (func $apply (export "lockstep_apply") {APPLY} (i32.store8 (local.get $s) (i32.const 99)))
  (func (export "check") (result i32)
    (global.set $own (i32.add (global.get $own) (i32.const 1)))
    (i32.add (i32.add (global.get $own) (call $seven)) (i32.load8_u (i32.const 16))))
  (func (export "through") {APPLY}
    (call $apply (local.get $s) (local.get $n) (local.get $c) (local.get $m)))
  (data (i32.const 16) "\\64"))
"""
CHECKED = 6 + 7 + 0x64

# A block type of 64 to 127 tells signed from unsigned numbers.
MANY_TYPES = "".join(
    f"(type (func (param {' '.join(row)})))" for row in itertools.product(["i32", "f32"], repeat=6)
)

NOTHING = f'(module (func (export "lockstep_apply") {APPLY}))'

COUNTER = f"""
(module
  (import "env" "memory" (memory 1))
  (global $calls (mut i32) (i32.const 0))
  (func $step (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "lockstep_apply") {APPLY}
    (global.set $calls (call $step (global.get $calls)))
    (i32.store (local.get $s) (global.get $calls))
    (i32.store offset=4 (local.get $s) (memory.size))))
"""

CALLS_ITSELF = f"""
(module
  (import "env" "memory" (memory 3 3))
  (func $before (param i32) (i32.store8 (local.get 0)
    (i32.add (i32.load8_u (local.get 0)) (i32.const 1))))
  (func $apply (export "lockstep_apply") {APPLY}
    (call $before (local.get $s))
    (if (local.get $m) (then
      (call $apply (i32.add (local.get $s) (i32.const 1)) (local.get $n) (local.get $c)
        (i32.sub (local.get $m) (i32.const 1)))
      (call $after (local.get $s)))))
  (func $after (param i32) (i32.store8 offset=16 (local.get 0) (i32.const 3))))
"""

SEGMENTS = f"""
(module
  (import "env" "memory" (memory 3 3))
  (type $unary (func (param i32) (result i32)))
  (type $both (func (param i32 i32) (result i32 i32)))
  (table $t 8 8 funcref)
  (table $refs 2 funcref)
  (global $base i32 (i32.const 2))
  (global $kept (mut funcref) (ref.func $triple))
  (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $triple (type $unary) (i32.mul (local.get 0) (i32.const 3)))
  (func $swap (type $both) (local.get 1) (local.get 0))
  (func (export "lockstep_apply") {APPLY}
    (memory.init $text (local.get $s) (i32.const 1) (i32.const 4))
    (table.init $t $late (i32.const 4) (i32.const 0) (i32.const 2))
    (table.set $refs (i32.const 1) (global.get $kept))
    (i32.store offset=8 (local.get $s)
      (call_indirect $t (type $unary) (i32.load8_u (local.get $c)) (i32.const 1)))
    (i32.store offset=12 (local.get $s)
      (call_indirect $t (type $unary) (i32.const 5) (i32.const 4)))
    (i32.store offset=16 (local.get $s)
      (call_indirect $refs (type $unary) (i32.const 5) (i32.const 1)))
    (i32.const 10) (i32.const 4)
    (block $out (param i32 i32) (result i32 i32)
      (loop $again (type $both)
        (br_if $out (i32.load8_u (local.get $c)))
        (call $swap)))
    (local.set $m (i32.sub))
    (i32.store offset=20 (local.get $s) (local.get $m))
    (i32.store offset=24 (local.get $s) (table.size $refs))
    (data.drop $never) (elem.drop $unused)
    (i32.store offset=28 (local.get $s) (i32.load (i32.const 131072))))
  (elem $first (table $t) (global.get $base) func $double)
  (elem (table $t) (i32.const 1) func $triple $double)
  (elem $late funcref (ref.func $triple) (ref.null func))
  (elem $unused func $swap)
  (data (i32.const 131072) "arena")
  (data $text "-text")
  (data $never ""))
"""

ONLY_DATA = f"""
(module
  (import "env" "memory" (memory 3 3))
  (func (export "lockstep_apply") {APPLY}
    (i32.store (local.get $s) (i32.load (i32.const 131080))))
  (data (i32.const 131080) "data"))
"""

DONORS = {
    "only data": ONLY_DATA,
    "nothing": NOTHING,
    "counter": COUNTER,
    "itself": CALLS_ITSELF,
    "segments": SEGMENTS,
}
GUESTS = {
    "plain": "",
    "imports": '(import "a" "f" (func)) (import "a" "g" (func (param i64)))',
    "many types": MANY_TYPES,
    "segments": '(data $g "guest") (elem declare func $seven) (func (data.drop $g))',
    "more functions": "(func) (func (param i64)) (global i64 (i64.const 1))",
}


@cache
def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def guest(more: str = "") -> bytes:
    return wasm(GUEST.format(more=more))


class Live:
    """An instance, its state at STATE and a command at COMMAND."""

    def __init__(self, module: bytes, pages: int = 3) -> None:
        self.store = Store(Engine())
        compiled = wasmtime.Module(self.store.engine, module)
        memory = Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(pages, pages)))
        given = [self._import(entry.type) or memory for entry in compiled.imports]
        self.instance = Instance(self.store, compiled, given)
        found = self.instance.exports(self.store).get("memory", memory)
        assert isinstance(found, Memory)
        self.memory = found

    def _import(self, kind: object) -> Func | None:
        if isinstance(kind, wasmtime.FuncType):
            return Func(self.store, kind, lambda *_: None)
        return None

    def call(self, name: str, *arguments: int) -> int:
        function = self.instance.exports(self.store)[name]
        assert isinstance(function, Func)
        return function(self.store, *arguments)  # type: ignore[no-any-return]

    def apply(self, command: bytes, name: str = "lockstep_apply") -> bytes:
        self.memory.write(self.store, command, COMMAND)
        self.call(name, STATE, 64, COMMAND, len(command))
        return bytes(self.memory.read(self.store, STATE, STATE + 64))


class TestProgram:
    @pytest.mark.parametrize("donor", DONORS)
    @pytest.mark.parametrize("more", GUESTS)
    def test_it_does_in_a_guest_what_it_does_alone(self, donor: str, more: str) -> None:
        alone = Live(wasm(DONORS[donor]))
        grafted = Live(graft(guest(GUESTS[more]), wasm(DONORS[donor])))
        for command in (b"\1", b"\0\0abc", b"\3"):
            assert grafted.apply(command) == alone.apply(command)

    def test_the_guest_calls_it(self) -> None:
        module = guest()
        assert Live(module).apply(b"", "through")[0] == 99
        grafted = Live(graft(module, wasm(COUNTER)))
        assert grafted.apply(b"", "through")[:8] == bytes([1, 0, 0, 0, 3, 0, 0, 0])
        assert grafted.apply(b"", "through")[0] == 2

    def test_its_segments_reach_the_arena_and_its_table(self) -> None:
        state = Live(graft(guest(), wasm(SEGMENTS))).apply(b"\2")
        words = [int.from_bytes(state[at : at + 4], "little") for at in range(8, 28, 4)]
        assert state[:4] == b"text"
        assert words == [6, 15, 15, 6, 2]
        assert state[28:32] == b"aren"

    def test_a_trap_in_it_is_a_trap_of_the_guest(self) -> None:
        donor = wasm(f'(module (func (export "lockstep_apply") {APPLY} (unreachable)))')
        with pytest.raises(wasmtime.Trap, match="unreachable"):
            Live(graft(guest(), donor)).apply(b"", "through")

    def test_a_program_in_the_place_of_a_program_works_as_the_last_one(self) -> None:
        twice = graft(graft(guest(), wasm(CALLS_ITSELF)), wasm(COUNTER))
        assert Live(twice, pages=4).apply(b"", "through")[:8] == bytes([1, 0, 0, 0, 4, 0, 0, 0])


class TestGuestKeepsItsOwn:
    @pytest.mark.parametrize("donor", DONORS)
    @pytest.mark.parametrize("more", GUESTS)
    def test_its_other_functions_globals_and_data_still_work(self, donor: str, more: str) -> None:
        live = Live(graft(guest(GUESTS[more]), wasm(DONORS[donor])))
        assert live.call("check") == CHECKED
        live.apply(b"\1")
        assert live.call("check") == CHECKED + 1

    @pytest.mark.parametrize("donor", DONORS)
    def test_no_other_body_and_no_index_changes(self, donor: str) -> None:
        before = Module.decode(guest(MANY_TYPES))
        after = Module.decode(graft(guest(MANY_TYPES), wasm(DONORS[donor])))
        site = [entry.index for entry in before.exports() if entry.name == "lockstep_apply"]
        changed = [
            index
            for index, (old, new) in enumerate(zip(before.bodies(), after.bodies(), strict=False))
            if old.data != new.data
        ]
        assert changed == site
        assert after.exports() == before.exports()
        assert after.types()[: len(before.types())] == before.types()
        assert after.functions()[: len(before.functions())] == before.functions()

    def test_its_memory_gets_one_page_and_stays_fixed(self) -> None:
        assert Module.decode(graft(guest(), wasm(COUNTER))).memories() == [Limits(3, 3)]

    def test_custom_sections_are_dropped(self) -> None:
        assert Module.decode(guest()).customs() == ["name"]
        assert Module.decode(graft(guest(), wasm(COUNTER))).customs() == []

    def test_the_data_count_is_written_only_when_someone_needs_it(self) -> None:
        counts = [
            Module.decode(graft(guest(more), wasm(donor))).data_count()
            for more in ("", GUESTS["segments"])
            for donor in (COUNTER, ONLY_DATA, SEGMENTS)
        ]
        assert counts == [None, None, 4, 2, 3, 5]

    def test_it_stays_in_the_first_version_if_the_program_does(self) -> None:
        found = audit(graft(guest(), wasm(COUNTER)))
        assert (found.features, found.missing) == ((), ())

    def test_the_same_two_give_the_same_bytes(self) -> None:
        assert graft(guest(), wasm(SEGMENTS)) == graft(guest(), wasm(SEGMENTS))


def module_with(*parts: str, apply: str = f'(func (export "lockstep_apply") {APPLY})') -> str:
    return f"(module {' '.join(parts)} {apply})"


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("(module (memory 1 1))", "guest: does not export a function `lockstep_apply`"),
            (module_with("(memory 1 2)"), "guest: its memory can grow"),
            (module_with("(memory 1)"), "guest: its memory can grow"),
            (module_with(), "guest: does not have one memory of its own"),
            (module_with('(import "a" "m" (memory 1 1))'), "guest: does not have one memory"),
            (module_with("(memory 65536 65536)"), "guest: its memory has no room"),
            (
                f'(module (import "a" "f" (func $f {APPLY})) (memory 1 1)'
                ' (export "lockstep_apply" (func $f)))',
                "guest: its `lockstep_apply` is an import",
            ),
            (
                module_with("(memory 1 1)", apply='(func (export "lockstep_apply") (param i32))'),
                "guest: its `lockstep_apply` does not take four i32",
            ),
        ],
    )
    def test_a_guest_without_a_place_for_a_program(self, text: str, words: str) -> None:
        with pytest.raises(GuestError) as caught:
            graft(wasm(text), wasm(NOTHING))
        assert words in caught.value.message

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("(module)", "does not export a function `lockstep_apply`"),
            (module_with('(import "env" "log" (func))'), "`env.memory`: env.log"),
            (module_with('(import "env" "mem" (memory 1))'), "`env.memory`: env.mem"),
            (module_with('(import "env" "memory" (global i32))'), "`env.memory`: env.memory"),
            (module_with("(memory 1)"), "has a memory of its own"),
            (module_with('(import "env" "memory" (memory 4))'), "wants another memory than 3"),
            (module_with('(import "env" "memory" (memory 1 2))'), "wants another memory than 3"),
            (module_with("(func $f) (start $f)"), "has a start function"),
        ],
    )
    def test_a_donor_that_is_more_than_a_program(self, text: str, words: str) -> None:
        with pytest.raises(GuestError) as caught:
            graft(guest(), wasm(text))
        assert words in caught.value.message
        assert caught.value.message.startswith("donor: ")

    def test_two_tables_have_no_place(self) -> None:
        with pytest.raises(GuestError, match="has a table of its own, and so has the donor"):
            graft(guest("(table 1 funcref)"), wasm(SEGMENTS))

    def test_what_is_no_module_is_named_as_guest_or_donor(self) -> None:
        with pytest.raises(GuestError, match="donor: is empty"):
            graft(guest(), b"")
        with pytest.raises(GuestError, match="guest: is not a WebAssembly module"):
            graft(b"no module", wasm(NOTHING))

    def test_an_index_that_leads_nowhere_is_named_with_its_byte(self) -> None:
        donor = wasm(module_with("(func (call 0) (drop (i32.const 77)))"))
        place = donor.index(b"\x10\0\x41")
        broken = donor[: place + 1] + b"\x09" + donor[place + 2 :]
        with pytest.raises(GuestError, match=f"there is no function 9 at byte {place + 1}"):
            graft(guest(), broken)


RUNTIMES = [
    "wasmtime:cranelift",
    "wasmtime:winch",
    "v8:default",
    "wasmer:cranelift",
    "wasm3:default",
]

ADDS_UP = wasm(f"""
(module
  (import "env" "memory" (memory 2))
  (table 1 1 funcref)
  (global $mark i64 (i64.const 0x6b72616d))
  (type $sum (func (param i32) (result i32)))
  (func $length (type $sum) (i32.add (local.get 0) (i32.const 1)))
  (elem (i32.const 0) $length)
  (func (export "lockstep_apply") {APPLY}
    (i64.store (local.get $s) (global.get $mark))
    (i32.store offset=8 (local.get $s) (i32.add (i32.load offset=8 (local.get $s))
      (call_indirect (type $sum) (local.get $m) (i32.const 0))))
    (i32.store offset=12 (local.get $s) (memory.size))))
""")


class Played(NamedTuple):
    """A scenario on a guest: what it answered, the memory digest and the end of node 0."""

    recording: Recording
    digest: bytes
    commits: list[Commit]
    application: bytes


def runtime(name: str) -> Runtime:
    there = {found.name: found for found in registry.available()[0]}
    if name not in there:
        pytest.skip(f"{name} is not here")
    return there[name]


@cache
def play(module: Path) -> Played:
    """The fault-free scenario on wasmtime."""
    with Driver(runtime("wasmtime:cranelift"), module) as driver:
        description = protocol.parse_description(ask(driver, protocol.describe()))
        recording = simulate(named(description)[0].scenario, driver, description)
        digest = driver.step(protocol.digest())
        state = json.loads(ask(driver, protocol.inspect(0)))
    return Played(recording, digest, commits(recording), bytes.fromhex(state["application"]))


def ask(driver: Driver, event: Event) -> bytes:
    return protocol.report_of(protocol.decode_observation(driver.step(event)))


def commits(recording: Recording) -> list[Commit]:
    """Those of node 0."""
    answers = zip(recording.events, recording.observations, strict=True)
    frames = [frame for event, frame in answers if event.node == 0]
    actions = [action for frame in frames for action in protocol.decode_observation(frame).actions]
    return [protocol.parse_commit(a.body) for a in actions if a.kind == ActionKind.COMMIT]


def pages(module: Path) -> int:
    memory = audit(module).memory
    assert memory is not None
    return memory.minimum


@pytest.fixture(scope="module")
def grafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("graft") / "grafted.wasm"
    path.write_bytes(graft(catalog.find("hotstuff").module, ADDS_UP))
    return path


class TestHotStuff:
    def test_it_stays_a_guest_of_the_first_version(self, grafted: Path) -> None:
        require_guest(grafted)
        assert audit(grafted).features == ()
        assert pages(grafted) == pages(catalog.find("hotstuff").path) + 1

    def test_it_decides_the_same_and_replicates_another_application(self, grafted: Path) -> None:
        usual, other = play(catalog.find("hotstuff").path), play(grafted)
        assert len(usual.commits) > 5
        assert [c.block for c in usual.commits] == [c.block for c in other.commits]
        pairs = zip(usual.commits, other.commits, strict=True)
        assert all(a.application != b.application for a, b in pairs if a.commands)
        assert usual.application != other.application

    def test_a_node_holds_what_the_program_wrote(self, grafted: Path) -> None:
        played = play(grafted)
        lengths = [len(data) + 1 for c in played.commits for _, _, data in c.commands]
        assert lengths
        words = (sum(lengths), pages(grafted))
        expected = b"mark".ljust(8, b"\0") + b"".join(n.to_bytes(4, "little") for n in words)
        assert played.application == expected.ljust(len(played.application), b"\0")

    @pytest.mark.parametrize("name", RUNTIMES)
    def test_it_answers_alike_on_every_runtime(self, name: str, grafted: Path) -> None:
        played = play(grafted)
        events = [*played.recording.events, protocol.digest()]
        run = run_filter(runtime(name), grafted, protocol.encode_events(events))
        assert (run.end.kind, run.end.code) == ("exit", 0)
        assert run.output == b"".join([*played.recording.observations, played.digest])

    @pytest.mark.parametrize("name", RUNTIMES)
    def test_a_program_that_traps_shows_on_every_runtime_that_it_ran(
        self, name: str, tmp_path: Path
    ) -> None:
        donor = wasm(f'(module (func (export "lockstep_apply") {APPLY} (unreachable)))')
        module = tmp_path / "traps.wasm"
        module.write_bytes(graft(catalog.find("hotstuff").module, donor))
        events = play(catalog.find("hotstuff").path).recording.events
        run = run_filter(runtime(name), module, protocol.encode_events(events))
        assert run.end.kind == "trap"
        assert "unreachable" in runtime(name).trap_kinds(run.end.text)

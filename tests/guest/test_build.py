"""Building: the same bytes anywhere, a shape that every runtime can take, helpful errors."""

from __future__ import annotations

import re
import shutil
import struct
import sys
from pathlib import Path

import pytest
import wasmtime
from driving import drive

from lockstep import protocol
from lockstep.errors import LockstepError, OutputError, UnknownNameError, UsageError
from lockstep.guest import build

ROOT = Path(__file__).parents[2]
ZIG = [name for name, recipe in build.RECIPES.items() if recipe.language == "zig"]
START = protocol.init(0, protocol.Init(0, 4, 7))
COMMAND = protocol.command(0, 1, 1, b"\x00" + struct.pack("<QQ", 5, 77))


def copied_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guest sources, copied to `folder`, where the next builds take them from."""
    shutil.copytree(build.source(), folder)
    monkeypatch.setattr(build, "source", lambda: folder)
    return folder


def module_of(path: Path) -> wasmtime.Module:
    return wasmtime.Module(wasmtime.Engine(), path.read_bytes())


class TestTheSameBytes:
    def test_in_any_folder_and_with_any_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = build.build("register").read_bytes()
        copied_sources(tmp_path / "elsewhere" / "guest", monkeypatch)
        monkeypatch.setattr(build, "_cache", lambda: tmp_path / "cache")
        there = build.build("register").read_bytes()
        assert there == here
        assert str(tmp_path).encode() not in there

    @pytest.mark.parametrize("mode", ["ReleaseFast", "ReleaseSafe"])
    def test_with_no_path_of_this_machine(self, mode: str, tmp_path: Path) -> None:
        out = build.build("echo", mode=mode, out=tmp_path / "x.wasm")
        module = out.read_bytes()
        for folder in (tmp_path, Path.home(), Path(sys.prefix), build.source(), build._cache()):
            assert str(folder).encode() not in module

    def test_as_the_ones_that_are_kept_in_the_repository(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(ROOT / "tools")
        import ship_guests

        assert ship_guests.stale(ship_guests.fresh()) == []

    def test_as_the_sources_are_though_one_is_edited_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sources = copied_sources(tmp_path / "guest", monkeypatch)
        monkeypatch.setattr(build, "_cache", lambda: tmp_path / "cache")
        compiled: list[str] = []

        def edit(_job: build._Job, scratch: Path) -> Path:
            compiled.append((sources / "sdk" / "sdk.zig").read_text())
            (sources / "sdk" / "sdk.zig").write_text("// edited")
            (scratch / "guest").write_text(compiled[-1])
            return scratch / "guest"

        monkeypatch.setattr(build, "_compile", edit)
        assert build.build("register").read_text() == "// edited"
        assert len(compiled) == 2
        assert len(list((tmp_path / "cache").rglob("*.wasm"))) == 1

    def test_at_a_place_named_from_here(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        out = build.build("register", out=Path("sub/x.wasm"))
        assert out.read_bytes() == build.build("register").read_bytes()
        assert list(tmp_path.rglob("*")) == [tmp_path / "sub", tmp_path / "sub" / "x.wasm"]


class TestTheShape:
    @pytest.mark.parametrize("name", ZIG)
    def test_three_imports_a_start_and_the_application(self, name: str) -> None:
        module = module_of(build.build(name))
        assert {(i.module, i.name) for i in module.imports} == {
            ("wasi_snapshot_preview1", function)
            for function in ("fd_read", "fd_write", "proc_exit")
        }
        assert {e.name for e in module.exports} == {"_start", "lockstep_apply", "memory"}

    @pytest.mark.parametrize("name", ZIG)
    def test_a_memory_below_4_mib_that_cannot_grow(self, name: str) -> None:
        exports = {e.name: e.type for e in module_of(build.build(name)).exports}
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.MemoryType)
        assert memory.limits.min == memory.limits.max == build.RECIPES[name].memory_pages < 64

    @pytest.mark.parametrize("name", ZIG)
    def test_no_table_no_start_function_and_no_name_of_ours(self, name: str) -> None:
        ids = [number for number, _ in sections(build.build(name).read_bytes())]
        custom, table, start, element = 0, 4, 8, 9
        assert not {custom, table, start, element} & set(ids)

    @pytest.mark.parametrize("name", ZIG)
    def test_it_is_small(self, name: str) -> None:
        assert build.build(name).stat().st_size < 200_000

    def test_the_application_is_really_called(self, tmp_path: Path) -> None:
        module = build.build("register").read_bytes()
        broken = tmp_path / "broken.wasm"
        broken.write_bytes(with_trap_in(module, "lockstep_apply"))
        stream = protocol.encode_events([START, COMMAND])
        assert drive(build.build("register"), [stream]).code == 0
        assert "unreachable" in drive(broken, [stream]).trap
        assert drive(broken, [START.encode()]).code == 0

    def test_another_application_changes_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = bodies(build.build("register").read_bytes())
        sources = copied_sources(tmp_path / "guest", monkeypatch)
        (sources / "apply" / "kv.zig").write_text(
            "export fn lockstep_apply(_: [*]u8, _: u32, _: [*]u8, _: u32) void {}"
        )
        after = bodies(build.build("register", out=tmp_path / "x.wasm").read_bytes())
        assert len([1 for a, b in zip(before, after, strict=True) if a != b]) == 1


class TestFlaws:
    def test_a_flaw_reaches_the_source(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sources = copied_sources(tmp_path / "guest", monkeypatch)
        root = sources / "register" / "register.zig"
        text = root.read_text().replace(
            "height + 1;", "height + @as(u64, if (flaw == .skips_one) 2 else 1);"
        )
        flaw = 'const flaw: enum { none, skips_one } = @import("build_options").flaw;\n'
        root.write_text(text + flaw)
        recipe = build.Recipe("register", flaws=("skips_one", "misspelt"))
        monkeypatch.setitem(build.RECIPES, "register", recipe)
        heights = [commit_height(build.build("register", flaw=f)) for f in (None, "skips_one")]
        assert heights == [1, 2]
        with pytest.raises(LockstepError, match="misspelt"):
            build.build("register", flaw="misspelt")

    def test_the_table_names_the_flaws_of_the_source(self) -> None:
        text = (build.source() / "hotstuff" / "flaw.zig").read_text()
        tags = re.findall(r"^    (\w+),$", text, re.MULTILINE)
        assert ("none", *build.RECIPES["hotstuff"].flaws) == tuple(tags)


def commit_height(module: Path) -> int:
    run = drive(module, [protocol.encode_events([START, COMMAND])])
    answer = protocol.decode_observation(protocol.split_frames(run.output)[0][1])
    return protocol.parse_commit(answer.actions[1].body).height


class TestMistakes:
    def test_a_guest_that_does_not_exist_is_named_with_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError) as caught:
            build.build("hotstufff")
        assert caught.value.hint == "did you mean `hotstuff`?"

    @pytest.mark.parametrize(
        "wrong", [{"flaw": "two_chains_commit"}, {"mode": "releasefast"}, {"cpu": "mpv+sign_ext"}]
    )
    def test_a_wrong_option_is_named_with_the_nearest(self, wrong: dict[str, str]) -> None:
        with pytest.raises(UnknownNameError) as caught:
            build.build("hotstuff", **wrong)  # type: ignore[arg-type]
        assert (caught.value.hint or "").startswith("did you mean")

    def test_a_missing_compiler_is_named_with_the_remedy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(build, "_zig_commands", lambda: iter(()))
        build.zig.cache_clear()
        with pytest.raises(UsageError, match=r"Zig 0\.14\.x") as caught:
            build.build("register")
        build.zig.cache_clear()
        assert caught.value.hint == "`pip install ziglang==0.14.1`"

    def test_a_compiler_of_another_version_is_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = tmp_path / "zig"
        other.write_text("#!/bin/sh\necho 0.17.0\n")
        other.chmod(0o755)
        monkeypatch.setattr(build, "_zig_commands", lambda: iter([(str(other),)]))
        build.zig.cache_clear()
        with pytest.raises(UsageError, match=re.escape(f"{other} is 0.17.0")):
            build.zig()
        build.zig.cache_clear()

    def test_a_source_that_does_not_compile_says_where(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sources = copied_sources(tmp_path / "guest", monkeypatch)
        (sources / "sdk" / "loop.zig").write_text("oops")
        with pytest.raises(LockstepError, match=r"sdk/loop\.zig:1:1"):
            build.build("register")

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OutputError, match="cannot write"):
            build.build("register", out=tmp_path / "file" / "x.wasm")
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


def sections(module: bytes) -> list[tuple[int, bytes]]:
    """Number and content of each section."""
    found, at = [], 8
    while at < len(module):
        size, start = leb(module, at + 1)
        found.append((module[at], module[start : start + size]))
        at = start + size
    return found


def bodies(module: bytes) -> list[bytes]:
    """The function bodies of a module."""
    code = dict(sections(module))[10]
    count, at = leb(code, 0)
    found = []
    for _ in range(count):
        size, start = leb(code, at)
        found.append(code[start : start + size])
        at = start + size
    return found


def with_trap_in(module: bytes, export: str) -> bytes:
    """`module`, where the function `export` starts with `unreachable`."""
    exports = dict(sections(module))[7]
    name = bytes([len(export)]) + export.encode() + b"\x00"
    index, _ = leb(exports, exports.index(name) + len(name))
    imported = len(module_functions(module))
    body = bodies(module)[index - imported]
    groups, at = leb(body, 0)
    for _ in range(groups):
        _, at = leb(body, at)
        at += 1
    assert module.count(body) == 1
    return module.replace(body, body[:at] + b"\x00" + body[at + 1 :])


def module_functions(module: bytes) -> list[str]:
    """The names of the imported functions."""
    imports = wasmtime.Module(wasmtime.Engine(), module).imports
    return [i.name or "" for i in imports if isinstance(i.type, wasmtime.FuncType)]


def leb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at

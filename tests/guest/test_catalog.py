"""Guests are found by name, path and SHA-256, and are what their SHA-256 says."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs
import pytest

from lockstep.errors import GuestError, OutputError, UnknownNameError
from lockstep.guest import catalog

FIRST, SECOND = b"\0asm first", b"\0asm second"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog of its own: `first` is shipped, `second` in the corpus, nothing in the cache."""
    modules, corpus = tmp_path / "modules", tmp_path / "corpus"
    modules.mkdir()
    corpus.mkdir()
    (modules / "first.wasm").write_bytes(FIRST)
    (modules / "SHA256SUMS").write_text(f"{sha256(FIRST)}  first.wasm\n")
    (corpus / "second.wasm").write_bytes(SECOND)
    monkeypatch.setattr(catalog, "_MODULES", modules)
    monkeypatch.setattr(catalog, "_CORPUS", corpus)
    monkeypatch.setenv("LOCKSTEP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestFinding:
    def test_a_shipped_guest_by_its_name(self, home: Path) -> None:
        path = home / "modules" / "first.wasm"
        assert catalog.shipped() == {"first": path}
        assert catalog.find("first") == catalog.Guest("first", path, sha256(FIRST), FIRST)

    @pytest.mark.parametrize("place", ["mine.wasm", "./mine.wasm", "mine", "deep/mine.bin"])
    def test_a_file_by_its_path(self, home: Path, place: str) -> None:
        path = home / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(SECOND)
        found = catalog.find(place)
        assert (found.name, found.module, found.sha256) == ("mine", SECOND, sha256(SECOND))

    def test_a_name_wins_over_a_file_of_that_name(self, home: Path) -> None:
        (home / "first").write_bytes(SECOND)
        assert catalog.find("first").module == FIRST
        assert catalog.find("./first").module == SECOND

    @pytest.mark.parametrize("digits", [6, 12, 64])
    @pytest.mark.parametrize(("name", "module"), [("first", FIRST), ("second", SECOND)])
    def test_a_known_guest_by_its_hash(self, digits: int, name: str, module: bytes) -> None:
        found = catalog.find(sha256(module)[:digits].upper())
        assert (found.name, found.module) == (name, module)

    def test_a_remembered_guest_by_its_hash(self, home: Path) -> None:
        module = b"\0asm another"
        with pytest.raises(UnknownNameError):
            catalog.find(sha256(module))
        path = catalog.remember(module)
        assert path.is_relative_to(home / "cache")
        found = catalog.find(sha256(module)[:10])
        assert (found.path, found.module, found.name) == (path, module, sha256(module)[:12])

    def test_a_guest_known_twice_has_its_better_name(self) -> None:
        catalog.remember(FIRST)
        assert catalog.find(sha256(FIRST)).name == "first"

    def test_the_real_shipped_guests_are_what_their_sums_say(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        assert "hotstuff" in catalog.shipped()
        for name in catalog.shipped():
            assert catalog.find(name).name == name


class TestNotFinding:
    def test_a_misspelt_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError) as caught:
            catalog.find("frist")
        assert caught.value.hint == "did you mean `first`?"

    @pytest.mark.parametrize("text", ["", "abcdef", "first" * 100, "12345", "first\0"])
    def test_what_is_nothing_is_an_unknown_name(self, text: str) -> None:
        with pytest.raises(UnknownNameError):
            catalog.find(text)

    @pytest.mark.parametrize("text", ["absent.wasm", "./absent", "modules/", "/"])
    def test_what_looks_like_a_path_is_named_as_one(self, text: str) -> None:
        with pytest.raises(GuestError):
            catalog.find(text)

    def test_a_hash_that_begins_several_names_them(self) -> None:
        by_start: dict[str, bytes] = {}
        for module in (b"%d" % number for number in range(40_000)):
            other = by_start.setdefault(sha256(module)[:6], module)
            if other != module:
                break
        catalog.remember(module)
        catalog.remember(other)
        with pytest.raises(GuestError, match="begins the SHA-256 of 2 guests") as caught:
            catalog.find(sha256(module)[:6])
        assert sha256(module)[:12] in str(caught.value.hint)
        assert catalog.find(sha256(module)).module == module


class TestDamage:
    def test_a_shipped_module_that_is_not_what_its_sum_says_is_refused(self, home: Path) -> None:
        (home / "modules" / "first.wasm").write_bytes(SECOND)
        with pytest.raises(GuestError, match=sha256(SECOND)) as caught:
            catalog.find("first")
        assert caught.value.hint == "reinstall lockstep"

    def test_a_remembered_module_that_changed_is_refused(self) -> None:
        path = catalog.remember(b"\0asm another")
        path.write_bytes(b"other")
        with pytest.raises(GuestError) as caught:
            catalog.find(path.stem)
        assert caught.value.hint == f"remove {path}"

    def test_a_shipped_module_that_is_gone_is_named(self, home: Path) -> None:
        (home / "modules" / "first.wasm").unlink()
        with pytest.raises(GuestError, match=r"first\.wasm: cannot be read"):
            catalog.find("first")

    def test_sums_that_cannot_be_read_are_named(self, home: Path) -> None:
        (home / "modules" / "SHA256SUMS").write_text("only-one-word\n")
        with pytest.raises(GuestError, match="SHA256SUMS"):
            catalog.shipped()

    def test_no_sums_are_no_shipped_guests(self, home: Path) -> None:
        (home / "modules" / "SHA256SUMS").unlink()
        assert catalog.shipped() == {}


class TestCache:
    def test_it_is_where_the_user_says(self, home: Path) -> None:
        assert catalog.cache_dir() == home / "cache"

    def test_it_is_the_platforms_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LOCKSTEP_CACHE_DIR")
        assert catalog.cache_dir() == platformdirs.user_cache_path("lockstep")

    def test_remembering_twice_writes_once(self) -> None:
        path = catalog.remember(FIRST)
        os.utime(path, (1, 1))
        assert catalog.remember(FIRST) == path
        assert path.stat().st_mtime == 1
        assert [file.name for file in path.parent.iterdir()] == [f"{sha256(FIRST)}.wasm"]

    def test_a_cache_that_cannot_be_written_is_named(self, home: Path) -> None:
        (home / "cache").write_text("in the way")
        with pytest.raises(OutputError, match="cannot write"):
            catalog.remember(FIRST)

"""Installing: what is said, what is refused, and that one engine's failure is its own."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.cli import run
from lockstep.errors import ExitCode, RuntimeUnavailableError, UnknownNameError
from lockstep.runtimes import install, kept, registry
from lockstep.runtimes.install.clients import Client, Step
from lockstep.runtimes.install.recipes import RECIPES, Recipe

GOOD = "#!/bin/sh\nexit 0\n"
BROKEN = "#!/bin/sh\necho 'host: no such library' >&2\nexit 127\n"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE_DIR", str(tmp_path / "cache"))


def client(
    program: str = GOOD, *, fails: tuple[str, ...] = (), missing: str | None = None
) -> Client:
    """A client that writes `program` as every host, and fails for the engines in `fails`."""

    def steps(recipe: Recipe, _version: str, folder: Path, work: Path) -> list[Step]:
        if recipe.engine in fails:
            return [Step(("sh", "-c", "echo half > half; echo no such crate >&2; exit 3"), work)]
        host = folder / "bin" / f"run_{recipe.host.removeprefix('run_')}"
        script = 'mkdir -p "${1%/*}" && printf "%s" "$2" > "$1" && chmod +x "$1"'
        return [Step(("sh", "-c", script, "sh", str(host), program), work)]

    return Client(lambda _: missing, steps, lambda _: ["10.0.0", "9.1.0", "1.0.0"], "apt help")


@pytest.fixture
def with_client(monkeypatch: pytest.MonkeyPatch) -> Callable[[Client], None]:
    """Put one client in the place of all."""

    def put(one: Client) -> None:
        for name in list(install.CLIENTS):
            monkeypatch.setitem(install.CLIENTS, name, one)
        for name, recipe in list(RECIPES.items()):
            if recipe.client not in ("cargo", "go"):
                monkeypatch.delitem(RECIPES, name)

    return put


def test_what_is_installed_can_be_chosen_by_its_version(
    with_client: Callable[[Client], None],
) -> None:
    with_client(client())
    for version in ("1.11.0", "1.12.0"):
        install.install("wazero", version)
    chosen = registry.select("wazero@1.11.0:interpreter,wazero,wazero:interpreter")
    assert [rt.spec for rt in chosen] == [
        "wazero@1.11.0:interpreter",
        "wazero@1.12.0:compiler",
        "wazero@1.12.0:interpreter",
    ]
    assert [rt.name for rt in chosen] == [
        "wazero@1.11.0:interpreter",
        "wazero:compiler",
        "wazero@1.12.0:interpreter",
    ]
    there = {rt.name: rt.version for rt in registry.available()[0] if rt.engine == "wazero"}
    assert there == {"wazero:compiler": "1.12.0", "wazero:interpreter": "1.12.0"}


def test_the_record_holds_hash_and_commands_but_not_the_folder_that_was_filled(
    with_client: Callable[[Client], None],
) -> None:
    with_client(client())
    one = install.install("wazero")
    (runtime,) = registry.select("wazero")
    assert one.record.sha256 == runtime.sha256
    assert (one.folder / one.record.binary).read_text() == GOOD
    (command,) = one.record.commands
    assert command.startswith("sh -c")
    assert str(kept.root()) not in command


def test_what_is_there_is_not_installed_again(with_client: Callable[[Client], None]) -> None:
    with_client(client())
    first = install.install("wazero")
    with_client(client(fails=("wazero",)))
    assert install.install("wazero") == first


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (client(fails=("wazero",)), "no such crate"),
        (client(BROKEN), "no such library"),
        (client(missing="there is no `go` on PATH"), "there is no `go` on PATH"),
    ],
    ids=["client fails", "host does not run", "no client"],
)
def test_what_fails_says_why_with_a_remedy_and_leaves_nothing(
    with_client: Callable[[Client], None], broken: Client, said: str
) -> None:
    with_client(broken)
    with pytest.raises(RuntimeUnavailableError) as error:
        install.install("wazero")
    assert said in error.value.message
    assert kept.found() == []
    left = [path for path in kept.root().glob("*") if stat.S_ISDIR(path.stat().st_mode)]
    assert left == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["wasmtim"], "did you mean `wasmtime`?"),
        (["wasmtime@0.20.0"], "needs 0.30.0 or newer"),
        (["wamr@1.0.0"], "2.4.3 alone"),
        (["wasmtime@../../etc"], "that is no version"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_exit_code_2(
    names: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runtimes", "install", *names]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_nothing_begins_when_one_of_several_names_is_wrong(
    with_client: Callable[[Client], None],
) -> None:
    with_client(client())
    assert run(["runtimes", "install", "wazero", "wazer"]) == ExitCode.USAGE
    assert kept.found() == []


def test_of_all_the_failing_are_named_and_the_others_go_on(
    with_client: Callable[[Client], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with_client(client(fails=("wasmi", "wamr")))
    assert run(["runtimes", "install", "all"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "wasmi is not installed: " in said
    assert "wamr is not installed: " in said
    assert "minutes in all" in said
    installed = {one.engine for one in kept.found()}
    assert installed == set(RECIPES) - {"wasmi", "wamr"}


def test_published_versions_are_in_the_order_of_numbers_and_installed_ones_marked(
    with_client: Callable[[Client], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with_client(client())
    install.install("wazero", "9.1.0")
    assert run(["runtimes", "versions", "wazero"]) == ExitCode.AGREE
    assert capsys.readouterr().out.split("\n")[:3] == ["1.0.0", "9.1.0  installed", "10.0.0"]


def test_list_and_remove(
    with_client: Callable[[Client], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with_client(client())
    one = install.install("wazero")
    assert run(["runtimes", "list"]) == ExitCode.AGREE
    listed = capsys.readouterr().out
    assert listed.startswith("wazero@1.12.0  ")
    assert one.record.sha256[:16] in listed
    assert run(["runtimes", "remove", "wazero@1.11.0"]) == ExitCode.USAGE
    assert run(["runtimes", "remove", "wazero@1.12.0"]) == ExitCode.AGREE
    assert kept.found() == []


def test_every_recipe_belongs_to_a_row_that_can_use_it() -> None:
    rows = registry.table()
    for recipe in RECIPES.values():
        assert rows[recipe.engine].kept is not None
    with pytest.raises(UnknownNameError):
        install.recipe_of("native")


def test_versions_are_exact_and_the_packages_beside_them_too() -> None:
    for recipe in RECIPES.values():
        assert recipe.version[0].isdigit()
        assert recipe.minutes > 0
        assert all("==" in package for package in recipe.packages)


@pytest.mark.long
def test_two_versions_of_wasmtime_run_one_trace_side_by_side() -> None:
    install.install("wasmtime", "20.0.0")
    trace = Path(__file__).parents[2] / "traces" / "fault-free.trace"
    names = "wasmtime@20.0.0:cranelift,wasmtime@50.0.1"
    assert run(["replay", "--runtimes", names, str(trace)]) == ExitCode.AGREE


@pytest.mark.long
def test_the_releases_with_the_wrong_copysign_are_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Path(__file__).parents[2] / "corpus" / "known" / "wasmtime-copysign"
    bounds = ("--first", "0.30.0", "--last", "50.0.1")
    trace = str(folder / "reproducer.trace")
    assert run(["bisect", trace, "--runtime", "wasmtime", *bounds]) == ExitCode.AGREE
    said = capsys.readouterr().out
    assert "first bad: 7.0.0 (6.0.0 is right)" in said
    assert "first good: 42.0.0 (41.0.0 is wrong)" in said
    assert len(kept.found("wasmtime")) <= 20

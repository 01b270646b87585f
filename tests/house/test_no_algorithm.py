"""The package does not know which algorithm it tests: that is data, and the guest's own words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from lockstep.campaign.job import describe
from lockstep.campaign.plan import driver_of
from lockstep.execute.driver import Driver
from lockstep.guest import build, catalog
from lockstep.protocol import Description
from lockstep.runtimes import registry

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lockstep"
DATA = {PACKAGE / "guest" / "modules" / "SHA256SUMS"}


def texts() -> dict[Path, str]:
    found = {}
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "source" not in path.parts and path not in DATA:
            try:
                found[path] = path.read_text()
            except UnicodeDecodeError:
                continue
    return found


def literals() -> set[str]:
    return {
        node.value
        for path, text in texts().items()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def shipped() -> Description:
    runtimes, _ = registry.available()
    with Driver(driver_of(runtimes), catalog.find(catalog.default()).path) as driver:
        return describe(driver)


def test_no_file_of_the_package_names_an_algorithm() -> None:
    algorithms = {name for name, recipe in build.RECIPES.items() if not recipe.toy}
    assert algorithms >= {"hotstuff", "relab"}
    pattern = re.compile("|".join(algorithms), re.IGNORECASE)
    naming = {str(path.relative_to(ROOT)) for path, text in texts().items() if pattern.search(text)}
    assert not naming


def test_no_code_asks_for_what_only_the_shipped_guest_calls_so() -> None:
    said = shipped()
    words = {kind.name for kind in said.messages} | {lie.name for lie in said.mutations}
    words |= {option.name for option in said.options} | set(said.outcomes.values())
    phrases = {word for word in words if " " in word}  # `block` and `fetch` mean other things too
    assert len(phrases) > 40
    assert not phrases & literals() - {"unknown node"}  # of the protocol


def test_what_is_shipped_is_the_data_of_one_folder() -> None:
    folder = PACKAGE / "guest" / "modules"
    assert {path.name for path in folder.iterdir()} == {
        "SHA256SUMS",
        *(f"{name}.wasm" for name in catalog.shipped()),
    }

"""What there is to build: the guests of `guests.toml`, and those of other people's folders."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from lockstep.errors import UnknownNameError, UsageError

TABLE = "guests.toml"
Language = Literal["zig", "go"]


class Recipe(msgspec.Struct, frozen=True):
    """How one guest is built; `guests.toml` says what the fields mean.

    `folder` holds the sources; where it is None they are in the folder of that name in `source()`.
    """

    name: str
    language: Language = "zig"
    toy: bool = False
    flaws: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    memory_pages: int = 63
    folder: Path | None = None


def source() -> Path:
    """The folder of guest sources: in the package, or beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "source", package.parents[1] / "guest"):
        if (folder / TABLE).is_file():
            return folder
    raise UsageError(
        f"the guest sources are not at {package / 'source'}", hint="reinstall lockstep"
    )


def read(folder: Path) -> dict[str, Recipe]:
    """The table in `folder`."""
    table = tomllib.loads((folder / TABLE).read_text())
    return {name: msgspec.convert({"name": name, **row}, Recipe) for name, row in table.items()}


def recipe_of(name: str, known: Mapping[str, Recipe]) -> Recipe:
    """The guest of that name, or in the folder of that path; raises `UnknownNameError` for none."""
    if name in known:
        return known[name]
    folder = Path(name).resolve()
    if (folder / "go.mod").is_file():
        return Recipe(folder.name, "go", folder=folder)
    if (folder / f"{folder.name}.zig").is_file():
        return Recipe(folder.name, folder=folder)
    if folder.is_dir():
        raise UsageError(
            f"the folder {name} holds neither `go.mod` nor `{folder.name}.zig`",
            hint="`lockstep guest new` writes one that can be built",
        )
    raise UnknownNameError("guest", name, known)

"""A folder to start a guest from: a toy that works, in the language of one's choice."""

from __future__ import annotations

import re
from pathlib import Path

from lockstep import files
from lockstep.errors import OutputError, UsageError
from lockstep.guest.recipes import Language, source

_WORD = "skeleton"  # stands for the name, in files and in their names
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


def write(name: str, language: Language, parent: Path) -> list[Path]:
    """Write the folder `name` into `parent`; returns its files.

    Raises `UsageError` for a name that cannot be one of a guest in both languages, `OutputError`
    where there is something already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` cannot be the name of a guest",
            hint="small letters, digits and underscores, a letter first",
        )
    folder = parent / name
    if folder.exists():
        raise OutputError(folder, "is there already")
    written = []
    for file in sorted((source() / _WORD / language).iterdir()):
        path = folder / file.name.replace(_WORD, name)
        files.write_atomically(path, file.read_bytes().replace(_WORD.encode(), name.encode()))
        written.append(path)
    return written

"""Guests of this folder's tests, compiled from their text when one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

GUESTS = Path(__file__).parent / "guests"


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the module of a guest by its name."""
    folder = tmp_path_factory.mktemp("guests")

    def compiled(name: str) -> Path:
        module = folder / f"{name.replace('/', '-')}.wasm"
        if not module.exists():
            module.write_bytes(wasmtime.wat2wasm((GUESTS / f"{name}.wat").read_text()))
        return module

    return compiled

"""Rows of the engines whose hosts are built on request, by the client of their ecosystem.

Nothing is built unasked: `lockstep runtimes` names the command, which puts the host into the cache.
"""

from __future__ import annotations

from functools import partial

from lockstep.runtimes import find, traps
from lockstep.runtimes.model import Quirk, Row, Tier, Traps

SEGMENT = "segment out of bounds"


def crate(
    engine: str,
    folder: str,
    version: str,
    texts: Traps,
    *tiers: Tier,
    quirks: tuple[Quirk, ...] = (),
    in_all: bool = True,
) -> Row:
    """An engine that comes as a crate: its host is in `hosts/rust/FOLDER`."""
    return Row(
        engine,
        tiers or (Tier("default", engine, "interpreter"),),
        partial(find.built, engine, version, f"run_{folder}"),
        f"cargo install --path {find.HOSTS / 'rust' / folder} "
        f"--root {find.engine_folder(engine, version)}",
        texts,
        quirks=quirks,
        in_all=in_all,
    )


def wazero(version: str) -> Row:
    """The engine wazero, whose host is a Go program in `hosts/go`."""
    return Row(
        "wazero",
        (
            Tier("compiler", "wazero"),
            Tier(
                "interpreter",
                "wazero-interpreter",
                "interpreter",
                note="an interpreter of its own behind a shared front end",
            ),
        ),
        partial(find.built, "wazero", version, "run_wazero"),
        f"go build -C {find.HOSTS / 'go'} "
        f"-o {find.engine_folder('wazero', version) / 'bin' / 'run_wazero'} .",
        traps.WAZERO,
        quirks=(
            Quirk(
                SEGMENT,
                "exit: ok",
                "it leaves out an element segment that does not fit (internal/wasm/store.go)",
            ),
        ),
    )


ROWS = (
    crate("wasmi", "wasmi", "2.0.0", traps.SPECIFIED),
    crate("wasmi0", "wasmi0", "0.31.2", traps.SPECIFIED),
    crate("tinywasm", "tinywasm", "0.10.0", traps.SPECIFIED),
    crate(
        "spacewasm",
        "spacewasm",
        "0.7.1",
        traps.SPACEWASM,
        quirks=(
            Quirk(SEGMENT, "rejected: ", "it checks segments before anything is instantiated"),
        ),
    ),
    # Its compiler panics on the HotStuff guest (corpus/found/stitch-crash): on request only.
    crate("stitch", "stitch", "0.1.0", traps.STITCH, in_all=False),
    crate("wain", "wain", "0.3.1", traps.WAIN),
    wazero("1.12.0"),
)

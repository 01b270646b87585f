"""Options that several commands share. Each is also a `LOCKSTEP_*` variable."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lockstep.guest import catalog

Command = TypeVar("Command", bound=Callable[..., Any])

ENVIRONMENT = {"LOCKSTEP_CACHE_DIR"}
"""Every variable that lockstep reads; `option` adds to it."""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
FINDS = Path(".lockstep/finds")


def option(name: str, *more: str, **settings: Any) -> Callable[[Command], Command]:
    """An option that `LOCKSTEP_NAME` sets too."""
    variable = "LOCKSTEP_" + name.removeprefix("--").replace("-", "_").upper()
    ENVIRONMENT.add(variable)
    settings.setdefault("show_default", True)
    return click.option(name, *more, envvar=variable, **settings)


class Duration(click.ParamType[float]):
    """`90`, `90s`, `10m`, `1.5h`: seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds, above zero."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(value).strip())
        if found is None or float(found[1]) <= 0:
            self.fail(f"`{value}` is no duration; say `60s`, `10m` or `2h`", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]


guest_option = option(
    "--guest",
    default=catalog.default(),
    help="A shipped or a built guest, a module, or the start of a SHA-256.",
)
runtimes_option = option(
    "--runtimes",
    default="all",
    help="`all`, or some: `wasmtime,v8:liftoff,wasmtime:*`; see `lockstep runtimes`.",
)
cold_option = option(
    "--cold", is_flag=True, help="Compile anew for each run; no compiled code is used again."
)
output_option = option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=FINDS,
    help="The folder of finds.",
)
seed_option = option(
    "--seed", type=click.IntRange(0, 2**64 - 1), help="Where all randomness comes from."
)

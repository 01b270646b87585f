"""Who judges which trace: the fast all of them, the slow in turns."""

from __future__ import annotations

from lockstep.campaign.plan import COSTLY, every, takes_part
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime

HERE = [rt for rt in registry.available()[0] if rt.engine != "canary"]


def of(*names: str) -> list[Runtime]:
    return registry.select(",".join(names))


def judged(runtime: Runtime, among: list[Runtime], cost: int = 1) -> list[int]:
    return [index for index in range(64) if takes_part(runtime, among, index, cost)]


def test_a_jit_judges_all_and_the_slow_a_share_of_them() -> None:
    among = of("wasmtime", "wasm3", "pywasm")
    assert [len(judged(runtime, among)) for runtime in among] == [64, 16, 4]
    assert [len(judged(runtime, among, COSTLY)) for runtime in among] == [64, 4, 1]


def test_the_fastest_judge_all_where_all_are_slow() -> None:
    among = of("wasm3", "pywasm")
    assert [every(runtime, among) for runtime in among] == [1, 4]
    assert judged(among[0], among) == list(range(64))


def test_the_slow_take_turns() -> None:
    slow = [runtime for runtime in HERE if runtime.speed != "jit"]
    first = {runtime: judged(runtime, HERE)[0] for runtime in slow}
    assert len(slow) == 1 or len(set(first.values())) > 1

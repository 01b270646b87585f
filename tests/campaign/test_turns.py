"""Who judges which trace: the fast all of them, the slow in turns."""

from __future__ import annotations

from lockstep import protocol
from lockstep.campaign.job import beginning
from lockstep.campaign.plan import COSTLY, SHORT_MIN, every, share_of, takes_part
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime
from lockstep.trace import Header, Trace

HERE = [rt for rt in registry.available()[0] if rt.engine != "canary"]


def of(*names: str) -> list[Runtime]:
    return registry.select(",".join(names))


def judged(runtime: Runtime, among: list[Runtime]) -> list[int]:
    return [index for index in range(1, 65) if takes_part(runtime, among, index)]


def test_a_jit_judges_all_and_the_slow_a_share_of_them() -> None:
    among = of("wasmtime", "wasm3", "pywasm")
    assert [len(judged(runtime, among)) for runtime in among] == [64, 16, 4]


def test_all_judge_the_first() -> None:
    assert all(takes_part(runtime, HERE, 0) for runtime in HERE)


def test_of_a_costly_trace_the_slow_judge_the_beginning() -> None:
    among = of("wasmtime", "wasm3", "pywasm")
    assert [share_of(runtime, among, COSTLY) for runtime in among] == [1, 8, 32]
    assert [share_of(runtime, among, COSTLY - 1) for runtime in among] == [1, 1, 1]
    events = (*(protocol.timeout(0, view) for view in range(1, 800)), protocol.digest())
    trace = Trace(Header("some", "0" * 64), events)
    assert beginning(trace, 1) == trace
    assert beginning(trace, 8).events == (*events[:100], events[-1])
    assert beginning(trace, 32).events == (*events[:SHORT_MIN], events[-1])
    few = Trace(Header("some", "0" * 64), events[-20:])
    assert beginning(few, 8) == few


def test_the_fastest_judge_all_where_all_are_slow() -> None:
    among = of("wasm3", "pywasm")
    assert [every(runtime, among) for runtime in among] == [1, 4]
    assert judged(among[0], among) == list(range(1, 65))


def test_the_slow_take_turns() -> None:
    slow = [runtime for runtime in HERE if runtime.speed != "jit"]
    first = {runtime: judged(runtime, HERE)[0] for runtime in slow}
    assert len(slow) == 1 or len(set(first.values())) > 1

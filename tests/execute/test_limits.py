"""What a runtime may use, and how each way to end is told from the others."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from fake_runtimes import MODULE, Fake, frame, script

from lockstep.errors import LockstepError
from lockstep.execute import confine
from lockstep.execute.filter import FilterProcess, run_filter
from lockstep.execute.process import COMPLAINT_BYTES, Child, EarlyEnd, Limits

QUICK = Limits(wall_s=20.0)


def end_of(source: str, limits: Limits = QUICK, stdin: bytes = b"", **fields: str) -> tuple:
    run = run_filter(script(f"import os, sys, time\n{source}", **fields), MODULE, stdin, limits)
    return run.end.kind, run.end.code, run.end.text


def test_exit_codes_up_to_125_are_the_guests():
    assert end_of("os._exit(0)") == ("exit", 0, "")
    assert end_of("os._exit(65)") == ("exit", 65, "")
    assert end_of("os._exit(125)") == ("exit", 125, "")


def test_codes_of_a_host_need_no_guess():
    trap = "sys.stderr.write('noise\\ntrap: unreachable\\n'); os._exit(134)"
    assert end_of(trap) == ("trap", 134, "unreachable")
    assert end_of("sys.stderr.write('rejected: bad magic\\n'); os._exit(126)") == (
        "rejected",
        126,
        "bad magic",
    )
    assert end_of("sys.stderr.write('host: no memory\\n'); os._exit(127)") == (
        "host",
        127,
        "no memory",
    )


def test_code_134_without_a_trap_text_is_a_crash():
    assert end_of("os._exit(134)")[:2] == ("crash", 134)
    assert end_of("os._exit(139)")[:2] == ("crash", 139)


def test_a_plain_command_traps_when_its_stderr_says_so():
    source = "sys.stderr.write('Error: wasm trap: unreachable\\n'); os._exit(1)"
    assert end_of(source, trap="wasm trap")[0] == "trap"
    assert end_of(source, trap="something else") == ("exit", 1, "")
    assert end_of(source.replace("_exit(1)", "_exit(0)"), trap="wasm trap") == ("exit", 0, "")


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGILL", "SIGKILL", "SIGTERM"])
def test_a_signal_is_a_crash_by_its_name(name):
    kind, code, text = end_of(f"import signal; os.kill(os.getpid(), signal.{name})")
    assert kind == "crash" and code < 0 and text.startswith(name)


def test_a_command_that_does_not_exist_is_the_hosts_fault():
    run = run_filter(Fake(filter=("/no/such/runtime",)), MODULE, b"", QUICK)
    assert run.end.kind == "host" and "/no/such/runtime" in run.end.text


def test_a_hang_is_ended_and_keeps_what_was_written():
    started_s = time.monotonic()
    run = run_filter(
        script("import os, time; os.write(1, b'so far'); time.sleep(1000)"),
        MODULE,
        b"",
        Limits(wall_s=0.5),
    )
    assert run.end.kind == "hang" and run.output == b"so far"
    assert time.monotonic() - started_s < 15


def test_a_process_that_ignores_sigterm_is_ended_too():
    source = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
    assert end_of(source, Limits(wall_s=0.5))[0] == "hang"


def test_an_endless_loop_runs_out_of_cpu_time():
    assert end_of("while True: pass", Limits(wall_s=30.0, cpu_s=1.0))[0] == "hang"


def test_the_memory_of_the_whole_tree_counts():
    hog = "hog = bytearray(b'x' * (80 << 20)); time.sleep(1000)"
    limits = Limits(wall_s=20.0, memory_bytes=200 << 20)
    assert end_of(f"os.fork(); os.fork(); {hog}", limits)[0] == "memory limit"
    assert end_of(hog.replace("1000", "0.2"), limits)[0] == "exit"


def test_too_much_output_is_ended():
    endless = "while True: os.write(1, b'x' * 65536)"
    assert end_of(endless, Limits(wall_s=20.0, output_bytes=1 << 20))[0] == "output limit"


def test_a_file_that_grows_too_large_is_the_output_limit():
    source = """import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
with open('large', 'wb', 0) as file:
    while True: file.write(b'x' * 65536)"""
    assert end_of(source, Limits(wall_s=20.0, output_bytes=1 << 20))[0] == "output limit"


def test_ten_megabytes_go_through_both_ways_at_once():
    data = os.urandom(10 << 20)
    source = "while data := os.read(0, 65536): os.write(1, data)"
    run = run_filter(script(f"import os\n{source}"), MODULE, data, QUICK)
    assert run.end.kind == "exit" and run.output == data


def test_output_before_any_input_is_read_does_not_deadlock():
    source = "import os, sys; os.write(1, b'x' * (10 << 20)); print(len(sys.stdin.buffer.read()))"
    run = run_filter(script(source), MODULE, bytes(10 << 20), QUICK)
    assert run.output.endswith(b"x%d\n" % (10 << 20))


def test_stdin_can_be_a_file(tmp_path):
    file = tmp_path / "events.bin"
    file.write_bytes(b"events")
    source = "import sys; sys.stdout.write(sys.stdin.read())"
    assert run_filter(script(source), MODULE, file, QUICK).output == b"events"


def test_a_missing_stdin_file_is_one_clear_error(tmp_path):
    with pytest.raises(LockstepError, match="missing"):
        run_filter(script(""), MODULE, tmp_path / "missing", QUICK)


def test_a_flood_on_stderr_neither_blocks_nor_grows():
    source = "import os\nfor _ in range(300): os.write(2, b'y' * 65536)\nos.write(1, b'done')"
    with FilterProcess(script(source), MODULE, QUICK) as process:
        while not process.child.ended:
            process.child.turn()
        assert process.child.output == b"done"
        assert process.end().kind == "exit"
        assert len(process.child.complaint) == COMPLAINT_BYTES


def test_the_last_line_of_a_long_stderr_is_what_counts():
    source = (
        "sys.stderr.write('y' * 100000 + '\\ntrap: late\\n'); sys.stderr.flush(); os._exit(134)"
    )
    assert end_of(source) == ("trap", 134, "late")


def test_a_guest_that_closes_its_stdin_is_not_waited_for():
    run = run_filter(script("import os; os.close(0); os.write(1, b'bye')"), MODULE, bytes(1 << 20))
    assert (run.end.kind, run.output) == ("exit", b"bye")


def test_a_guest_that_closes_its_stdout_still_ends_as_it_does():
    assert end_of("os.close(1); os.close(2); time.sleep(0.2); os._exit(7)") == ("exit", 7, "")
    assert end_of("os.close(1); os.close(2); time.sleep(1000)", Limits(wall_s=0.5))[0] == "hang"


def test_a_step_has_the_limit_for_itself():
    source = """import os, time
while data := os.read(0, 65536):
    time.sleep(0.4)
    os.write(1, data)"""
    with FilterProcess(script(source), MODULE, Limits(wall_s=1.0)) as process:
        for _ in range(4):
            assert process.step(frame(b"abc")) == frame(b"abc")


def test_cpu_time_of_the_whole_tree_is_counted():
    burn = "\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass"
    run = run_filter(
        script(f"import os, time\npid = os.fork(){burn}\nif pid: os.wait()"), MODULE, b""
    )
    assert 0.6 <= run.cpu_s < 5.0 and run.wall_s >= 0.3


def test_two_hundred_processes_leave_nothing_behind(tmp_path):
    def look() -> tuple[int, list[int]]:
        return len(list(Path("/proc/self/fd").iterdir())), confine.children(os.getpid())

    def start(source: str) -> None:
        limits = Limits(wall_s=0.05 if "sleep" in source else 20.0)
        child = Child((sys.executable, "-I", "-S", "-c", source), {}, tmp_path, limits)
        try:
            while not child.ended:
                child.turn()
        except EarlyEnd:
            pass
        child.close()

    start("")
    before = look()
    for index in range(200):
        start("import time; time.sleep(9)" if index % 4 == 0 else "print('hello')")
    assert look() == before

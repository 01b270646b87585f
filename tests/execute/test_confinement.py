"""What a runtime can reach, and that nothing of it is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_runtimes import MODULE, frame, misbehaving, script

import lockstep
from lockstep.execute import confine, machine
from lockstep.execute.filter import FilterProcess, run_filter
from lockstep.execute.process import Limits

QUICK = Limits(wall_s=20.0)
CONFINED = machine.describe()
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
claims_files = pytest.mark.skipif("files read-only" not in CONFINED, reason=CONFINED)
claims_network = pytest.mark.skipif("no network" not in CONFINED, reason=CONFINED)
DAEMON = (
    "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(1000)\n    os._exit(0)"
)


def said(source: str) -> str:
    run = run_filter(script(f"import os, sys, time\n{source}"), MODULE, b"", QUICK)
    assert run.end.kind == "exit", run.end
    return run.output.decode()


def marked(mark: str) -> list[int]:
    """The processes that have `mark` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark.encode() in environment:
                found.append(int(entry.name))
    return found


def soon(true: Callable[[], bool]) -> bool:
    """Whether it becomes true within some seconds."""
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        if true():
            return True
        time.sleep(0.05)
    return False


@claims_files
def test_files_can_be_read_and_not_written(tmp_path):
    existing = tmp_path / "existing"
    existing.write_text("kept")
    source = f"""
print(open({str(existing)!r}).read())
for act in (lambda: open({str(existing)!r}, 'a'), lambda: open({str(tmp_path / "new")!r}, 'w'),
            lambda: os.unlink({str(existing)!r}), lambda: os.mkdir({str(tmp_path / "folder")!r}),
            lambda: os.truncate({str(existing)!r}, 0), lambda: os.rename('.', {str(tmp_path)!r})):
    try:
        act()
        print('done')
    except OSError:
        print('refused')
"""
    assert said(source).split() == ["kept", *["refused"] * 6]
    assert existing.read_text() == "kept" and list(tmp_path.iterdir()) == [existing]


def test_the_working_folder_can_be_written_and_goes_away():
    source = "open('x', 'w').write('y'); open('/dev/null', 'w').write('z'); print(os.getcwd())"
    folder = Path(said(source).strip())
    assert folder.name.startswith("lockstep-") and not folder.exists()


@claims_network
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_the_network_is_out_of_reach(family):
    source = f"""
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    try:
        address = '127.0.0.1' if socket.{family} == socket.AF_INET else '::1'
        there = socket.socket(socket.{family}, kind)
        there.settimeout(2)
        there.connect((address, 9))
        print('connected')
    except OSError as error:
        print(type(error).__name__)
"""
    assert "connected" not in said(source) and "ConnectionRefusedError" not in said(source)


@claims_files
@pytest.mark.skipif(confine.landlock_abi() < confine.SCOPE_ABI, reason="an older Landlock")
def test_other_processes_cannot_be_signalled():
    source = f"""
for pid in (os.getppid(), {os.getpid()}):
    try:
        os.kill(pid, 0)
        print('reached')
    except PermissionError:
        print('refused')
"""
    assert said(source).split() == ["refused", "refused"]


def test_only_the_environment_of_the_row_is_passed(monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    source = "import os; print(sorted(os.environ))"
    run = run_filter(script(source, environment=(("WANTED", "1"),)), MODULE, b"", QUICK)
    names = set(eval(run.output)) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert names == {"HOME", "TMPDIR", "WANTED"}


def test_no_other_file_is_open_in_the_child():
    high = os.dup2(1, 200, inheritable=True)
    try:
        opened = [f"os.path.exists('/dev/fd/{fd}')" for fd in (0, 1, 2, high)]
        assert said(f"print({', '.join(opened)})").split() == ["True", "True", "True", "False"]
    finally:
        os.close(high)


def test_limits_and_privileges_are_given_up():
    limits = "import resource as r\nprint(*(r.getrlimit(w) for w in (r.RLIMIT_CORE, r.RLIMIT_AS)))"
    assert said(limits).startswith("(0, 0) (-1, ")
    if sys.platform == "linux":
        status = said("print(open('/proc/self/status').read())")
        assert "NoNewPrivs:\t1" in status


def test_too_many_open_files_are_refused():
    source = """
try:
    files = [os.open('/dev/null', os.O_RDONLY) for _ in range(5000)]
except OSError as error:
    print(error.errno)
"""
    assert said(source).strip() == "24"


@linux
def test_a_daemon_ends_with_the_command_that_started_it():
    environment = (("MARK", "lockstep-test-daemon"),)
    run = run_filter(
        script(f"import os, time\n{DAEMON}\nos.write(1, b'started')", environment=environment),
        MODULE,
        b"",
        QUICK,
    )
    assert run.output == b"started" and run.end.kind == "exit" and run.wall_s < 10
    assert not marked("lockstep-test-daemon")


@linux
def test_fifty_forked_children_end_at_the_limit():
    source = "import os, time\nfor _ in range(50):\n    if os.fork() == 0: break\ntime.sleep(1000)"
    run = run_filter(
        script(source, environment=(("MARK", "lockstep-test-forks"),)),
        MODULE,
        b"",
        Limits(wall_s=1.0),
    )
    assert run.end.kind == "hang"
    assert not marked("lockstep-test-forks")


@linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_when_lockstep_is_killed(how):
    source = f"import os, time\n{DAEMON}\nos.write(1, b'4\\0\\0\\0')\ntime.sleep(1000)"
    mark = f"lockstep-test-killed-{how}"
    program = f"""
import sys, threading
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(lockstep.__file__).parents[1])!r}]
from fake_runtimes import MODULE, script
from lockstep.execute.filter import FilterProcess
runtime = script({source!r}, environment=(("MARK", {mark!r}),))
process = FilterProcess(runtime, MODULE)
while not process.child.output:
    process.child.turn()
threading.Thread(target=lambda: print('up', flush=True)).start()
process.child.turn()
import time
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as tester:
        try:
            assert tester.stdout and tester.stdout.readline() == b"up\n"
            assert soon(lambda: len(marked(mark)) >= 3)
        finally:
            tester.send_signal(how)
    assert soon(lambda: not marked(mark))


@linux
def test_a_child_outlives_the_thread_that_started_it():
    started: list[FilterProcess] = []
    runtime = misbehaving("never", "pass")
    thread = threading.Thread(target=lambda: started.append(FilterProcess(runtime, MODULE, QUICK)))
    thread.start()
    thread.join()
    with started[0] as process:
        assert process.step(frame(b"one")) == frame(b"one")
        time.sleep(0.1)
        assert process.step(frame(b"two")) == frame(b"two")


def test_this_machine_says_how_it_confines():
    assert "files" in CONFINED and ("network" in CONFINED or "tcp" in CONFINED)


def test_a_machine_without_anything_says_so(monkeypatch):
    monkeypatch.setattr(machine, "confinement", lambda: ("--landlock=0",))
    monkeypatch.setattr(machine, "counts_memory", lambda: False)
    assert machine.describe() == "files writable, network open, memory not limited"
    assert said("print('still runs')") == "still runs\n"


def test_an_old_landlock_is_used_as_far_as_it_goes(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "confinement", lambda: ("--landlock=1",))
    assert machine.describe() == "landlock abi 1, files read-only, network open"
    if confine.landlock_abi() >= 1:
        refused = f"try: open('{tmp_path}/x', 'w')\nexcept PermissionError: print('refused')"
        assert said(refused) == "refused\n"


@pytest.mark.skipif(not shutil.which("bwrap"), reason="no bubblewrap")
def test_bubblewrap_is_used_where_landlock_is_not(monkeypatch, tmp_path):
    found = subprocess.CompletedProcess([], 0, stdout="landlock=0 network=none")
    really = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda c, **k: found if "--probe" in c else really(c, **k)
    )
    options = machine.confinement.__wrapped__()
    assert options == (f"--bubblewrap={shutil.which('bwrap')}",)
    monkeypatch.setattr(machine, "confinement", lambda: options)
    assert machine.describe() == "bubblewrap, files read-only, no network"
    source = f"""
open('here', 'w').write('mine')
print(open('here').read(), len(open('/proc/net/dev').readlines()))
try: open({str(tmp_path / "there")!r}, 'w')
except OSError: print('refused')
"""
    assert said(source).split() == ["mine", "3", "refused"]
    crash = script("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert run_filter(crash, MODULE, b"", QUICK).end.kind == "crash"


def test_the_launcher_needs_nothing_of_lockstep(tmp_path):
    copy = tmp_path / "copy.py"
    copy.write_bytes(Path(confine.__file__).read_bytes())
    probe = [sys.executable, "-I", "-S", str(copy), "--probe"]
    found = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
    assert found.startswith("landlock=")

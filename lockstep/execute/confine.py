"""Start one command so that it can harm nobody: a launcher, run by its path, free of lockstep.

    python -I -S confine.py --NAME=VALUE... -- COMMAND...

    lockstep ── launcher ── the command ── whatever that starts

The launcher adopts every orphan below it, ends them all when the command ends or lockstep dies, and
then ends the way the command did. SIGTERM ends the tree. The command gets a session of its own,
limits, and no way to gain privileges. Where the kernel has Landlock (or else where bubblewrap is
installed) it reads every file, writes below `--writable` alone and reaches no network.
`python -I -S confine.py --probe` prints what this machine has.
"""

# Only modules that load fast: `json`, `pathlib` and even `signal` (it builds enums) take longer to
# load than all the rest does to run.
# ruff: noqa: PTH123, PTH208, SIM105

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import ctypes
import os
import resource
import sys

SET_PDEATHSIG, SET_CHILD_SUBREAPER, SET_NO_NEW_PRIVS = 1, 36, 38  # linux/prctl.h
NEW_USER, NEW_NET = 0x10000000, 0x40000000  # linux/sched.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # one number on all architectures
RULE_PATH_BENEATH = 1
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14  # linux/landlock.h
CHANGES_BY_ABI = {1: 0x1FF2, 2: 1 << 13, 3: TRUNCATE}  # all ways to change a file or a folder
TCP_ABI, SCOPE_ABI = 4, 6
BIND_AND_CONNECT_TCP = 3
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3
LIMITS = (
    (resource.RLIMIT_NOFILE, "files", 0),
    (resource.RLIMIT_FSIZE, "file_bytes", 0),
    (resource.RLIMIT_CPU, "cpu_s", 2),  # SIGXCPU comes first: it tells a hang from a kill
)

libc = ctypes.CDLL(None, use_errno=True)


class PathBeneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def check(result: int) -> int:
    """`result` of a libc call; raises `OSError` when it is negative."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def landlock_abi() -> int:
    """The kernel's Landlock version, 0 without."""
    if sys.platform != "linux":
        return 0
    abi: int = libc.syscall(CREATE_RULESET, None, 0, 1)
    return max(0, abi)


def landlock(abi: int, writable: list[str]) -> None:
    """Forbid changes outside of `writable`; TCP and signals to others too, where it knows how."""
    changes = sum(bits for since, bits in CHANGES_BY_ABI.items() if since <= abi)
    ruleset = (ctypes.c_uint64 * 3)(
        changes,
        BIND_AND_CONNECT_TCP if abi >= TCP_ABI else 0,
        SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= SCOPE_ABI else 0,
    )
    size = 8 * (1 + (abi >= TCP_ABI) + (abi >= SCOPE_ABI))
    rules = check(libc.syscall(CREATE_RULESET, ctypes.byref(ruleset), size, 0))
    allow(rules, "/dev/null", changes & (WRITE_FILE | TRUNCATE))
    for folder in writable:
        allow(rules, folder, changes)
    check(libc.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


def allow(rules: int, path: str, changes: int) -> None:
    """Add the rule that `changes` are allowed beneath `path`."""
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = PathBeneath(changes, parent)
    check(libc.syscall(ADD_RULE, rules, RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    os.close(parent)


def leave_network() -> None:
    """Move to a network namespace without a single interface up; raises `OSError`."""
    user, group = os.geteuid(), os.getegid()
    check(libc.unshare(NEW_NET if user == 0 else NEW_NET | NEW_USER))
    if user != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def limit(which: int, soft: int, hard: int) -> None:
    """Lower a resource limit; what is lower already stays."""
    _, ceiling = resource.getrlimit(which)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def become(options: dict[str, str], writable: list[str], command: list[str]) -> None:
    """In the child: give everything up, then be the command."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if options.get("network") == "none":
        leave_network()
    if sys.platform == "linux":
        end_with_parent()
    for which, name, grace in LIMITS:
        if name in options:
            limit(which, int(options[name]), int(options[name]) + grace)
    if "bubblewrap" in options:
        command = bubblewrap(options["bubblewrap"], writable) + command
    elif sys.platform == "linux":
        check(libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0))  # bubblewrap, maybe setuid, does it itself
    if int(options.get("landlock", 0)):
        landlock(int(options["landlock"]), writable)
    os.execvpe(command[0], command, os.environ)


def end_with_parent() -> None:
    """Be killed when the parent ends, or now if it has."""
    parent = os.getppid()
    check(libc.prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(1)


def bubblewrap(program: str, writable: list[str]) -> list[str]:
    """The command line that confines what is behind it."""
    binds = [word for folder in writable for word in ("--bind", folder, folder)]
    view = ["--ro-bind", "/", "/", "--dev", "/dev", *binds]
    return [program, *view, "--unshare-net", "--die-with-parent", "--"]


def children(pid: int) -> list[int]:
    """Process ids of the children of `pid`; empty where the kernel does not tell."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    except OSError:
        pass
    return found


def end_all(started: list[int]) -> None:
    """Kill and reap every descendant: their orphans become children of this process."""
    while True:
        for pid in children(os.getpid()) or started:
            for kill in (os.killpg, os.kill):
                try:
                    kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        try:
            os.wait()
        except ChildProcessError:
            return


def watch(parent: int, started: list[int]) -> None:
    """Be the one that adopts orphans; end with `parent`, or at SIGTERM."""

    def stop(*_: object) -> None:
        end_all(started)
        os._exit(128 + signal.SIGTERM)

    def orphaned(*_: object) -> None:
        if os.getppid() != parent:  # else only the thread that started us has ended
            stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, orphaned)
    if sys.platform == "linux":
        check(libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        check(libc.prctl(SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0))
    orphaned()


def launch(options: dict[str, str], writable: list[str], command: list[str]) -> None:
    """Run `command` to its end, then end as it did."""
    limit(resource.RLIMIT_CORE, 0, 0)
    started: list[int] = []
    watch(int(options["parent"]), started)
    pid = os.fork()
    if pid == 0:
        try:
            become(options, writable, command)
        except OSError as error:
            os.write(2, f"host: cannot start {command[0]}: {error}\n".encode())
        os._exit(127)
    started.append(pid)
    os.close(0)
    ended = status = 0
    while ended != pid:
        ended, status = os.wait()
    end_all(started)
    end_like(status)


def end_like(status: int) -> None:
    """End this process as another one ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def probe() -> str:
    """What this machine has, one `name=value` a word."""
    found = [f"landlock={landlock_abi()}"]
    if sys.platform == "linux":
        pid = os.fork()
        if pid == 0:
            try:
                leave_network()
            except OSError:
                os._exit(1)
            os._exit(0)
        if os.waitpid(pid, 0)[1] == 0:
            found.append("network=none")
    return " ".join(found)


def main(arguments: list[str]) -> None:
    """Read the command line; see the module's text."""
    if arguments == ["--probe"]:
        os.write(1, probe().encode())
        return
    split = arguments.index("--")
    pairs = [word[2:].partition("=")[::2] for word in arguments[:split]]
    writable = [value for name, value in pairs if name == "writable"]
    launch(dict(pairs), writable, arguments[split + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])

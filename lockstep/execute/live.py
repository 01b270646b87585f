"""A live guest as a job of a warm host: two named pipes instead of files.

So a conversation starts from nothing in milliseconds, where a process of its own would compile the
module first.
"""

from __future__ import annotations

import os
import select
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.execute.load import load
from lockstep.execute.process import READ_BYTES, TICK_MS, EarlyEnd, Ended, Limits
from lockstep.execute.scratch import new_scratch
from lockstep.execute.serve import Job, ServeHost

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

CONVERSATION_CPU_S = 3600.0


class LiveGuest:
    """Steps through one guest after another on the same host; `renew` ends the present one."""

    def __init__(self, runtime: Runtime, module: Path, limits: Limits) -> None:
        self._runtime, self._module, self._limits = runtime, module, limits
        self._scratch = new_scratch()
        self._host = ServeHost(runtime, self._scratch)
        self._stdin, self._stdout = self._scratch / "stdin", self._scratch / "stdout"
        os.mkfifo(self._stdin)
        os.mkfifo(self._stdout)
        self._job: Job | None = None
        self._output = bytearray()
        self._write_fd = self._read_fd = -1
        self._poll = select.poll()

    @property
    def pid(self) -> int | None:
        """The process id of the host, while it runs."""
        return self._host.child.pid if self._host.child else None

    def step(self, frame: bytes) -> bytes:
        """Send one event, wait for its observation; raises `EarlyEnd` at an end or a limit."""
        try:
            return self._converse(memoryview(frame))
        except EarlyEnd:
            self._hang_up()
            self._host.close()
            raise

    def _converse(self, rest: memoryview) -> bytes:
        if self._job is None:
            self._begin()
        if self._host.child is not None:
            self._host.child.deadline_s = time.monotonic() + self._limits.wall_s
        while True:
            if rest:
                rest = self._feed(rest)
            answer = self._whole_frame()
            if answer is not None:
                return answer
            self._wait(writing=bool(rest))

    def renew(self) -> None:
        """End the guest; the next step speaks to a new one."""
        job = self._hang_up()
        if job is not None:
            self._host.finish(job)
            Path(job.stderr).unlink(missing_ok=True)

    def close(self) -> None:
        """End the host."""
        self._hang_up()
        self._host.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _hang_up(self) -> Job | None:
        """Close our ends of the pipes; gives the job that they belonged to."""
        job, self._job = self._job, None
        if job is not None:
            os.close(self._write_fd)
            os.close(self._read_fd)
        return job

    def _begin(self) -> None:
        limits = Limits(
            self._limits.wall_s,
            CONVERSATION_CPU_S,
            self._limits.memory_bytes,
            self._limits.output_bytes,
        )
        load(self._host, self._runtime, self._module, keeps=True)
        # Open for both ways: opening for one would wait for the other side.
        self._write_fd = os.open(self._stdin, os.O_RDWR | os.O_NONBLOCK)
        self._read_fd = os.open(self._stdout, os.O_RDONLY | os.O_NONBLOCK)
        self._job = self._host.start(self._module, self._stdin, limits, stdout=self._stdout)
        self._output.clear()
        self._poll = select.poll()
        self._poll.register(self._read_fd, select.POLLIN)
        if self._host.child is not None:
            self._poll.register(self._host.child.stdout, select.POLLIN)

    def _feed(self, rest: memoryview) -> memoryview:
        try:
            return rest[os.write(self._write_fd, rest) :]
        except BlockingIOError:
            return rest

    def _whole_frame(self) -> bytes | None:
        output = self._output
        if len(output) < 4:
            return None
        end = 4 + int.from_bytes(output[:4], "little")
        if len(output) < end:
            return None
        frame = bytes(output[:end])
        del output[:end]
        return frame

    def _wait(self, *, writing: bool) -> None:
        """Until something comes, a tick at most; where the pipe was full, hardly at all."""
        ready = self._poll.poll(1 if writing else TICK_MS)
        if any(fd == self._read_fd for fd, _ in ready) and self._drain():
            return
        child = self._host.child
        if child is None or child.ended or ready:
            raise EarlyEnd(self._how_it_ended())
        child.turn()

    def _drain(self) -> bool:
        """Take what the guest wrote; False when there will be no more."""
        try:
            data = os.read(self._read_fd, READ_BYTES)
        except BlockingIOError:
            return True
        self._output += data
        if len(self._output) > self._limits.output_bytes:
            raise EarlyEnd(Ended("output limit", text=f"over {self._limits.output_bytes} bytes"))
        return bool(data)

    def _how_it_ended(self) -> Ended:
        assert self._job is not None
        end, _ = self._host.finish(self._job)
        return end

"""The command that is recorded: a child that waits for the recording to begin before it is executed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence

from pat_check.errors import RecordError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
_NOT_EXECUTED = 127
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL


class Command:
    """Born waiting; `release` lets it run, `end` ends it whatever it does."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self.words = list(words)
        self.status: int | None = None  # as a shell says it: the exit code, or 128 and the signal
        ready, self._go = os.pipe()
        self._failed, failed = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(ready, failed, environment)
        os.close(ready)
        os.close(failed)

    def release(self) -> None:
        """Let it run; raises RecordError when it cannot be executed."""
        os.write(self._go, b"!")
        os.close(self._go)
        self._go = -1
        with open(self._failed, "rb") as failed:
            said = failed.read()
        self._failed = -1
        if said:
            self.end()
            raise RecordError(f"{self.words[0]}: {os.strerror(int(said))}")

    def has_ended(self) -> bool:
        """Whether it is over; does not wait."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = 128 - code if code < 0 else code
        return self.status is not None

    def end(self) -> None:
        """End it: by SIGTERM, and a little later by SIGKILL."""
        for descriptor in (self._go, self._failed):
            if descriptor >= 0:
                os.close(descriptor)  # one that still waits is told that nobody comes
        self._go = self._failed = -1
        for number in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + _GRACE
            if not self.has_ended():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            while not self.has_ended() and time.monotonic() < until:
                time.sleep(0.02)

    def _become(self, ready: int, failed: int, environment: Mapping[str, str]) -> None:
        """The child: wait, then be the command. Never returns."""
        try:
            os.close(self._go)
            os.close(self._failed)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            if os.read(ready, 1):
                os.execvpe(self.words[0], self.words, {**os.environ, **environment})
        except OSError as error:
            os.write(failed, str(error.errno).encode())
        finally:
            os._exit(_NOT_EXECUTED)


def check_command(words: Sequence[str]) -> None:
    """Refuse a command that is not there, before anything is begun."""
    if shutil.which(words[0]) is None:
        raise RecordError(f"{words[0]}: command not found")

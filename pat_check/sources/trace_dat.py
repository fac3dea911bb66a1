"""trace.dat, the binary recording of trace-cmd: printed by the trace-cmd that is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import IO

from pat_check.errors import TraceError


def printed(path: str) -> IO[bytes]:
    """What ``trace-cmd report`` says of a file; raises TraceError where there is no trace-cmd.

    Reading raises EOFError at the end when trace-cmd failed.
    """
    program = shutil.which("trace-cmd")
    if program is None:
        raise TraceError("is trace.dat: install trace-cmd, or print it with `trace-cmd report` elsewhere", path)
    return io.BufferedReader(_Report([program, "report", "-i", path]))


class _Report(io.RawIOBase):
    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        assert self._process.stdout is not None
        data = self._process.stdout.read1(len(buffer))  # type: ignore[attr-defined]
        buffer[: len(data)] = data
        if not data and (code := self._process.wait()):
            raise EOFError(f"trace-cmd report ended with {code}")
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
        super().close()

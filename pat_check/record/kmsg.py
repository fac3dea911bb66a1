"""The kernel log from one moment on, through /dev/kmsg."""

from __future__ import annotations

import errno
import os
import re

from pat_check.record.files import Files

_RECORD = re.compile(r"\d+,(?P<number>\d+),(?P<us>\d+),[^;]*;(?P<text>.*)")


class KernelMessages:
    """What the kernel says after this was made. Empty where the log cannot be read, as `problem` tells."""

    def __init__(self, files: Files) -> None:
        self.problem = ""
        self._descriptor = -1
        try:
            self._descriptor = files.open("/dev/kmsg")
            os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError as error:
            self.problem = f"/dev/kmsg: {error.strerror or error}"

    def read(self) -> str:
        """All messages since then, as dmesg prints them; a gap is told as the kernel tells it."""
        lines: list[str] = []
        expected = -1
        while record := self._record():
            for line in record.split("\n"):
                if match := _RECORD.match(line):
                    number, us = int(match["number"]), int(match["us"])
                    if number > expected >= 0:
                        lines.append(f"** {number - expected} printk messages dropped **")
                    expected = number + 1
                    lines.append(f"[{us // 1_000_000:5}.{us % 1_000_000:06}] {match['text']}")
        return "".join(line + "\n" for line in lines)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _record(self) -> str:
        while self._descriptor >= 0:
            try:
                return os.read(self._descriptor, 65536).decode("utf-8", "backslashreplace")
            except OSError as error:
                if error.errno != errno.EPIPE:  # the log went over what we were to read; the next read goes on
                    return ""
        return ""

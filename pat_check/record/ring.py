"""The last seconds of a trace: what a flight recorder keeps."""

from __future__ import annotations

import re
import time
from collections import deque

from pat_check.record.folder import Folder

_CHECKPOINT = re.compile(rb"[^\n]*tracing_mark_write: pat-check:checkpoint (\d+) ")
SLACK: float = 1.5
"""More is kept than was asked for, so that a checkpoint to begin with is in it."""


class Ring:
    """Takes the trace in place of a folder, and gives it the last `seconds` at the end.

    What is kept begins at a checkpoint, from whose list replay knows the state.
    """

    def __init__(self, folder: Folder, seconds: float) -> None:
        self.seconds = seconds
        self._folder = folder
        self._kept: deque[tuple[float, bytes]] = deque()  # when it came, whole lines
        self._rest = b""

    def add(self, piece: bytes) -> None:
        """Take a piece; what is too old goes."""
        whole, newline, rest = piece.rpartition(b"\n")
        if not newline:
            self._rest += piece
            return
        now = time.monotonic()
        self._kept.append((now, self._rest + whole + newline))
        self._rest = rest
        while self._kept and self._kept[0][0] < now - self.seconds * SLACK:
            self._kept.popleft()

    def finish(self) -> None:
        """Write what is kept, from its first checkpoint on; lists of checkpoints that are not in it are removed."""
        text = b"".join(piece for _, piece in self._kept) + self._rest
        first = _CHECKPOINT.search(text)
        text = text[first.start() :] if first is not None else text
        self._folder.add(text)
        self._folder.keep_lists({int(number) for number in _CHECKPOINT.findall(text)})

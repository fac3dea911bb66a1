"""The trace as it leaves the kernel: read without waiting, searched for requests, handed on."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable

from pat_check.errors import RecordError
from pat_check.record.files import Files

_REQUEST = re.compile(rb"tracing_mark_write: (?:pat-check:)?snapshot(?: ([^\n]*))?\n")
_TAIL = 512  # bytes that are kept to find a request that two pieces share
_PIECE = 1 << 16
_AT_ONCE = 1 << 24  # bytes after which others get their turn


class Stream:
    """trace_pipe of an instance, until `close`."""

    def __init__(self, files: Files, path: str, takers: list[Callable[[bytes], None]]) -> None:
        self.requests: list[str] = []  # names of checkpoints that the workload asked for
        self.bytes = 0
        self._takers = takers
        self._tail = b""
        try:
            self._descriptor = files.open(path)
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror or error}") from error

    def drain(self) -> int:
        """Take what is there; returns the number of bytes."""
        taken = 0
        while taken < _AT_ONCE:
            try:
                piece = os.read(self._descriptor, _PIECE)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise RecordError(f"the trace cannot be read: {error.strerror or error}") from error
            if not piece:
                break
            taken += len(piece)
            for take in self._takers:
                take(piece)
            self._search(piece)
        self.bytes += taken
        return taken

    def close(self) -> None:
        """Give the descriptor back, without which the instance cannot be removed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _search(self, piece: bytes) -> None:
        if b"snapshot" not in piece and not self._tail.strip():
            self._tail = piece[piece.rfind(b"\n") + 1 :][-_TAIL:]
            return
        text = self._tail + piece
        for match in _REQUEST.finditer(text):
            self.requests.append((match[1] or b"").decode("utf-8", "backslashreplace").strip() or "asked")
        self._tail = text[text.rfind(b"\n") + 1 :][-_TAIL:]

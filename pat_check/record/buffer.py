"""The size of the ring buffer: chosen for the machine, grown while events are lost."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

from pat_check.errors import RecordError
from pat_check.record.files import Files
from pat_check.record.tracefs import Instance, Lost

_FIRST = 8192  # kB for each CPU
_SHARE_FIRST, _SHARE_MOST = 16, 4  # at most this part of the free memory, at the beginning and ever
_LEAST = 64
_LOOK = 0.5  # seconds between looks at the losses


class Buffer:
    """Sizes are in kB for each CPU."""

    def __init__(self, files: Files, instance: Instance, wish: int = 0) -> None:
        self._instance = instance
        self._fixed = bool(wish)
        self._lost = 0
        self._next_look = 0.0
        cpus = max(1, len(instance.cpus()))
        free = _free(files)
        self._most = max(_LEAST, free // _SHARE_MOST // cpus)
        self.size = wish or min(_FIRST, max(_LEAST, free // _SHARE_FIRST // cpus))
        if problem := instance.tell("buffer_size_kb", str(self.size)):
            raise RecordError(f"a buffer of {self.size} kB for each of {cpus} CPUs cannot be had: {problem}")

    def adapt(self, say: Callable[[str], None]) -> None:
        """Double it where events were lost since the last look, as far as memory allows."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK
        lost = self._instance.lost()
        count = lost.overrun + lost.dropped
        may_grow = count > self._lost and not self._fixed and self.size * 2 <= self._most
        if may_grow and not self._instance.tell("buffer_size_kb", str(self.size * 2)):
            self.size *= 2
            say(f"{count} events are lost; the buffer is now {self.size} kB for each CPU")
        self._lost = count

    def wish(self, lost: Lost) -> int:
        """What to ask for when this was too small: twice what would hold the share that was lost, as memory allows."""
        count = lost.overrun + lost.dropped
        times = 2 * (lost.read + count) / lost.read if lost.read else 4
        factor = 1 << math.ceil(math.log2(times))
        return max(self.size, min(self.size * factor, self._most))


def _free(files: Files) -> int:
    match = re.search(r"^MemAvailable: *(\d+) kB", files.text_or("/proc/meminfo"), re.MULTILINE)
    return int(match[1]) if match else 1 << 20

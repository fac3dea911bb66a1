"""Checkpoints: a marker in the trace, with the kernel's list and the processes' mappings of the same moment."""

from __future__ import annotations

import re
from collections.abc import Callable

from pat_check.record.files import Files
from pat_check.record.folder import Folder
from pat_check.record.machine import MEMTYPE_LIST
from pat_check.record.tracefs import Instance

_RANGE = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S{4} ")
_SPECIAL = frozenset(("pf", "io", "mm"))
_OF_THE_KERNEL = ("[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]")
_TRIES = 5


class Checkpoints:
    """Saves the list and the mappings; the marker ``checkpoint N NAME`` says where in the trace they belong.

    Both are read before and after the marker is written. Only when nothing changed in between they are the state at the
    marker; else another is tried.
    """

    def __init__(self, files: Files, instance: Instance, folder: Folder) -> None:
        self._files, self._instance, self._folder = files, instance, folder
        self._next = 0
        self.saved = 0
        self.unsteady: list[str] = []  # names of checkpoints that could not be taken
        self.processes: Callable[[], list[int]] = list  # those whose mappings are saved
        self.problem = ""  # why the list cannot be read

    def take(self, name: str) -> None:
        """Make a checkpoint now."""
        before, maps_before = self._list(), self._maps()
        for _ in range(_TRIES):
            number, self._next = self._next, self._next + 1
            self._instance.mark(f"pat-check:checkpoint {number} {name}")
            listed, maps = self._list(), self._maps()
            if listed is None:
                return
            if listed == before:
                self._folder.save_list(number, name, listed)
                steady = {pid: text for pid, text in maps.items() if maps_before.get(pid) == text}
                if steady:
                    self._folder.save_maps(number, name, "".join(f"== pid {pid}\n{steady[pid]}" for pid in steady))
                self.saved += 1
                return
            before, maps_before = listed, maps
        self.unsteady.append(name)

    def _list(self) -> str | None:
        try:
            return self._files.text(MEMTYPE_LIST)
        except OSError as error:
            self.problem = f"{MEMTYPE_LIST}: {error.strerror or error}"
            return None

    def _maps(self) -> dict[int, str]:
        return _maps(self._files, self.processes())


def _maps(files: Files, pids: list[int]) -> dict[int, str]:
    found = {}
    for pid in pids:
        try:
            found[pid] = special_maps(files.text(f"/proc/{pid}/smaps"))
        except OSError:
            continue  # it has just ended
    return found


def special_maps(smaps: str) -> str:
    """The PFN and mixed mappings of a process: the first line, Rss and VmFlags of each."""
    kept: list[str] = []
    for block in _blocks(smaps):
        flags = next((line for line in block if line.startswith("VmFlags:")), "")
        if _SPECIAL & set(flags.split()) and not block[0].endswith(_OF_THE_KERNEL):
            kept += [line for line in block if line is block[0] or line.startswith(("Rss:", "VmFlags:"))]
    return "".join(line + "\n" for line in kept)


def _blocks(smaps: str) -> list[list[str]]:
    blocks: list[list[str]] = []
    for line in smaps.splitlines():
        if _RANGE.match(line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    return blocks

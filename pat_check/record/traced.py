"""The processes whose VMAs are recorded: their mappings are saved at checkpoints, for replay to compare."""

from __future__ import annotations

from collections.abc import Set

from pat_check.record.files import Files
from pat_check.record.request import Request


class Traced:
    """Says which processes these are now.

    Of those below `--pid N` only the ones that it forks while it is recorded are; a name holds for a process when all
    its threads have it, for what a thread of another name does is not recorded. Without a filter the mappings of the
    command (`command` is its pid, or 0) and of what it started are saved, though every task is recorded.
    """

    def __init__(self, files: Files, request: Request, command: int) -> None:
        self._files, self._comm = files, request.comm
        self._root = request.pid or (0 if request.comm and not request.follow else command)
        self._not_ours = frozenset(descendants(files, self._root)) - {self._root} if request.pid else frozenset()

    def now(self) -> list[int]:
        """Their pids, ascending."""
        if self._root:
            found = descendants(self._files, self._root, self._not_ours)
        elif self._comm:
            found = sorted(int(name) for name in self._files.names("/proc") if name.isdigit())
        else:
            found = []
        return [pid for pid in found if not self._comm or self._is_named(pid)]

    def _is_named(self, pid: int) -> bool:
        threads = self._files.names(f"/proc/{pid}/task")
        names = (self._files.text_or(f"/proc/{pid}/task/{thread}/comm").removesuffix("\n") for thread in threads)
        return bool(threads) and all(name == self._comm for name in names)


def descendants(files: Files, pid: int, without: Set[int] = frozenset()) -> list[int]:
    """A process and those that came from it, as far as they live and their parents do; not those below `without`."""
    children: dict[int, list[int]] = {}
    for name in files.names("/proc"):
        if name.isdigit() and int(name) not in without:
            words = files.text_or(f"/proc/{name}/stat").rpartition(")")[2].split()
            if len(words) > 1 and words[1].isdigit():
                children.setdefault(int(words[1]), []).append(int(name))
    found, ahead = [], [pid] if files.exists(f"/proc/{pid}") else []
    while ahead:
        found.append(ahead.pop())
        ahead += children.get(found[-1], [])
    return sorted(found)

"""An instance of tracefs and the probes in it: made for one recording and removed whatever happens."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pat_check.errors import RecordError
from pat_check.record.events import forms
from pat_check.record.files import Files
from pat_check.record.probes import Definition, Recipe

MOUNTS: tuple[str, ...] = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_INSTANCE = re.compile(r"pat-check-(?P<pid>\d{1,10})$")
_DEFINED = re.compile(r"[a-z]\d*:(?P<event>(?P<group>pat_check_(?P<pid>\d{1,10}))/\w+)(?: |$)")
_ERROR = re.compile(r"error: (?P<text>.*)")
_NOT_ALLOWED = frozenset((errno.EPERM, errno.EACCES))
_TRIES = 20  # to remove what is in use for a moment longer
_PAUSE = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Refused:
    """A probe that the kernel did not take, and what it said."""

    event: str
    line: str
    why: str


@dataclass(slots=True)
class Lost:
    """What a recording does not hold."""

    overrun: int = 0  # events written over before they were read
    dropped: int = 0  # events for which there was no room
    missed: int = 0  # calls whose probe could not run
    read: int = 0  # events that came through

    def __bool__(self) -> bool:
        return bool(self.overrun or self.dropped or self.missed)


def mounted(files: Files) -> str:
    """Where tracefs is; raises RecordError when it is nowhere."""
    for mount in MOUNTS:
        if files.exists(f"{mount}/instances"):
            return mount
    raise RecordError("tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing")


def is_running(files: Files, pid: int) -> bool:
    """Whether a pid is that of a recorder, or of a printed script, which calls itself pat-check."""
    command = files.text_or(f"/proc/{pid}/cmdline") + files.text_or(f"/proc/{pid}/comm")
    return "pat-check" in command or "pat_check" in command


def leftovers(files: Files, mount: str) -> set[int]:
    """The pids of the recorders whose instance or probes are there."""
    pids = {int(match["pid"]) for name in files.names(f"{mount}/instances") if (match := _INSTANCE.match(name))}
    for line in files.text_or(_definitions_of(files, mount)).splitlines():
        if match := _DEFINED.match(line):
            pids.add(int(match["pid"]))
    return pids


@dataclass(slots=True)
class Instance:
    """A ring buffer of our own, ``instances/pat-check-PID``, and the probes of group ``pat_check_PID``.

    Born in `create`; `remove` takes away all that was made, in any state.
    """

    files: Files
    mount: str
    pid: int
    refused: list[Refused] = field(default_factory=list)
    written: list[str] = field(default_factory=list)  # the definitions that the kernel took
    taken: list[Definition] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """Where the instance is."""
        return f"{self.mount}/instances/pat-check-{self.pid}"

    @property
    def group(self) -> str:
        """The group of its probes."""
        return f"pat_check_{self.pid}"

    def create(self) -> None:
        """Make the instance; it does not record yet."""
        try:
            self.files.mkdir(self.folder)
            self.write("tracing_on", "0")
        except OSError as error:
            raise RecordError(f"{self.folder}: cannot make an instance of tracefs: {_said(error)}") from error

    def tell(self, name: str, value: str) -> str:
        """Write an optional setting; the problem in words, empty when there is none."""
        try:
            self.write(name, value)
        except OSError as error:
            return f"{name}: {_said(error)}"
        return ""

    def write(self, name: str, value: str) -> None:
        """Write a control file of the instance."""
        self.files.write(f"{self.folder}/{name}", value)

    def read(self, name: str) -> str:
        """Read a file of the instance; empty where it cannot be read."""
        return self.files.text_or(f"{self.folder}/{name}")

    def define(self, recipe: Recipe) -> None:
        """Add the probes, each in the best form that the kernel takes; those that it takes in none are `refused`.

        Raises RecordError when none is taken, or when the kernel allows no probes.
        """
        for definition in recipe.definitions:
            if definition.is_return and not any(made.function == definition.function for made in self.taken):
                continue  # a return without its entry says nothing
            self._define(definition, fprobes=recipe.fprobes)
        if not self.taken:
            why = f": {self.refused[0].event}: {self.refused[0].why}" if self.refused else ""
            raise RecordError(f"the kernel takes none of the {len(recipe.definitions)} probes{why}")

    def enable(self, tracepoints: list[str]) -> list[str]:
        """Switch on every probe and the tracepoints; those that the kernel does not have are returned."""
        try:
            self.write(f"events/{self.group}/enable", "1")
        except OSError as error:
            raise RecordError(f"the probes cannot be enabled: {_said(error)}") from error
        return [name for name in tracepoints if self.tell(f"events/{name}/enable", "1")]

    def follow(self, pid: int) -> None:
        """Record only a process, in all its threads, and those that it forks."""
        threads = self.files.names(f"/proc/{pid}/task") or [str(pid)]
        try:
            self.write("options/event-fork", "1")
            self.write("set_event_pid", " ".join(threads))
        except OSError as error:
            raise RecordError(f"pid {pid} cannot be followed: {_said(error)}") from error

    def only_comm(self, comm: str, functions: set[str]) -> None:
        """Record these functions only in processes of that name."""
        for definition in self.taken:
            if definition.function in functions:
                place = f"events/{self.group}/{definition.event}/filter"
                if problem := self.tell(place, f'comm == "{comm}"'):
                    raise RecordError(f"only {comm!r} cannot be recorded: {problem}")

    def mark(self, text: str) -> None:
        """Write a line into the trace."""
        self.write("trace_marker", text + "\n")

    def cpus(self) -> list[str]:
        """The names of the CPUs: cpu0, cpu1 ..."""
        return [name for name in self.files.names(f"{self.folder}/per_cpu") if name.startswith("cpu")]

    def lost(self) -> Lost:
        """What was lost until now."""
        lost = Lost()
        for cpu in self.cpus():
            stats = dict(line.split(":", 1) for line in self.read(f"per_cpu/{cpu}/stats").splitlines() if ":" in line)
            lost.overrun += _count(stats.get("overrun"))
            lost.dropped += _count(stats.get("dropped events")) + _count(stats.get("commit overrun"))
            lost.read += _count(stats.get("read events"))
        own = {definition.event for definition in self.taken}
        for line in self.files.text_or(f"{self.mount}/kprobe_profile").splitlines():
            words = line.split()
            if len(words) >= 3 and words[0] in own:
                lost.missed += _count(words[-1])
        return lost

    def remove(self) -> list[str]:
        """Take away the instance and the probes; returns what could not be removed, with the reason."""
        self.tell("tracing_on", "0")
        self.tell(f"events/{self.group}/enable", "0")
        self.tell("set_event_pid", "")
        stuck = []
        if self.files.exists(self.folder) and (problem := self._patiently(partial(self.files.rmdir, self.folder))):
            stuck.append(f"{self.folder}: {problem}")
            self.tell("events/enable", "0")
        place = _definitions_of(self.files, self.mount)
        for event in self._defined(place):
            if problem := self._patiently(partial(self.files.append, place, f"-:{event}\n")):
                stuck.append(f"{event}: {problem}")
        return stuck

    def _define(self, definition: Definition, *, fprobes: bool) -> None:
        why = line = ""
        for line in forms(definition, self.group, fprobes=fprobes):
            try:
                self.files.append(_definitions_of(self.files, self.mount), line + "\n")
            except OSError as error:
                if error.errno in _NOT_ALLOWED:
                    raise RecordError(f"the kernel allows no probes: {_said(error)} (locked down?)") from error
                why = self._complaint() or _said(error)
            else:
                self.written.append(line)
                self.taken.append(definition)
                return
        self.refused.append(Refused(definition.event, line, why))

    def _complaint(self) -> str:
        """The kernel's last word in error_log."""
        found = _ERROR.findall(self.files.text_or(f"{self.mount}/error_log"))
        return found[-1].strip() if found else ""

    def _defined(self, place: str) -> list[str]:
        matches = map(_DEFINED.match, self.files.text_or(place).splitlines())
        return [match["event"] for match in matches if match is not None and match["group"] == self.group]

    @staticmethod
    def _patiently(remove: Callable[[], None]) -> str:
        """Do it, and again for a while where something is still in use; the problem in words."""
        problem = ""
        for _ in range(_TRIES):
            try:
                remove()
            except FileNotFoundError:
                return ""
            except OSError as error:
                problem = _said(error)
                if error.errno != errno.EBUSY:
                    return problem
                time.sleep(_PAUSE)
            else:
                return ""
        return problem


def _definitions_of(files: Files, mount: str) -> str:
    """The file that takes definitions; the older one knows no fprobes."""
    dynamic = f"{mount}/dynamic_events"
    return dynamic if files.exists(dynamic) else f"{mount}/kprobe_events"


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.strip().isdigit() else 0


def _said(error: OSError) -> str:
    return error.strerror or os.strerror(error.errno or 0)

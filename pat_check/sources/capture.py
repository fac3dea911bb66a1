"""A capture directory: a trace with what was saved beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pat_check.errors import TraceError
from pat_check.events import LostEvents, Message
from pat_check.sources.klog import ROWS, KernelLog
from pat_check.sources.maps import Area, read_maps
from pat_check.sources.memtype_list import read_memtype_list
from pat_check.sources.opening import open_lines
from pat_check.sources.patterns import Pattern
from pat_check.sources.probes import Probes, read_probes

_ENDINGS = ("", ".xz", ".gz", ".zst", ".bz2")
_TRACES = (
    "trace.txt",
    "trace-cmd-report.txt",
    "perf-script.txt",
    "bpftrace.txt",
    "mmiotrace.txt",
    "trace",
    "trace.dat",
)
_SNAP = Pattern(r"snap-(?P<number>\d+)-(?P<name>.*)\.txt(?:\.\w+)?$")
_MAPS = Pattern(r"maps-(?P<number>\d+)-(?P<name>.*)\.txt(?:\.\w+)?$")
_PROBES = ("kprobe_events.txt", "dynamic_events.txt", "kprobe_profile.txt")
_BY_COMM = "comm "
_RELEASES = ("kernel", "release", "uname")


class Saved(NamedTuple):
    """A saved pat_memtype_list: its checkpoint number, its name and its nodes (start, end, type)."""

    number: int
    name: str
    path: str
    nodes: list[tuple[int, int, int]]


class SavedAreas(NamedTuple):
    """Saved mappings of processes at a checkpoint, by pid."""

    number: int
    name: str
    path: str
    of: dict[int, list[Area]]


@dataclass(slots=True)
class Capture:
    """What a directory holds; absent files are empty."""

    trace: str
    iomem: str = ""
    mtrr: str = ""
    dmesg: str = ""
    bars: str = ""
    release: str = ""  # of the kernel, from meta.json
    snapshots: dict[int, Saved] = field(default_factory=dict)
    maps: dict[int, SavedAreas] = field(default_factory=dict)
    probes: Probes = field(default_factory=Probes)  # what was probed, where a file tells
    unreadable: list[TraceError] = field(default_factory=list)  # files that were left out
    comm: str = ""  # the only name of tasks whose calls on VMAs were recorded, from meta.json; "" those of all


def is_capture(path: str) -> bool:
    """Whether a path is a directory, and so must be a capture."""
    return path not in ("", "-") and Path(path).is_dir()


def is_read(path: str, file: str) -> bool:
    """Whether a file is a recording, or has a name that is looked for in the capture directory that is one."""
    own, named = Path(path).resolve(), Path(file).resolve()
    if own == named or path == "-" or not own.is_dir():
        return own == named
    if named.parent == own / "snaps":
        return bool(_SNAP.match(named.name) or _MAPS.match(named.name))
    name = next((named.name.removesuffix(ending) for ending in _ENDINGS[1:] if named.name.endswith(ending)), named.name)
    return named.parent == own and name in (*_TRACES, *_PROBES, "dmesg.txt", "iomem.txt", "mtrr.txt", "meta.json")


def trace_in(path: str) -> str:
    """The recording in a directory: its trace, or its kernel log; raises TraceError when it holds none."""
    folder = Path(path)
    found = next((found for name in (*_TRACES, "dmesg.txt") if (found := _find(folder, name))), "")
    if not found:
        names = ", ".join(_TRACES)
        raise TraceError(f"is a directory without a trace: none of {names} (also .xz, .gz, .zst, .bz2)", path)
    return found


def open_capture(path: str) -> Capture:
    """Look through a directory; raises TraceError when it holds no trace or a damaged list.

    A damaged meta.json is left out and noted.
    """
    folder, trace = Path(path), trace_in(path)
    dmesg = _find(folder, "dmesg.txt")
    unreadable: list[TraceError] = []
    meta: dict[str, Any] = {}
    try:
        meta = _meta(folder / "meta.json")
    except TraceError as error:
        unreadable.append(error)
    filtered = str(meta.get("filter", ""))  # "all", "pid", or "comm NAME", as pat-check record writes it
    return Capture(
        trace,
        _find(folder, "iomem.txt"),
        _find(folder, "mtrr.txt"),
        dmesg if dmesg != trace else "",
        _find(folder, "bars.txt"),
        next((str(meta[key]) for key in _RELEASES if isinstance(meta.get(key), str)), ""),
        _snapshots(folder / "snaps"),
        _maps(folder / "snaps"),
        _probes(folder),
        unreadable,
        filtered.removeprefix(_BY_COMM) if filtered.startswith(_BY_COMM) else "",
    )


def read_dmesg(path: str) -> tuple[list[Message], frozenset[int]]:
    """The messages of a kernel log that section 13 knows, and the rows of which the log says that it lost some."""
    messages: list[Message] = []
    lost: set[int] = set()
    for event in KernelLog().events(open_lines(path)):
        if isinstance(event, Message):
            messages.append(event)
        elif isinstance(event, LostEvents) and event.rows:
            lost.update(event.rows)
        else:
            lost.update(ROWS)
    return messages, frozenset(lost)


def _find(folder: Path, name: str) -> str:
    for ending in _ENDINGS:
        candidate = folder / (name + ending)
        if candidate.is_file() and candidate.stat().st_size:
            return str(candidate)
    return ""


def _snapshots(folder: Path) -> dict[int, Saved]:
    saved: dict[int, Saved] = {}
    for file in sorted(folder.glob("snap-*.txt*")):
        match = _SNAP.match(file.name)
        if match is not None and file.stat().st_size:
            number = int(match["number"])
            if number in saved:
                raise TraceError(f"is a second snapshot {number} beside {saved[number].path}", str(file))
            saved[number] = Saved(number, match["name"], str(file), read_memtype_list(open_lines(str(file))))
    return saved


def _maps(folder: Path) -> dict[int, SavedAreas]:
    saved: dict[int, SavedAreas] = {}
    for file in sorted(folder.glob("maps-*.txt*")):
        match = _MAPS.match(file.name)
        if match is not None and file.stat().st_size:
            number = int(match["number"])
            saved[number] = SavedAreas(number, match["name"], str(file), read_maps(open_lines(str(file))))
    return saved


def _probes(folder: Path) -> Probes:
    found = Probes()
    for name in _PROBES:
        if path := _find(folder, name):
            found = found.and_of(read_probes(open_lines(path)))
    return found


def _meta(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        meta = json.loads(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise TraceError(error.strerror or str(error), str(file)) from error
    except (ValueError, RecursionError) as error:
        raise TraceError(f"is not JSON: {error}", str(file)) from error
    if not isinstance(meta, dict):
        raise TraceError("is not a JSON object", str(file))
    return meta

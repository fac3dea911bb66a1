"""Captures of real kernels as tests see them: the recording, what was saved beside it, and what pat-check makes of it.

Nothing here goes through pat_check's own readers: a test compares what the files say with what the tool says.
"""

import bz2
import gzip
import json
import lzma
import re
from collections import Counter
from functools import cached_property, lru_cache
from pathlib import Path

from pat_check import api
from pat_check.findings import Severity
from pat_check.sources.memtype_list import format_memtype_list

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
KEPT = Path(__file__).resolve().parent / "captures"  # copies of a few, so that something is always tested
ABSENT = "the recordings of ../shared/corpus are not there"
SMALL = 3_000  # lines: captures below it are looked at in every way
HUGE = 100_000  # lines: captures from there on are replayed once

UNKNOWABLE = {
    "raw": "option raw prints numbers without field names",
    "printk-msg-only": "options printk-msg-only and hex print numbers without field names",
    "function": "the function tracer shows no arguments",
    "fgraph": "function_graph without funcgraph-args shows no arguments",
    "6.12/func-args": "this kernel has no option func-args",
    "6.12/fgraph-args": "this kernel has no option funcgraph-args",
}
"""Scenarios whose recording cannot tell what was reserved, and why."""

LOST = {
    "lost": "the beginning was overwritten in a 16 kB buffer",
    "lost-pipe": "the reader of trace_pipe was too slow: [LOST n EVENTS]",
}
"""Scenarios where events are missing, and why."""

NO_MARKERS = {"perf": "perf does not record trace_marker", "bpftrace": "bpftrace does not record trace_marker"}
"""Scenarios without checkpoints in the trace: only the last snapshot can be compared."""

ERA = {"6.1": "vm-pat", "6.12": "vm-pat-6.12", "6.16": "pfnmap-ctx", "7.2": "pfnmap-ctx"}

_TRACES = ("trace.txt", "trace-cmd-report.txt", "perf-script.txt", "bpftrace.txt")
_OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
_MARKER = re.compile(r"patlab:checkpoint (\d+) [^\s*]+")
_COMPLAINT = re.compile(
    r"reserve_ram_pages_type failed|conflicting memory types|memtype_reserve failed|freeing invalid memtype"
    r"|map pfn expected mapping type|map pfn RAM range|ioremap error for|iounmap: bad address"
)
_VM_FLAGS = re.compile(r"^VmFlags: (.*)", re.MULTILINE)
_SPECIAL = frozenset(("pf", "io", "mm"))
_NUMBER = re.compile(r"\d+")
_FREEING = re.compile(r"x86/PAT: .*:(\d+) freeing invalid memtype \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]")
_CONFLICT = re.compile(r"x86/PAT: .*:(\d+) conflicting memory types ([0-9a-f]+)-([0-9a-f]+) ")


@lru_cache(maxsize=4)
def text_of(file):
    """The text of a file, compressed or not."""
    opener = _OPENERS.get(file.suffix, open)
    with opener(file, "rb") as stream:
        return stream.read().decode("utf-8", "backslashreplace")


class Capture:
    """A capture directory of one kernel; its folder is named for the scenario."""

    def __init__(self, path, kernel, scenario):
        self.path, self.kernel, self.scenario = path, kernel, scenario

    def __str__(self):
        return f"{self.kernel}/{self.scenario}"

    def find(self, *names):
        """The first of these files that exists, compressed or not; None when there is none."""
        for name in names:
            for file in (self.path / name, *self.path.glob(f"{name}.*z*")):
                if file.is_file():
                    return file
        return None

    def explained_by(self, reasons):
        """The reason for which this capture is named there; None when it is not."""
        return reasons.get(str(self)) or reasons.get(self.scenario)

    # --- what the files say -------------------------------------------------------------------------------

    @property
    def trace(self):
        return self.find(*_TRACES)

    @property
    def text(self):
        return text_of(self.trace)

    @cached_property
    def length(self):
        """How many lines the trace has."""
        return self.text.count("\n")

    @property
    def is_small(self):
        return self.length < SMALL

    @property
    def is_huge(self):
        return self.length >= HUGE

    @cached_property
    def markers(self):
        """The checkpoints in the trace: number to (line, the marker's text). The first that is seen counts."""
        found = {}
        for at, line in enumerate(self.text.split("\n"), 1):
            if "patlab:checkpoint" in line and (match := _MARKER.search(line)):
                found.setdefault(int(match[1]), (at, match[0]))
        return found

    @cached_property
    def snapshots(self):
        """What the kernel's own list was at each checkpoint: number to text."""
        return {int(file.name.split("-")[1]): text_of(file) for file in sorted((self.path / "snaps").glob("snap-*"))}

    @cached_property
    def mappings(self):
        """How many PFN, I/O and mixed mappings the kernel showed at all checkpoints."""
        files = (text_of(file) for file in sorted((self.path / "snaps").glob("maps-*")))
        return sum(not _SPECIAL.isdisjoint(flags.split()) for text in files for flags in _VM_FLAGS.findall(text))

    @cached_property
    def dmesg(self):
        file = self.find("dmesg.txt")
        return text_of(file) if file else ""

    @property
    def meta(self):
        return json.loads((self.path / "meta.json").read_text())

    @property
    def kernel_complained(self):
        return _COMPLAINT.search(self.dmesg) is not None

    def freed_in_vain(self):
        """`freeing invalid memtype` of recorded tasks: how often (start, end, pid)."""
        return self._said(_FREEING, 1)

    def conflicts(self):
        """`conflicting memory types` of recorded tasks: how often (start, end, pid)."""
        return self._said(_CONFLICT, 0)

    def _said(self, pattern, beyond_last):
        said = Counter()
        for pid, start, last in pattern.findall(self.dmesg):
            if not self.shows_pids:
                said[int(start, 16), int(last, 16) + beyond_last, -1] += 1
            elif pid in self.recorded_pids:
                said[int(start, 16), int(last, 16) + beyond_last, int(pid)] += 1
        return said

    @property
    def shows_pids(self):
        return self.scenario != "no-context"  # option nocontext-info

    @cached_property
    def recorded_pids(self):
        """Every number in the columns before an event: a message of a process that is not among them is nobody's."""
        return {number for line in self.text.split("\n") for number in _NUMBER.findall(line[:48])}

    # --- what pat-check says ------------------------------------------------------------------------------

    def report(self):
        return _report(self.path)

    def input(self):
        return self.report().inputs[0]

    def state(self, at):
        """The reservations at a point, in the kernel's own format."""
        return format_memtype_list((held.start, held.end, held.type) for held in api.state(str(self.path), at))

    def findings(self, *rules):
        every = [one for finding in self.report().findings for one in finding.all()]
        return [finding for finding in every if finding.rule in rules]

    def found(self, *rules):
        """Findings of these rules: how often (start, end, pid)."""
        return Counter(
            (finding.start, finding.end, finding.task.pid if finding.task else -1) for finding in self.findings(*rules)
        )

    def errors(self):
        return [finding for finding in self.report().findings if finding.severity >= Severity.ERROR]

    def verdict(self):
        """What was found, without places: how often (rule, severity)."""
        return Counter((finding.rule, str(finding.severity)) for finding in self.report().findings)


@lru_cache(maxsize=32)
def _report(path):
    return api.check([str(path)])


def captures(root=CORPUS):
    """Every capture below a folder, the largest first so that a parallel run does not wait for it at its end."""
    found = [
        Capture(folder, folder.parent.name, folder.name)
        for folder in root.glob("*/*/")
        if (folder / "meta.json").is_file()
    ]
    return sorted(found, key=lambda capture: (-capture.trace.stat().st_size, str(capture)))

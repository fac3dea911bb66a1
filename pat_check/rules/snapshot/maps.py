"""snapshot-maps."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Note, Severity, counted
from pat_check.incidents import MapsDiffered
from pat_check.rules.base import Depth, Rule

_LINES = 10


class Maps(Rule[MapsDiffered]):
    """The PFN mappings of a process at a checkpoint are not those that the recorded calls leave.

    ## Why it matters
    Mappings were made, cut or gone without an event, or VM_PAT was set or cleared where the era does not: the recording is
    incomplete, or the kernel behaves differently. Compared are bounds and the VmFlags wr, sh, pf, io, de, ar, dd and mm.

    A warning where the kernel's mappings only reach further than the calls leave them: a PFN mapping never merges with its
    neighbour and never grows. Info where events were lost, or where a function that changes what is compared is not
    recorded.
    """

    severity = Severity.ERROR
    invariants = (23, 30, 79, 80)
    severities = {79: Severity.WARNING, 80: Severity.WARNING}
    depth = Depth.DOUBT
    help = "record vm_area_dup, vm_area_free, __split_vma, copy_vma, mprotect_fixup and the tracking functions of every task"
    beside = {
        "maps-01-after.txt": "== pid 7\n7000-9000 rw-s fd000000 00:17 1    /sys/bus/pci/resource0\n"
        "VmFlags: rd wr sh mr mw ms pf io de dd sd\n",
    }
    violating = """
app-7 [000] 0.5: vm_area_free: vma=0x99 mm=0x66 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0xa000 vm_flags=0xbb addr=0x7000 pfn=0xfd000 size=0x3000
app-7 [000] 1.1: remap_pfn_range__ret: ret=0
app-7 [000] 2.0: tracing_mark_write: checkpoint 1 after                  #! snapshot-maps
"""
    clean = """
app-7 [000] 0.5: vm_area_free: vma=0x99 mm=0x66 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0xbb addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: remap_pfn_range__ret: ret=0
app-7 [000] 2.0: tracing_mark_write: checkpoint 1 after
"""

    def judge(self, incident: MapsDiffered) -> Iterator[Finding]:
        """The lines that differ, as diff shows them."""
        message = (
            f"the mappings of pid {incident.of_pid} at {incident.name!r} are not those that the recorded calls leave"
        )
        notes = [Note(0, line, incident.path) for line in incident.lines[:_LINES]]
        if len(incident.lines) > _LINES:
            notes.append(Note(0, f"and {counted(len(incident.lines) - _LINES, 'more line')}", incident.path))
        severity = self.severities[79] if incident.larger else self.severity
        yield self.finding(incident, message, *notes, severity=severity if incident.reliable else Severity.INFO)

"""memtype-leak."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name
from pat_check.findings import Finding, Note, Severity, counted
from pat_check.incidents import MemtypeLeaked
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import held, life, made, span

_MORE = 8


class Leak(Rule[MemtypeLeaked]):
    """A memtype reservation outlives whoever made it.

    ## Why it matters
    Nobody will ever free it. The next driver or process that wants this range gets the leaked type, or is
    refused; the entry stays in `pat_memtype_list` until the machine reboots.

    ## What the kernel does
    Up to 6.15 `untrack_pfn()` frees the bounds of the VMA that goes away. When a mapping was split (munmap of its
    head or middle, mprotect, madvise, mremap of a part), these are not the bounds that were reserved: the free
    fails and the reservation stays. Since 6.16 a shared context remembers the bounds, so only a missing
    `iounmap()` or `arch_io_free_memtype_wc()` leaks.

    Error when the address space that owns it ends; a warning when a module goes that reserved it explicitly. At the end
    of the trace a reservation is only *still held*: info, as it is where events were lost or those of other CPUs are not
    recorded.

    Whether it leaked is open where nothing shows that frees are recorded: no `memtype_free()` is in the recording, no
    `kprobe_profile.txt` or the like beside it names the function, and it is longer than the excerpt of fifty events that
    somebody cut out by hand. Then it is told only when a later `pat_memtype_list` still has the reservation.
    """

    severity = Severity.ERROR
    invariants = (3, 25, 45, 52, 61)
    severities = {25: Severity.INFO, 61: Severity.WARNING}
    depth = Depth.CONSEQUENCE
    help = "free exactly the range that was reserved before its owner goes: in the unwind path, or at detach"
    violating = """
sh-1  [000] 0.5: sched_process_fork: comm=sh pid=1 child_comm=app child_pid=7
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: exit_mmap: mm=0x77                                     #! memtype-leak
app-7 [000] 2.1: sched_process_exit: comm=app pid=7 prio=120
"""
    clean = """
sh-1  [000] 0.5: sched_process_fork: comm=sh pid=1 child_comm=app child_pid=7
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: exit_mmap: mm=0x77
app-7 [000] 2.1: memtype_free: start=0xfd000000 end=0xfd002000
app-7 [000] 2.2: sched_process_exit: comm=app pid=7 prio=120
"""

    def judge(self, incident: MemtypeLeaked) -> Iterator[Finding]:
        """Leaked when the owner is gone, still held when only the trace is at its end."""
        if incident.gone == "remap":
            return  # tracking-remap-leak
        seen, more = incident.seen, incident.more
        what = "page type of" if incident.ram else "memtype"
        name = f"{what} {span(seen.start, seen.end)} {cachemode_name(seen.type)}"
        if more:
            name += f" and {len(more)} more"
        notes = life(seen)
        for other in more[:_MORE]:
            notes.append(Note(other.born, f"{span(other.start, other.end)} {cachemode_name(other.type)} as well"))
        if len(more) > _MORE:
            notes.append(Note(0, f"and {counted(len(more) - _MORE, 'more reservation')}"))
        drawn = [held(one, "leaked" if incident.gone else "held") for one in (seen, *more[:_MORE])] if more else []
        if incident.gone:
            message = f"{name} is leaked: its owner, {incident.owner}, is gone"
            severity = self.severities[61] if incident.gone == "module" else self.severity
            if not incident.reliable:
                severity = Severity.INFO
                message += " (events are missing: it may have been freed)"
            leaked = [seen, *more]
            frames = tuple([(one.start, one.end) for one in leaked])
            start, end = seen.start, seen.end
            yield made(self, severity, message, incident, notes, start, end, self.help, drawn, leaked, frames)
        else:
            message = f"{name} is still held by {incident.owner} when the trace ends"
            help_ = "not judged: record until the owner's exit or module_free to know"
            yield self.finding(
                incident,
                message,
                *notes,
                start=seen.start,
                end=seen.end,
                severity=self.severities[25],
                help=help_,
                frames=(),  # nothing at this line caused it
                drawn=drawn,
            )

"""ioremap-leak."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import IoremapLeaked
from pat_check.rules.base import Rule
from pat_check.rules.telling import life, span


class Leak(Rule[IoremapLeaked]):
    """A driver is unloaded while its ioremap is still there.

    ## Why it matters
    The kernel mapping and its memtype reservation stay for ever; loading the driver again makes another pair, and
    any other type for the range is out of reach.

    Info where events were lost, or those of other CPUs are not recorded. Not judged where nothing shows that `iounmap()`
    or `memtype_free()` is recorded at all.
    """

    severity = Severity.ERROR
    invariants = (3,)
    help = "call iounmap() in the remove path and on every error path of probe, or use devm_ioremap()"
    violating = """
insmod-7 [000] 0.5: module_load: mydrv
insmod-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x2000 pcm=2
insmod-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
insmod-7 [000] 1.2: memtype_reserve__ret: ret=0
insmod-7 [000] 1.3: __ioremap_caller__ret: (probe+0x10/0x90 [mydrv] <- __ioremap_caller) ret=0xffa0000000654000
rmmod-9 [000] 9.0: module_free: mydrv                                    #! ioremap-leak
"""
    clean = """
insmod-7 [000] 0.5: module_load: mydrv
insmod-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x2000 pcm=2
insmod-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
insmod-7 [000] 1.2: memtype_reserve__ret: ret=0
insmod-7 [000] 1.3: __ioremap_caller__ret: (probe+0x10/0x90 [mydrv] <- __ioremap_caller) ret=0xffa0000000654000
rmmod-9 [000] 8.0: iounmap: addr=0xffa0000000654000
rmmod-9 [000] 8.1: memtype_free: start=0xfd000000 end=0xfd002000
rmmod-9 [000] 8.2: memtype_free__ret: ret=0
rmmod-9 [000] 9.0: module_free: mydrv
"""

    def judge(self, incident: IoremapLeaked) -> Iterator[Finding]:
        """Every ioremap that is left."""
        seen = incident.seen
        where = f", mapped in {incident.caller.partition('+')[0]}" if incident.caller[:1].isalpha() else ""
        message = (
            f"ioremap of {span(seen.start, seen.end)} at {incident.addr:#x} outlives driver {incident.module}{where}"
        )
        notes = [*life(seen), Note(0, f"phys={incident.phys:#x}") if incident.phys != seen.start else Note(0, "")]
        severity = Severity.ERROR
        if not incident.reliable:
            severity = Severity.INFO
            message += " (events are missing: it may have been unmapped)"
        yield self.finding(incident, message, *notes, start=seen.start, end=seen.end, severity=severity)

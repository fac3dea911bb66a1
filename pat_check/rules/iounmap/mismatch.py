"""iounmap-mismatch."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Note, Severity
from pat_check.incidents import IounmapMismatched
from pat_check.rules.base import Rule
from pat_check.rules.telling import span


class Mismatch(Rule[IounmapMismatched]):
    """iounmap() of an address that is not mapped, or that frees another range than ioremap reserved.

    ## Why it matters
    A second iounmap prints `iounmap: bad address` with a stack dump and frees nothing. Had the address been used
    again in between, it would have unmapped somebody else's device.
    """

    severity = Severity.ERROR
    invariants = (15,)
    help = "unmap once, with the address that ioremap returned; set the pointer to NULL afterwards"
    violating = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x2000 pcm=2
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654000
drv-7 [000] 2.0: iounmap: addr=0xffa0000000654000
drv-7 [000] 2.1: memtype_free: start=0xfd000000 end=0xfd002000
drv-7 [000] 2.2: memtype_free__ret: ret=0
drv-7 [000] 3.0: iounmap: addr=0xffa0000000654000                        #! iounmap-mismatch
"""
    clean = """
drv-7 [000] 1.0: __ioremap_caller: phys=0xfd000010 size=0x1ff0 pcm=2
drv-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
drv-7 [000] 1.2: memtype_reserve__ret: ret=0
drv-7 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000654010
drv-7 [000] 2.0: iounmap: addr=0xffa0000000654010
drv-7 [000] 2.1: memtype_free: start=0xfd000000 end=0xfd002000
drv-7 [000] 2.2: memtype_free__ret: ret=0
"""

    def judge(self, incident: IounmapMismatched) -> Iterator[Finding]:
        """A second iounmap, one of nothing, or one of another range."""
        notes: list[Note] = []
        if incident.mapped_at:
            notes.append(Note(incident.mapped_at, "mapped here"))
        if incident.unmapped_at:
            notes.append(Note(incident.unmapped_at, "first unmapped here"))
            message = f"iounmap of {incident.addr:#x} a second time"
        elif incident.message:
            message = f"iounmap of an address that is not mapped: the kernel says {incident.message!r}"
        else:
            message = (
                f"iounmap of {incident.addr:#x} frees {span(incident.start, incident.end)}, "
                f"ioremap reserved {span(incident.want_start, incident.want_end)}"
            )
        yield self.finding(incident, message, *notes, start=incident.start, end=incident.end)

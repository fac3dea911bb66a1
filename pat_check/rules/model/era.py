"""model-era."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import EraContradicted
from pat_check.rules.base import Rule
from pat_check.rules.telling import told


class WrongEra(Rule[EraContradicted]):
    """The recording went against its era three times.

    ## Why it matters
    A function that its kernels do not have was called, such as `untrack_pfn()` in a zap or `track_pfn_copy()` in a fork of
    6.16; a zap untracked where another era untracks at munmap; a free went as in another era. It was replayed as another
    kernel than it comes from, so most of what is reported may be the era's fault. Named are the eras that nothing in the
    recording contradicts. Vendors backport: a kernel may behave like an era that its version does not suggest.

    A warning where it may be a matter of how the kernel was built: `get_pat_info()` is inlined in every build of an older
    kernel that we know.
    """

    severity = Severity.ERROR
    invariants = (35, 43)
    help = "replay with the era that fits: --era NAME"
    beside = {"memtypes.txt": "PAT memtype list:\n"}
    violating = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd008000 req=2 new=2
app-7 [000] 2.0: memtype_erase: start=0xfd006000 end=0xfd008000
app-7 [000] 2.1: memtype_erase__ret: ret=0x0                             #! model-divergence@pfnmap-ctx
app-7 [000] 3.0: memtype_erase: start=0xfd004000 end=0xfd006000
app-7 [000] 3.1: memtype_erase__ret: ret=0x0                             #! model-divergence@pfnmap-ctx
app-7 [000] 4.0: memtype_erase: start=0xfd002000 end=0xfd004000
app-7 [000] 4.1: memtype_erase__ret: ret=0x0                             #! model-divergence@pfnmap-ctx model-era@pfnmap-ctx
"""
    clean = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd008000 req=2 new=2
app-7 [000] 2.0: memtype_erase: start=0xfd000000 end=0xfd008000
app-7 [000] 2.1: memtype_erase__ret: ret=0xff11000101696000
"""

    def judge(self, incident: EraContradicted) -> Iterator[Finding]:
        """Once for a recording."""
        fit = "fits" if len(incident.fits) == 1 else "fit"
        fits = f"; {' and '.join(incident.fits)} {fit}" if incident.fits else "; no era fits"
        message = f"the recording contradicts era {incident.era} {incident.times} times{fits}"
        severity = self.severity if incident.sure else Severity.WARNING
        yield self.finding(incident, message, *told(incident.story), severity=severity)

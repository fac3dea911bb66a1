"""mapping-cow-partial."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class CowPartial(FactRule):
    """A private mapping is remapped in part.

    ## Why it matters
    The first frame of a private mapping is kept in vm_pgoff, which works for one linear range only; a part is refused
    with -EINVAL.
    """

    severity = Severity.ERROR
    invariants = (75,)
    facts = frozenset(("cow-partial-remap",))
    help = "map it shared, or remap the whole of it"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 8K            #! mapping-cow-partial
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
"""

"""tracking-mixed-types."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class MixedTypes(FactRule):
    """A partial mapping spans ranges of different types.

    ## Why it matters
    Every page must look up to one type; otherwise `remap_pfn_range()` returns -EINVAL without a message.
    """

    severity = Severity.ERROR
    invariants = (58,)
    depth = Depth.FAILURE
    facts = frozenset(("partial-mixed-types",))
    help = "map the parts of different types one by one"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: memtype_reserve fb, 8K, wc
app: v = mmap 32K
app: remap_pfn_range v, fb, 16K          #! tracking-mixed-types
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: memtype_reserve fb, 16K, wc
app: v = mmap 32K
app: remap_pfn_range v, fb, 16K
"""

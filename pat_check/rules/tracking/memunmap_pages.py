"""tracking-memunmap-pages."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class MemunmapPages(FactRule):
    """memunmap_pages() takes down a range that memremap_pages() has not tracked.

    ## Why it matters
    The tracking layer is called without a mapping only for such ranges, and must be given the same range twice. Another
    one is not found, and what was tracked stays.
    """

    severity = Severity.WARNING
    invariants = (53,)
    facts = frozenset(("untrack-never-tracked",))
    help = "take down the very range that was set up"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: memremap_pages fb, 32K
drv: memunmap_pages fb, 16K               #! tracking-memunmap-pages memtype-invalid-free
drv: unload                               #! memtype-leak
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: memremap_pages fb, 32K
drv: memunmap_pages fb, 32K
drv: unload
"""

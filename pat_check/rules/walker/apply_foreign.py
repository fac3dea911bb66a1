"""walker-apply-foreign."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class ApplyForeign(FactRule):
    """apply_to_page_range() works on a mapping that is not its caller's.

    ## Why it matters
    It never looks at mappings: in ordinary memory it meets transparent huge pages, swap entries and pages that are
    counted, and leaves all of that wrong.
    """

    severity = Severity.WARNING
    invariants = (116,)
    facts = frozenset(("apply-foreign-vma",))
    help = "use it on mappings of the driver's own only"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
drv: apply_to_page_range v, 16K           #! walker-apply-foreign
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
drv: apply_to_page_range v, 16K
"""

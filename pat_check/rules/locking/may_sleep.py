"""locking-may-sleep."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class MaySleep(FactRule):
    """ioremap() is called in atomic context.

    ## Why it matters
    It allocates and may sleep.
    """

    severity = Severity.ERROR
    invariants = (159,)
    facts = frozenset(("memtype-may-sleep",))
    help = "map before taking the spinlock"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: spin_lock {
  p = ioremap fb, 4K                       #! locking-may-sleep
}
drv: iounmap p
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap fb, 4K
drv: iounmap p
"""

"""What a kernel log says of messages that it does not hold."""

from __future__ import annotations

import re

from pat_check.events import NO_PID, LostEvents
from pat_check.sources.patterns import Pattern

_LOST = Pattern(
    r"\*\* (?P<dropped>\d{1,10}) printk messages dropped"
    r"|(?P<function>[\w.]{1,100}): (?P<held>\d{1,10}) callbacks suppressed"
    r"|: (?P<unnamed>\d{1,10}) callbacks suppressed"
    r"|Missed (?P<missed>\d{1,10}) kernel messages",
    re.ASCII,
)
_ROWS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("memtype_reserve", (6, 8, 14)),
    ("memtype_free", (9, 15)),
    ("memtype_check_conflict", (7, 13)),
    ("reserve_ram_pages_type", (5,)),
    ("reserve_pfn_range", (11, 12)),
    ("memtype_kernel_map_sync", (10,)),
    ("__ioremap_caller", (16, 17, 18, 19)),
    ("ioremap", (16, 17, 18, 19)),
    ("iounmap", (22, 23)),
    ("arch_phys_wc_add", (24,)),
)
"""Which rows of memtype.md section 13 a function prints; functions that begin so are of its family."""


def lost_messages(text: str, at: int, time: float | None) -> LostEvents | None:
    """The event of a line about lost messages: of all, or of those that one function of the memtype layer prints.

    None for every other line, and for one about a function that prints nothing of section 13.
    """
    match = _LOST.search(text)
    if match is None:
        return None
    count = int(match["dropped"] or match["held"] or match["unnamed"] or match["missed"])
    rows: tuple[int, ...] = ()
    if function := match["function"]:
        rows = next((found for name, found in _ROWS if function.startswith(name)), ())
        if not rows:
            return None
    return LostEvents(at, time, -1, NO_PID, "", count, rows)

"""Cache modes and error numbers: the small numbers that the kernel prints.

Source: ``enum page_cache_mode`` (arch/x86/include/asm/pgtable_types.h) and ``cattr_name()``
(arch/x86/mm/pat/memtype.c).
"""

import errno
from typing import Final

WB: Final = 0
WC: Final = 1
UC_MINUS: Final = 2
UC: Final = 3
WT: Final = 4
WP: Final = 5
"""The promises kept for a physical range."""

NAMES: Final[tuple[str, ...]] = (
    "write-back",
    "write-combining",
    "uncached-minus",
    "uncached",
    "write-through",
    "write-protected",
)
"""The name that ``pat_memtype_list`` and the kernel log print, by number."""

SHORT: Final[tuple[str, ...]] = ("WB", "WC", "UC-", "UC", "WT", "WP")
"""The name of the boot line and of conversation, by number."""

BY_NAME: Final[dict[str, int]] = {name: number for number, name in enumerate(NAMES)}


def cachemode_name(mode: int) -> str:
    """The printed name of a cache mode; the kernel says ``broken`` for a number it does not know."""
    return NAMES[mode] if 0 <= mode < len(NAMES) else "broken"


def short_name(mode: int) -> str:
    """The short name of a cache mode, as developers write it."""
    return SHORT[mode] if 0 <= mode < len(SHORT) else "broken"


def errno_name(ret: int) -> str:
    """``-22`` as ``-EINVAL``; other numbers as they are."""
    return f"-{errno.errorcode[-ret]}" if -ret in errno.errorcode else str(ret)


_SLOTS: Final = (WB, WC, UC_MINUS, UC, WB, WP, UC_MINUS, WT)


def pgprot2cachemode(prot: int) -> int:
    """The cache mode in 4 KiB page protection bits: PWT is bit 3, PCD bit 4, PAT bit 7 (full PAT)."""
    prot &= 0xFFF
    return _SLOTS[(prot >> 3 & 3) | (prot >> 5 & 4)]

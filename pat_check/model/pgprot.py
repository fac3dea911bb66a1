"""What the pgprot helpers make of the cache bits of ``vma->vm_page_prot``."""

from __future__ import annotations

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT

_SLOTS: tuple[int, ...] = (WB, WC, UC_MINUS, UC, WB, WP, UC_MINUS, WT)
"""The type of each value of PWT (1), PCD (2) and PAT (4)."""

_BITS: dict[int, int] = {WB: 0, WC: 1, UC_MINUS: 2, UC: 3, WP: 5, WT: 7}


def pgprot_noncached(mode: int) -> int:
    """Adds PCD, whatever is there."""
    return _SLOTS[_BITS[mode] | _BITS[UC_MINUS]]


def pgprot_writecombine(mode: int, *, replaces: bool) -> int:
    """Adds PWT, or replaces the bits by it."""
    return WC if replaces else _SLOTS[_BITS[mode] | _BITS[WC]]


def pgprot_writethrough(mode: int, *, replaces: bool) -> int:
    """Adds all three bits, or replaces what is there by them."""
    return WT if replaces else _SLOTS[_BITS[mode] | _BITS[WT]]

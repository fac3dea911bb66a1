"""Which parts of the layers hear a call of each kind: looked up once for every call."""

from __future__ import annotations

from typing import Final

from pat_check.events import Call, MemtypeFree, VmAreaFree
from pat_check.replay.absent import OUTERMOST
from pat_check.replay.agreeing import AGREEING
from pat_check.replay.copies import COPYING
from pat_check.replay.teardowns import TEARING
from pat_check.replay.unmaps import UNMAPPING
from pat_check.replay.unwanted import WATCHED

ABSENT: Final = 1
UNMAPPED: Final = 2
COPIED: Final = 4
TORN_DOWN: Final = 8
UNWANTED: Final = 16
AGREED: Final = 32
ENDED: Final = 64
"""Bits, one for each part."""


def _heard() -> dict[type[Call], int]:
    found: dict[type[Call], int] = {}
    parts: tuple[tuple[int, frozenset[type[Call]]], ...] = (
        (ABSENT, OUTERMOST),
        (UNMAPPED, UNMAPPING),
        (COPIED, COPYING),
        (TORN_DOWN, TEARING),
        (UNWANTED, WATCHED),
        (AGREED, AGREEING),
        (ENDED, frozenset((MemtypeFree, VmAreaFree))),
    )
    for bit, kinds in parts:
        for kind in kinds:
            found[kind] = found.get(kind, 0) | bit
    return found


HEARD: Final[dict[type[Call], int]] = _heard()
"""The bits of each kind of which any part hears."""

"""The operations of scenarios: one function for each word that a task may say, by subject."""

from __future__ import annotations

from pat_check.scenario.operations import (
    address_spaces,
    contexts,
    drivers,
    notifiers,
    pfn_mappings,
    processes,
    vma_fields,
    walkers,
)
from pat_check.scenario.operations.ending import end
from pat_check.scenario.operations.scene import RESULTS, Scene, result_name
from pat_check.scenario.verbs import Verb

LOCKS: dict[str, str] = {
    "mmap_write_lock": "W",
    "mmap_read_lock": "R",
    "vma_read_lock": "V",
    "i_mmap_lock": "I",
    "page_table_lock": "PTL",
    "spin_lock": "PTL",
    "fault": "fault",
    "mmap": "W",
}
"""Blocks, and what they hold. A block behind another operation is what others do in the middle of it."""

OPERATIONS: dict[str, Verb] = {
    **address_spaces.OPERATIONS,
    **processes.OPERATIONS,
    **pfn_mappings.OPERATIONS,
    **vma_fields.OPERATIONS,
    **drivers.OPERATIONS,
    **contexts.OPERATIONS,
    **walkers.OPERATIONS,
    **notifiers.OPERATIONS,
}
"""What a task can do."""

BLOCK: Verb = Verb(lambda scene: 0, "[MAPPING]")
"""What every block of `LOCKS` takes."""

__all__ = ["BLOCK", "LOCKS", "OPERATIONS", "RESULTS", "Scene", "end", "result_name"]

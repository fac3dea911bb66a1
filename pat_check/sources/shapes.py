"""In which order the calls of runs come: there are few such orders.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_check.events.runs import Shape
from pat_check.sources.programs import Block

if TYPE_CHECKING:
    from mypy_extensions import i64


def shape_of(block: Block, place: i64, end: i64) -> Shape:
    """What the run in [place, end), bytes, consists of."""
    shape = Shape([], [])
    opened: list[str] = []
    while place < end:
        program = block.program(place)
        place += program.length
        if not program.is_return:
            shape.functions.append(program.function)
            opened.append(program.function)
            continue
        opened.remove(program.function)
        if program.outer not in opened and program.caller not in shape.callers:
            shape.callers.append(program.caller)
    return shape

"""What all incidents share."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.values import Value

Story = list[tuple[int, str]]
"""(line, what happened there), oldest first; line 0 is before the trace."""


@dataclass(slots=True, init=False, repr=False, eq=False)
class Seen(Value):
    """A reservation as it was at the time of an incident."""

    start: int
    end: int
    type: int
    born: int  # line; 0 before the trace
    owner: str  # for people: "patlab:880 (remap_pfn_range)"
    story: Story

    def __init__(
        self,
        start: int,
        end: int,
        type: int,
        born: int,
        owner: str,
        story: Story,
    ) -> None:
        self.start, self.end, self.type, self.born = start, end, type, born
        self.owner, self.story = owner, story


@dataclass(slots=True, repr=False, eq=False)
class Incident(Value):
    """Anything noteworthy, at a line of the trace."""

    at: int
    time: float | None
    comm: str
    pid: int
    reliable: bool

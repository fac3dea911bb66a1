"""Functions that only tell which kernel this is."""

from __future__ import annotations

from dataclasses import dataclass

from pat_check.compiling import mypyc_attr
from pat_check.events.base import Call


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, repr=False, eq=False)
class Telltale(Call):
    """A function of which nothing counts but that it was called: not every era has it."""

    vma: int  # 0 not recorded, or none of its arguments
    api: str

    def __init__(self, at: int, time: float | None, cpu: int, pid: int, comm: str, vma: int, api: str) -> None:
        self.at, self.time, self.cpu, self.pid, self.comm = at, time, cpu, pid, comm
        self.vma, self.api = vma, api

    def function(self) -> str:
        return self.api

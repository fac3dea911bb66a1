"""What is asked of a recorder, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from pat_check.record.tracefs import Lost


@dataclass(slots=True)
class Request:
    """What is to be recorded."""

    command: list[str] = field(default_factory=list)
    output: str = ""  # the directory; empty: a new one here, named for the time
    probes: str = "mm"
    functions: list[str] = field(default_factory=list)  # more to probe: NAME or MODULE:NAME
    pid: int = 0  # only this process and those it forks
    comm: str = ""  # VMAs only of processes of this name
    follow: bool = False  # only the command and those it forks
    duration: float = 0.0  # seconds; 0 until the command ends or a signal comes
    kernel_btf: str = ""
    keep: float = 0.0  # seconds at the end that are kept; 0: everything is
    buffer: int = 0  # kB for each CPU; 0: chosen, and grown when events are lost


@dataclass(slots=True)
class Outcome:
    """What was recorded."""

    path: str
    seconds: float
    bytes: int  # of the trace, as the kernel printed it
    lists: int
    lost: Lost
    refused: int
    status: int | None = None  # of the command
    advice: list[str] = field(default_factory=list)

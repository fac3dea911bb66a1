"""snapshot-mismatch."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.cachemode import cachemode_name, short_name
from pat_check.findings import Extent, Finding, Note, Severity, counted
from pat_check.incidents import SnapshotDiffered
from pat_check.rules.base import Depth, Rule

_LINES = 10


class Mismatch(Rule[SnapshotDiffered]):
    """The kernel's own list at a checkpoint is not what the replay leads to.

    ## Why it matters
    Reservations came or went without an event: the recording is incomplete (a pid filter, missing probes, lost
    events), or the model is wrong. From here on the replay goes on from the kernel's list.

    Info after lost events.
    """

    severity = Severity.ERROR
    invariants = (23,)
    depth = Depth.DOUBT
    help = "record every task and all memtype probes; if nothing was missing, compare with another --era"
    beside = {
        "snap-00-before.txt": "PAT memtype list:\n",
        "snap-01-after.txt": "PAT memtype list:\nPAT: [mem 0x00000000fd000000-0x00000000fd004000] uncached-minus\n",
    }
    violating = """
app-7 [000] 0.0: tracing_mark_write: checkpoint 0 before
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=2 new=2
app-7 [000] 2.0: tracing_mark_write: checkpoint 1 after                  #! snapshot-mismatch
"""
    clean = """
app-7 [000] 0.0: tracing_mark_write: checkpoint 0 before
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd004000 req=2 new=2
app-7 [000] 2.0: tracing_mark_write: checkpoint 1 after
"""

    def judge(self, incident: SnapshotDiffered) -> Iterator[Finding]:
        """The lines that differ, as diff shows them."""
        missing, extra = incident.missing, incident.extra
        message = (
            f"snapshot {incident.name!r} differs from the replay: {counted(len(missing), 'reservation')} that the kernel "
            f"does not list, {len(extra)} that the replay does not know"
        )
        if not missing and not extra:
            message = f"snapshot {incident.name!r} has equal reservations in another order than the replay"
        lines = [f"- {_line(node)}" for node in missing] + [f"+ {_line(node)}" for node in extra]
        notes = [Note(0, line, incident.path) for line in lines[:_LINES]]
        if len(lines) > _LINES:
            notes.append(Note(0, f"and {counted(len(lines) - _LINES, 'more line')}", incident.path))
        severity = Severity.ERROR if incident.reliable else Severity.INFO
        drawn = [Extent("replayed", start, end, short_name(type_)) for start, end, type_ in missing[:_LINES]]
        drawn += [Extent("listed", start, end, short_name(type_)) for start, end, type_ in extra[:_LINES]]
        yield self.finding(incident, message, *notes, severity=severity, drawn=drawn)


def _line(node: tuple[int, int, int]) -> str:
    start, end, type_ = node
    return f"PAT: [mem {start:#018x}-{end:#018x}] {cachemode_name(type_)}"

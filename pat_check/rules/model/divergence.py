"""model-divergence."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.findings import Finding, Severity
from pat_check.incidents import Diverged
from pat_check.rules.base import Depth, Rule
from pat_check.rules.telling import span, told

_ROWS = {"mtrr": 9, "zap": 36, "shrink": 49}
"""The invariant that each thing decides."""

_HALVES = {"half": Severity.WARNING, "half, perhaps": Severity.INFO}
"""A call without its return, or a return without its call: the probe has missed none, or that is not known."""

_CONTEXT = "context"
"""The context that a VMA shows: its address may stand for another VMA where a free was left out."""

_CALL = "a call of "


class Divergence(Rule[Diverged]):
    """The kernel did something else than the model of its era predicts.

    ## Why it matters
    One of three is wrong: the era (try another with `--era`), the kernel (a patch that changes behaviour, a bug), or
    this tool. The model follows the recording, so one surprise does not cause others.

    A warning where one thing alone decides: the MTRRs of a write-back request, whether a free shrinks the entry that ends
    with it, whether a zap untracks; and for a call without its return, or a return without its call, in the midst of a
    recording whose probes have missed none (`kprobe_profile.txt`), else info. Info where a VMA shows another context, for
    a free of it may have been left out, and where reservations may exist that the recording does not show: no list from
    its beginning, or lost events.
    """

    severity = Severity.ERROR
    invariants = (5, 6, 7, 9, 32, 36, 42, 49)
    severities = {9: Severity.WARNING, 36: Severity.WARNING, 49: Severity.WARNING}
    depth = Depth.DOUBT
    help = "check that the era fits the kernel; if it does, compare the kernel's source with the rule above"
    beside = {"memtypes.txt": "PAT memtype list:\n"}
    violating = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd004000 req=2 new=2
b-8 [000] 2.0: memtype_reserve__ret: ret=-16 start=0xfd000000 end=0xfd004000 req=1 #! model-divergence memtype-conflict
"""
    clean = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd004000 req=2 new=2
app-8 [000] 2.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd004000 req=2 new=2
"""

    def judge(self, incident: Diverged) -> Iterator[Finding]:
        """Every difference; how bad depends on how much the recording shows."""
        where = f" of {span(incident.start, incident.end)}" if incident.start < incident.end else ""
        message = f"{incident.function}{where} {_said(incident)}"
        severity = self.severities.get(_ROWS.get(incident.about, 0), self.severity)
        if not incident.reliable:
            severity = Severity.INFO
        if incident.about in _HALVES:
            severity = _HALVES[incident.about]
        elif incident.about == _CONTEXT:
            severity = Severity.INFO
        help_ = self.help if incident.reliable else "reservations older than the trace or lost events may explain it"
        if incident.about in _HALVES:
            help_ = "an event is missing: look for filters, for probes that were set late, and for losses of the tracer"
        elif incident.about == _CONTEXT:
            help_ = "its VMA may have been freed unseen, and another one made at its address: look for filters"
        notes = told(incident.story)
        yield self.finding(
            incident, message, *notes, start=incident.start, end=incident.end, severity=severity, help=help_
        )


def _said(incident: Diverged) -> str:
    """What was observed and what was predicted."""
    missing = incident.predicted.startswith(_CALL) and (incident.what, incident.observed) == ("made", "none")
    if missing:
        call, comma, why = incident.predicted.removeprefix(_CALL).partition(", ")
        return f"did not call {call}, which the model predicts{comma}{why}"
    what = f"{incident.what} {incident.observed}" if incident.what else incident.observed
    return f"{what}; the model predicts {incident.predicted}"

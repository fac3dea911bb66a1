"""Traces that claim their findings: ``#! rule`` on the line of the finding, ``#! rule@era*`` in some eras only."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter

from pat_check import api, plays
from pat_check.eras import era_of
from pat_check.scenario.parser import parse

CLAIM = re.compile(r"\s*#!(?P<claims>.*)$")


def applies(where, era):
    """Whether ``@vm-pat*`` or ``@!pfnmap-ctx`` names this era; no ``@`` part names all."""
    if not where:
        return True
    negated = where.startswith("!")
    return fnmatch.fnmatchcase(era, where.removeprefix("!")) != negated


def claims(trace, era):
    """The findings that a trace claims in an era: a multiset of (line, rule)."""
    claimed = Counter()
    for line, text in enumerate(trace.lstrip("\n").split("\n"), 1):
        match = CLAIM.search(text)
        for word in match["claims"].split() if match else ():
            rule, _, where = word.partition("@")
            if applies(where, era):
                claimed[line, rule] += 1
    return claimed


def bare(trace):
    """The trace without its claims, as a recording would be."""
    return "\n".join(CLAIM.sub("", line) for line in trace.lstrip("\n").split("\n"))


def found(trace, era, beside, folder, language="ftrace"):
    """The findings of a trace in an era: a multiset of (line, rule); info about reservations still held left out.

    A finding that another keeps as a note counts as well.
    """
    if language == "pat":
        return played(trace, era)
    report = api.check([str(written(trace, beside, folder))], api.Options(era=era))
    assert not report.inputs[0].error, report.inputs[0].error
    held = "still held"
    every = [one for finding in report.findings for one in finding.all()]
    return Counter((finding.line, finding.rule) for finding in every if held not in finding.message)


def played(trace, era):
    """As `found`, for a scenario."""
    play = plays.play(parse(trace.lstrip("\n"), "rule.pat"), era_of(era))
    every = play.findings
    return Counter((finding.line, finding.rule) for finding in every if "still held" not in finding.message)


def written(trace, beside, folder):
    """A capture directory with the trace and the files beside it."""
    (folder / "snaps").mkdir(parents=True, exist_ok=True)
    (folder / "trace.txt").write_text(bare(trace))
    for name, text in beside.items():
        place = folder / "snaps" / name if name.startswith(("snap-", "maps-")) else folder / name
        place.write_text(text)
    if "memtypes.txt" in beside:
        (folder / "snaps" / "snap-00-begin.txt").write_text(beside["memtypes.txt"])
    return folder

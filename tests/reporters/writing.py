"""How the tests of reporters write a report."""

import io
from dataclasses import replace
from pathlib import Path

from pat_check.findings import Baseline, Gone, Input, Report, Suppression
from pat_check.reporters import reporters
from pat_check.reporters.base import Style
from tests.sample_report import HOSTILE, HOSTILE_TEXT, SAMPLE

GOLDEN = Path(__file__).parent / "golden"
FORMATS = ("text", "concise", "json", "jsonl", "sarif", "junit", "github", "gitlab", "markdown", "suppressions")


def written(name, report=SAMPLE, style=None):
    out = io.StringIO()
    reporters()[name]().write(report, out, style or Style())
    return out.getvalue()


def hostile():
    """A report whose every word comes from an enemy, suppressed and in the baseline once as well."""
    silenced = replace(HOSTILE, suppression=Suppression(HOSTILE_TEXT, HOSTILE_TEXT, 3, False))
    known = replace(HOSTILE, baseline=Baseline.UNCHANGED)
    return Report(
        HOSTILE_TEXT,
        inputs=[
            Input(HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, facts=[HOSTILE_TEXT]),
            Input(HOSTILE_TEXT + "2", "", "", "", error=HOSTILE_TEXT),
        ],
        findings=[HOSTILE, silenced, known],
        gone=[Gone("memtype-leak", HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT)],
    )

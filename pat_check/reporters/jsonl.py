"""JSON lines: the values of the JSON report, one object a line, for ``grep``, ``jq`` and logs.

A line is ``{"type": ..., "data": ...}``: the ``run``, each ``finding``, each ``gone`` entry of the baseline, then the
``summary``.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from pat_check.findings import Report
from pat_check.reporters.base import Reporter, Style
from pat_check.reporters.json import harmless
from pat_check.reporters.records import Texts, gone_record, head_record, summary_record


class JsonLines(Reporter):
    """JSON, one object a line."""

    name = "jsonl"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        _line(out, "run", head_record(report))
        texts = Texts()
        for finding in report.findings:
            out.write(harmless(f'{{"type": "finding", "data": {texts.of(finding)}}}\n'))
        for entry in report.gone:
            _line(out, "gone", gone_record(entry))
        _line(out, "summary", summary_record(report))


def _line(out: TextIO, kind: str, data: dict[str, Any]) -> None:
    out.write(harmless(json.dumps({"type": kind, "data": data})) + "\n")

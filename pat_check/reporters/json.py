"""The report for programs: JSON, as ``report.schema.json`` describes it. Equal reports are equal bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TextIO

from pat_check.findings import Report
from pat_check.reporters.base import Reporter, Style
from pat_check.reporters.records import Texts, gone_record, head_record, summary_record

_DEL = "\x7f"


class Json(Reporter):
    """JSON for other programs."""

    name = "json"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        out.write(pretty(head_record(report), 0).removesuffix("\n}"))
        _array(out, "findings", map(Texts().of, report.findings))
        _array(out, "gone", map(json.dumps, map(gone_record, report.gone)))
        out.write(',\n  "summary": ' + pretty(summary_record(report), 2) + "\n}\n")


def _array(out: TextIO, name: str, records: Iterable[str]) -> None:
    """An array as the next member of the report: one record a line, each written by itself, for there may be many."""
    out.write(f',\n  "{name}": [')
    separator = end = ""
    for record in records:
        out.write(f"{separator}\n    {harmless(record) if _DEL in record else record}")
        separator, end = ",", "\n  "
    out.write(f"{end}]")


def pretty(value: Any, indent: int) -> str:
    """JSON of a value that stands `indent` columns in, with every control character escaped."""
    return harmless(json.dumps(value, indent=2)).replace("\n", "\n" + " " * indent)


def harmless(written: str) -> str:
    """JSON text without DEL, the one control character that JSON itself leaves; it can only be inside a string."""
    return written.replace("\x7f", "\\u007f")

"""Entries for a suppression file, one for each finding that counts; the reason is left for people to write."""

from __future__ import annotations

import re
from typing import TextIO

from pat_check.findings import NO_REASON, Finding, Report
from pat_check.portable import portable_text
from pat_check.reporters.base import Reporter, Style, escaped

_SPECIAL = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})


class Suppressions(Reporter):
    """Entries for --suppressions."""

    name = "suppressions"

    def write(self, report: Report, out: TextIO, style: Style) -> None:
        out.write("# For --suppressions: keep what is known and fine, and write why.\n")
        entries: dict[str, list[str]] = {}
        for finding in [one for root in report.findings if root.counts for one in root.all()]:
            message = escaped(portable_text(finding.message, finding.file))
            said = entries.setdefault("\n".join(_lines(finding)), [])
            if message not in said:
                said.append(message)
        for number, (entry, messages) in enumerate(entries.items(), 1):
            for message in messages:
                out.write(f"# {message}\n")
            out.write(f"{{\n   generated-{number}\n{entry}\n}}\n")


def _lines(finding: Finding) -> list[str]:
    """What the finding will still have when it is recorded again: a name of its range rather than an address."""
    comm = finding.task.comm if finding.task is not None else ""
    if finding.place:
        where = [f"bar: {_literal(finding.place)}"]
    elif finding.start >= 0:
        where = [f"range: {finding.start:#x}-{finding.end - 1:#x}"]
    else:
        where = []
    lines = [
        f"rule: {finding.rule}",
        *([f"comm: {_literal(comm)}"] if comm else []),
        *where,
        *([f"era: {finding.era}"] if finding.era else []),
        f"reason: {NO_REASON}",
    ]
    return [f"   {line}" for line in lines]


def _literal(text: str) -> str:
    """A glob that matches this text; what cannot be written in a line is any character."""
    whole = "".join(character if character.isprintable() else "?" for character in text.translate(_SPECIAL))
    return re.sub(r"^\s|\s$", "?", whole)

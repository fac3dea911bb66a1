"""Baselines: the findings that were there when a team began to look; new ones fail, these do not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pat_check.errors import TraceError
from pat_check.findings import Baseline, Gone, Report
from pat_check.portable import portable

VERSION = 1
"""Of the file's layout."""


@dataclass(slots=True)
class Known:
    """An entry: a finding as it was when the baseline was written."""

    fingerprint: str
    rule: str
    message: str
    file: str


def baseline_of(report: Report) -> list[Known]:
    """What a baseline of these findings holds: each that counts, once for a file, in a stable order."""
    found = {
        (one.fingerprint, portable(one.file)): Known(one.fingerprint, one.rule, one.message, portable(one.file))
        for one in reversed([*report.findings, *report.hidden])
        if one.suppression is None
    }
    return sorted(found.values(), key=lambda known: (known.rule, known.file, known.fingerprint))


def written(known: Iterable[Known]) -> str:
    """A baseline as the text of its file."""
    entries = [
        {"fingerprint": one.fingerprint, "rule": one.rule, "file": one.file, "message": one.message} for one in known
    ]
    return json.dumps({"version": VERSION, "findings": entries}, indent=2) + "\n"


def read_baseline(text: str, path: str) -> list[Known]:
    """The entries of a file; raises TraceError when it is none of ours."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        at = getattr(error, "lineno", 0)
        raise TraceError(f"is not a baseline: {getattr(error, 'msg', error)}", path, at) from error
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION:
        found = f"version {version!r}" if version is not None else "no version"
        raise TraceError(f"is not a baseline of version {VERSION}: it has {found}", path)
    entries = document.get("findings")
    if not isinstance(entries, list):
        raise TraceError("is not a baseline: it has no list of findings", path)
    known = []
    for number, entry in enumerate(entries, 1):
        said = entry if isinstance(entry, dict) else {}
        fields = [said.get(name) for name in ("fingerprint", "rule", "message", "file")]
        if not all(isinstance(field, str) for field in fields) or not fields[0]:
            raise TraceError(f"finding {number} is not one of a baseline", path)
        known.append(Known(*(str(field) for field in fields)))
    return known


def apply_baseline(report: Report, known: Iterable[Known]) -> None:
    """Mark what a baseline holds, and list what only it holds.

    An entry whose recording is among the inputs holds for that recording: the same finding in another one is new.
    One whose recording is not holds for any, for names may change with every recording. It is only missed where
    that is so for all of the baseline: a run over other recordings says nothing of it.
    """
    entries = list(known)
    inputs = [portable(one.path) for one in report.inputs if not one.error]
    here = [one for one in entries if _recording(one.file, inputs) is not None]
    held = {(one.fingerprint, _recording(one.file, inputs)) for one in entries}
    seen = set()
    for finding in (*report.findings, *report.hidden):
        keys = {(finding.fingerprint, of) for of in (_recording(portable(finding.file), inputs), None)}
        seen |= keys
        finding.baseline = Baseline.UNCHANGED if keys & held else Baseline.NEW
    report.gone = [
        Gone(one.rule, one.message, one.file, one.fingerprint)
        for one in here or entries
        if (one.fingerprint, _recording(one.file, inputs)) not in seen
    ]


def _recording(file: str, inputs: Iterable[str]) -> str | None:
    """The input that is a finding's file, or the capture directory it lies in; None: it belongs to none of them."""
    return next((given for given in inputs if file == given or file.startswith(f"{given}/")), None)

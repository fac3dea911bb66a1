import json

import pytest

from pat_check.findings import Finding, Report, Severity
from tests.reporters.writing import hostile, written
from tests.sample_report import SAMPLE


def issues(report=SAMPLE):
    return json.loads(written("gitlab", report))


@pytest.mark.parametrize("report", [SAMPLE, Report("0.1.0"), hostile()], ids=["sample", "empty", "hostile"])
def test_an_issue_has_the_documented_keys(report):
    for issue in issues(report):
        assert issue.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"].keys() == {"path", "lines"}
        assert issue["location"]["lines"]["begin"] >= 1
        assert not issue["location"]["path"].startswith(("/", "./"))


def test_only_what_counts_is_an_issue():
    assert [(issue["check_name"], issue["severity"], issue["location"]["lines"]["begin"]) for issue in issues()] == [
        ("not-replayed", "blocker", 1),
        ("memtype-invalid-free", "major", 117),
        ("memtype-leak", "minor", 1309),
        ("trace-lost-events", "info", 900),
        ("memtype-leak", "minor", 1309),
    ]


def test_a_fingerprint_is_unique_and_does_not_know_the_line():
    def two(line):
        return [Finding("r-a", Severity.ERROR, "m", line + at, file="t", fingerprint="f") for at in range(2)]

    first, second = ([issue["fingerprint"] for issue in issues(Report("", [], two(line)))] for line in (1, 50))
    assert len(set(first)) == 2
    assert first == second


def test_the_same_finding_in_another_recording_is_another_issue():
    findings = [Finding("r-a", Severity.ERROR, "m", 1, file=file, fingerprint="f") for file in ("a", "b")]
    assert len({issue["fingerprint"] for issue in issues(Report("", [], findings))}) == 2

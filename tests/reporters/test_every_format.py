"""What holds for each output format, shown by the one sample report."""

import re

import pytest

from pat_check.findings import Finding, Input, Report, Severity
from pat_check.reporters import reporters
from pat_check.reporters.base import Style
from tests.reporters.writing import FORMATS, GOLDEN, hostile, written

GOLDENS = [
    ("text", "sample.txt", Style()),
    ("text", "sample-80.txt", Style(width=80)),
    ("text", "sample-statistics.txt", Style(quiet=True, statistics=True)),
    ("concise", "sample-concise.txt", Style()),
    ("json", "sample.json", Style()),
    ("jsonl", "sample.jsonl", Style()),
    ("sarif", "sample.sarif", Style()),
    ("sarif", "sample-anchored.sarif", Style(anchor=("tests/patlab.sh", 3), category="nightly")),
    ("junit", "sample-junit.xml", Style()),
    ("github", "sample-github.txt", Style()),
    ("gitlab", "sample-gitlab.json", Style()),
    ("markdown", "sample.md", Style()),
    ("suppressions", "sample.supp", Style()),
]
SOURCE = "app-7 [000] 1.0: memtype_free: start=0xfd002000 end=0xfd004000"


@pytest.fixture(autouse=True)
def _no_summary(monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def test_every_format_is_tested_here():
    assert sorted(FORMATS) == list(reporters())


@pytest.mark.parametrize(("name", "golden", "style"), GOLDENS, ids=[golden for _, golden, _ in GOLDENS])
def test_the_sample_report_is_as_its_golden_file(name, golden, style):
    assert written(name, style=style) == (GOLDEN / golden).read_text()


@pytest.mark.parametrize("name", FORMATS)
def test_equal_reports_are_equal_bytes(name):
    assert written(name) == written(name)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_a_trace_holds_is_written_raw(name):
    assert all(character.isprintable() or character == "\n" for character in written(name, hostile()))


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_without_anything_can_be_written(name):
    assert written(name, Report("0.1.0"))


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("text", "concise")])
def test_no_absolute_path_and_nothing_of_this_machine(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trace, far = str(tmp_path / "captures" / "trace.txt"), "/home/somebody/lab/fork/trace.txt.xz"
    report = Report(
        "0.1.0",
        inputs=[
            Input(trace, "ftrace", "vm-pat", f"{trace} says so", facts=[f"{far} holds no list"]),
            Input(far, "", "", "", error=f"{far}:3: not a trace"),
        ],
        findings=[
            Finding("rule-a", Severity.ERROR, f"{far} and {trace} differ", 3, file=trace, help=f"see {far}"),
            Finding("rule-a", Severity.ERROR, "differs from /proc/iomem", 3, file=far),
        ],
    )
    text = written(name, report)
    assert str(tmp_path) not in text
    assert "/home/" not in text
    assert "captures/trace.txt" in text
    assert "fork/trace.txt.xz" in text
    assert "/proc/iomem" in text


@pytest.mark.parametrize("name", ["text", "concise"])
def test_people_get_paths_as_they_typed_them(name):
    finding = Finding("rule-a", Severity.ERROR, "wrong", 3, file="../there/trace.txt")
    assert "../there/trace.txt:3: error: wrong [rule-a]" in written(name, Report("", [], [finding]))


@pytest.mark.parametrize("name", ["text", "sarif", "junit", "markdown"])
def test_the_line_that_broke_the_invariant_is_quoted(name):
    def source(file, line):
        return SOURCE if (file, line) == ("fork-partial/trace.txt", 117) else ""

    assert SOURCE in written(name, style=Style(source_lines=source))


@pytest.mark.parametrize("name", FORMATS)
def test_no_date_is_in_a_report(name):
    assert not re.search(r"\b20\d\d-\d\d", written(name))

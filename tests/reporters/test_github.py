import re

import pytest

from pat_check.findings import Finding, Input, Report, Severity
from tests.reporters.writing import hostile, written

COMMAND = re.compile(r"::(?P<kind>error|warning|notice) (?P<properties>[^:]*)::(?P<data>.*)")


@pytest.fixture(autouse=True)
def summary(monkeypatch, tmp_path):
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return file


def unescaped(text, pairs):
    for code, character in pairs:
        text = text.replace(code, character)
    return text.replace("%25", "%")


def commands(report):
    """As the runner reads them: a line that begins with ``::`` is a command."""
    read = []
    for line in written("github", report).splitlines():
        if line.lstrip().startswith("::") or "##[" in line:
            match = COMMAND.fullmatch(line)
            assert match, line
            pairs = [("%0D", "\r"), ("%0A", "\n")]
            properties = dict(item.split("=", 1) for item in match["properties"].split(","))
            properties = {
                key: unescaped(value, [*pairs, ("%3A", ":"), ("%2C", ",")]) for key, value in properties.items()
            }
            read.append((match["kind"], properties, unescaped(match["data"], pairs)))
    return read


def many(**kinds):
    return [
        Finding("r-a", Severity[kind.upper()], f"{kind} {at}", at + 1, file="t")
        for kind in kinds
        for at in range(kinds[kind])
    ]


def test_an_annotation_names_file_line_and_rule():
    report = Report("", [], [Finding("r-a", Severity.ERROR, "100%, truly: so\nit is", 3, file="a,b:c", help="mend it")])
    assert commands(report) == [
        (
            "error",
            {"file": "a,b:c", "line": "3", "title": "pat-check: r-a"},
            "100%, truly: so\nit is\nhelp: mend it",
        )
    ]


def test_a_percent_sign_of_a_trace_is_no_escape():
    assert commands(Report("", [], [Finding("r-a", Severity.ERROR, "%0A::error::x", 3, file="%2C")]))[0][1:] == (
        {"file": "%2C", "line": "3", "title": "pat-check: r-a"},
        "%0A::error::x",
    )


def test_the_worst_come_first_and_ten_of_a_kind_are_enough():
    report = Report("", [], many(info=3, warning=12, error=9, fatal=2))
    kinds = [kind for kind, _, _ in commands(report)]
    assert kinds == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 3
    assert commands(report)[0][2] == "fatal 0"
    assert written("github", report).splitlines()[-2:] == [
        "1 error, 2 warnings more",
        "26 findings (2 fatals, 9 errors, 12 warnings, 3 info) in 0 inputs",
    ]


def test_an_unreadable_input_is_the_first_error():
    report = Report("", [Input("t", "", "", "", error="t:7: not a trace")], many(fatal=1))
    assert commands(report)[0] == (
        "error",
        {"file": "t", "line": "7", "title": "pat-check: not replayed"},
        "not a trace",
    )


def test_only_what_counts_is_annotated():
    assert [properties["line"] for _, properties, _ in commands(hostile()) if "line" in properties] == ["3"]


def test_a_hostile_report_gives_no_command_but_ours():
    read = commands(hostile())
    assert [kind for kind, _, _ in read] == ["error", "error"]
    assert "::error::w %0A" in read[1][2]


def test_the_report_is_appended_to_the_summary_of_the_step(summary):
    written("github", Report("", [], many(error=1)))
    assert summary.read_text().startswith("before\n### pat-check failed: 1 finding (1 error) in 0 inputs\n")


def test_a_full_summary_is_left_as_it_is(summary):
    summary.write_text("x" * ((1 << 20) - 10))
    assert "the run summary is full: this report is not in it\n" in written("github", Report("", [], many(error=1)))
    assert summary.stat().st_size == (1 << 20) - 10


def test_a_summary_that_cannot_be_written_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "where"))
    assert "the run summary cannot be written: No such file or directory\n" in written("github", Report(""))


def test_outside_of_a_workflow_there_is_no_summary(monkeypatch, summary):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    written("github", Report(""))
    assert summary.read_text() == "before\n"

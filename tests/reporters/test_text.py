import re

import pytest

from pat_check.findings import Baseline, Finding, Gone, Report, RuleText, Severity, Suppression
from pat_check.reporters.base import Style, escaped
from tests.reporters import writing
from tests.sample_report import SAMPLE

SGR = re.compile(r"\x1b\[[0-9;]*m")


LINK = re.compile(r"\x1b\]8;;([^\x1b]*)\x1b\\")


def written(style=None, report=SAMPLE, name="text"):
    return writing.written(name, report, style)


def finding(severity=Severity.ERROR, **fields):
    return Finding("rule-a", severity, "wrong", 1, file="t", **fields)


def squeezed(text):
    """The text without the line ends and spaces that a layout adds, so that only its words count."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_loses_no_word_to_its_width(width):
    assert squeezed(written(Style(width=width))) == squeezed(written())


def test_80_columns_are_enough_for_every_line():
    assert max(map(len, written(Style(width=80)).splitlines())) <= 80


def test_no_line_ends_in_spaces():
    for style in (Style(), Style(width=80)):
        assert not re.search(r" $", written(style), re.MULTILINE)


def test_colour_changes_no_character():
    assert SGR.sub("", written(Style(color=True))) == written()


@pytest.mark.parametrize("style", [Style(), Style(width=80), Style(color=True, width=80)], ids=str)
def test_nothing_a_trace_holds_reaches_the_terminal_raw(style):
    text = SGR.sub("", written(style))
    assert all(character.isprintable() or character == "\n" for character in text)


def test_markup_in_a_trace_stays_text():
    assert "[red]12 events are missing here[/red]" in written(Style(color=True))


def test_a_trace_line_is_shown_below_its_finding():
    text = written(Style(source_lines=lambda file, line: f"{file} has \x1b[31m" if line == 117 else ""))
    assert r"   117 | fork-partial/trace.txt has \x1b[31m" in text.splitlines()[1]
    assert text.count(" | ") == 1


def test_nothing_found_is_said():
    assert written(report=Report("0.1.0")) == "no findings in 0 inputs\n"


def test_a_wide_character_takes_two_columns():
    wide = Finding("rule", Severity.INFO, "漢字" * 30, 1, file="t")
    lines = written(Style(width=40), Report("", [], [wide])).splitlines()
    assert max(len(line) + sum(character in "漢字" for character in line) for line in lines) <= 40


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain [text] (so)", "plain [text] (so)"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\rd\0", r"a\x0ab\x09c\x0dd\x00"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u202e\u2066\u2028\u200b", r"\u202e\u2066\u2028\u200b"),
        ("caf\u00e9 \u6f22", "caf\u00e9 \u6f22"),
        ("\udcff", r"\xff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_might_obey_is_escaped(raw, shown):
    assert escaped(raw) == shown


def test_quiet_is_findings_and_verdict_alone():
    whole, quiet = written(), written(Style(quiet=True))
    assert "  era  " in whole
    assert "  era  " not in quiet
    first, end = whole.split("\nfork-partial/trace.txt\n")
    assert quiet == first + "\n" + end[end.index("error    memtype-invalid-free") :]


def test_statistics_count_instead_of_telling():
    text = written(Style(statistics=True, quiet=True))
    assert "trace.txt:117" not in text
    rows = [line.split() for line in text.splitlines()]
    assert ["severity", "rule", "found", "baselined", "suppressed"] in rows
    assert ["warning", "memtype-downgrade", "0", "1", "0"] in rows
    assert ["fatal", "memtype-leak", "0", "0", "1"] in rows


def test_a_suppressed_finding_is_counted_and_not_told():
    report = Report("", [], [finding(suppression=Suppression("so be it", "pat-check.toml", 4, False))])
    assert written(report=report) == "no new findings in 0 inputs, 1 suppressed (see pat-check.toml:4)\n"


def test_a_finding_of_the_baseline_is_one_line_without_a_story():
    report = Report("", [], [finding(baseline=Baseline.UNCHANGED, help="do better")])
    assert written(report=report) == "t:1: baselined: wrong [rule-a]\n\nno new findings in 0 inputs, 1 baselined\n"


def test_what_only_the_baseline_holds_is_listed_and_bounded():
    report = Report("", gone=[Gone("rule-a", f"wrong {at}", "t", str(at)) for at in range(12)])
    lines = written(report=report).splitlines()
    assert lines[0] == "no longer found: t: wrong 0 [rule-a]"
    assert lines[9:11] == ["no longer found: t: wrong 9 [rule-a]", "and 2 more; `pat-check baseline write` drops them"]


@pytest.mark.parametrize(
    ("fail_on", "told"),
    [
        (Severity.WARNING, "2 hidden below --min-severity, 1 of which still fails the run"),
        (Severity.INFO, "2 hidden below --min-severity, 2 of which still fail the run"),
        (Severity.ERROR, "2 hidden below --min-severity"),
        (None, "2 hidden below --min-severity"),
    ],
)
def test_what_is_hidden_is_counted_with_what_still_fails(fail_on, told):
    report = Report("", hidden=[finding(Severity.INFO), finding(Severity.WARNING)], fail_on=fail_on)
    assert written(report=report) == f"no findings in 0 inputs, {told}\n"


@pytest.mark.parametrize("name", ["text", "concise"])
def test_rules_are_links_where_a_terminal_follows_them(name):
    rules = [RuleText("rule-a", "rule", Severity.ERROR, "", "", "", "https://x.example/rule-a.md")]
    report = Report("", [], [finding()], rules=rules)
    text = written(Style(color=True, links=True, width=80), report, name)
    assert LINK.findall(text) == ["https://x.example/rule-a.md", ""]
    assert SGR.sub("", LINK.sub("", text)) == written(Style(width=80), report, name)
    assert not LINK.search(written(Style(color=True), report, name))


def test_what_a_trace_says_is_no_link():
    text = written(Style(color=True, links=True), writing.hostile())
    assert all(character.isprintable() or character == "\n" for character in SGR.sub("", LINK.sub("", text)))


def test_concise_is_a_line_for_each_finding_that_counts():
    lines = written(name="concise").splitlines()
    assert [line.split(" ", 1)[0] for line in lines[1:-1]] == [
        "fork-partial/trace.txt:117:",
        "fork-partial/trace.txt:1309:",
        "fork-partial/trace.txt:900:",
        "fork-partial/trace.txt:1309:",
    ]


def test_concise_is_never_wrapped():
    assert written(Style(width=40), name="concise") == written(name="concise")

import io
import re
from pathlib import Path

import pytest

from pat_check.findings import Finding, Report, Severity
from pat_check.reporters import reporters
from pat_check.reporters.base import Style, escaped
from tests.sample_report import SAMPLE

GOLDEN = Path(__file__).parent / "golden"
SGR = re.compile(r"\x1b\[[0-9;]*m")


def written(style=None, report=SAMPLE):
    out = io.StringIO()
    reporters()["text"]().write(report, out, style or Style())
    return out.getvalue()


def squeezed(text):
    """The text without the line ends and spaces that a layout adds, so that only its words count."""
    return re.sub(r"\s+", "", text)


def test_the_sample_report_in_a_pipe():
    assert written() == (GOLDEN / "sample.txt").read_text()


def test_the_sample_report_on_a_terminal_of_80_columns():
    assert written(Style(width=80)) == (GOLDEN / "sample-80.txt").read_text()


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
    finding = Finding("rule", Severity.INFO, "漢字" * 30, 1, file="t")
    lines = written(Style(width=40), Report("", [], [finding])).splitlines()
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

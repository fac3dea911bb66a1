"""The examples: scenarios play as they claim in every era, captures have the findings that their README names."""

import re
from collections import Counter
from pathlib import Path

import pytest

from pat_check import api
from pat_check.eras import ERAS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCENARIOS = sorted(EXAMPLES.glob("*.pat"))
CAPTURES = sorted({trace.parent for trace in EXAMPLES.glob("*/trace.txt*")})
README = (EXAMPLES / "README.md").read_text()
ROWS = {row[0].strip("`"): row for row in (re.split(r"\s*\|\s*", line)[1:-1] for line in README.splitlines()) if row}

scenarios = pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
captures = pytest.mark.parametrize("folder", CAPTURES, ids=lambda folder: folder.name)


def lines_of(path):
    return path.read_text().splitlines()


def test_there_are_scenarios_and_captures():
    assert SCENARIOS
    assert CAPTURES


@pytest.mark.parametrize("era", ERAS, ids=str)
@scenarios
def test_a_scenario_plays_as_it_claims(path, era):
    (sheet,) = api.lint([str(path)], [era.name])
    (column,) = sheet.columns
    assert (column.unmet, column.unexpected, column.failed) == ([], [], [])


@scenarios
def test_a_scenario_has_the_canonical_layout(path):
    assert path.read_text() == api.formatted(path.read_text(), str(path))


@scenarios
def test_a_scenario_begins_with_a_title_and_a_paragraph_of_what_it_teaches(path):
    title, blank, *rest = lines_of(path)
    assert re.fullmatch(r"# \S.{10,}[^.]", title)
    assert blank == "#"
    paragraph = rest[: next(at for at, line in enumerate(rest) if not line.startswith("# "))]
    assert 3 <= len(paragraph) <= 6
    assert paragraph[-1].endswith(".")


@scenarios
def test_a_scenario_fits_a_screen_and_expects_something(path):
    lines = lines_of(path)
    assert 10 <= sum(bool(line) and not line.lstrip().startswith("#") for line in lines) <= 32
    assert max(map(len, lines)) <= 120
    assert any(line.startswith("expect ") for line in lines)


@scenarios
def test_a_scenario_is_in_the_readme_with_its_title(path):
    assert ROWS[path.name][1] == lines_of(path)[0].removeprefix("# ")


@captures
def test_a_capture_has_exactly_the_findings_that_the_readme_names(folder):
    report = api.check([str(folder)])
    found = Counter(finding.rule for finding in report.findings)
    named = Counter({rule: int(count) for count, rule in re.findall(r"(\d+) ([a-z-]+)", ROWS[folder.name][3])})
    assert report.inputs[0].error == ""
    assert found == named


def test_the_readme_names_nothing_that_is_not_there():
    there = {path.name for path in (*SCENARIOS, *CAPTURES)}
    assert set(ROWS) - there == {"Capture", "Scenario", "---"}

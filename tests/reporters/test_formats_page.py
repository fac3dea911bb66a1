"""docs/formats.md shows what is so: its excerpts are of the golden files, and no format is missing."""

import re
from pathlib import Path

import pytest

from tests.reporters.writing import FORMATS, GOLDEN

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
EXCERPTS = re.findall(r"<!-- golden: (\S+) -->\n```\w*\n(.*?)```\n", PAGE, re.DOTALL)


@pytest.mark.parametrize(("golden", "excerpt"), EXCERPTS, ids=[golden for golden, _ in EXCERPTS])
def test_an_excerpt_is_of_its_golden_file(golden, excerpt):
    assert excerpt in (GOLDEN / golden).read_text()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_chapter(name):
    assert f"\n## {name}\n" in PAGE
    assert f"\n| `{name}` |" in PAGE

"""The site builds without a warning, needs no network, and has its pages where findings point to."""

import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import yaml

from pat_check import api
from pat_check.about import DOCS as PUBLISHED
from tests import console

DOCS = console.ROOT / "docs"
TIMEOUT = 120  # seconds; it takes ten on an idle machine


class Fetched(HTMLParser):
    """What a browser fetches for a page by itself."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "audio", "video", "embed"):
            self.addresses.append(attributes.get("src") or "")
        if tag == "link" and attributes.get("rel") not in ("canonical", "index", "search", "next", "prev", "author"):
            self.addresses.append(attributes.get("href") or "")


def fetched(page):
    parser = Fetched()
    parser.feed(page.read_text())
    return parser.addresses


def test_the_site_builds_and_stands_alone(tmp_path):
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed; `make test` installs it")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    pages = sorted(tmp_path.rglob("*.html"))
    assert {str(page.relative_to(tmp_path)) for page in pages} >= {"index.html", "tutorial.html", "pat-tracking.html"}
    check_that_rules_are_where_findings_point_to(tmp_path)
    check_that_nothing_is_fetched_from_elsewhere(tmp_path, pages)
    check_that_drawings_are_drawn(tmp_path)


def check_that_rules_are_where_findings_point_to(site):
    for rule in api.rules():
        uri = api.rule_uri(rule.id)
        assert uri.startswith(f"{PUBLISHED}/")
        assert (site / uri.removeprefix(f"{PUBLISHED}/")).is_file(), uri


def check_that_nothing_is_fetched_from_elsewhere(site, pages):
    for page in pages:
        away = [address for address in fetched(page) if re.match(r"(https?:)?//", address)]
        assert away == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text()), sheet


def check_that_drawings_are_drawn(site):
    text = (site / "pat-tracking.html").read_text()
    drawings = re.findall(r"<svg class=\"pagemap\".*?</svg>", text, re.DOTALL)
    written = [block for kind, _, block in console.blocks(DOCS / "pat-tracking.md") if kind == "pagemap"]
    assert len(drawings) == len(written) > 5
    for drawing, block in zip(drawings, written, strict=True):
        tree = ElementTree.fromstring(drawing)
        assert tree.get("aria-label").split() == block.split()
        pages = sum(len(piece.replace(" ", "")) for piece in re.findall(r"\|([^|\n]+)\|", block))
        assert len(tree.findall("rect")) == pages


def test_the_site_is_published_where_findings_point_to():
    project = tomllib.loads((console.ROOT / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Documentation"] == PUBLISHED
    hosted = yaml.safe_load((console.ROOT / ".readthedocs.yaml").read_text())
    assert (console.ROOT / hosted["sphinx"]["configuration"]).is_file()
    assert hosted["sphinx"]["fail_on_warning"] is True
    assert set(hosted["python"]["install"][0]["extra_requirements"]) <= set(project["optional-dependencies"])


def test_a_page_that_fetches_something_is_seen(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<link rel="stylesheet" href="https://a/x.css"><script src="//b/x.js"></script><a href="https://c">'
    )
    assert fetched(page) == ["https://a/x.css", "//b/x.js"]

"""How Sphinx builds the site: ``make docs``. Pages are plain Markdown, which reads well without it too."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_site"), str(HERE.parent)]

import pagemaps  # noqa: E402
from lexer import ScenarioLexer  # noqa: E402

from pat_check import __version__  # noqa: E402

project = "pat-check"
version = release = __version__
copyright = "the authors of pat-check"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_site", "examples"]
root_doc = "index"
myst_heading_anchors = 3
highlight_language = "text"

html_theme = "furo"
html_title = f"pat-check {release}"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

CHILDREN = ("rules/README", "eras/README")
"""Pages whose neighbours are their children."""

OUTSIDE = {
    "../examples/README.md": "examples.md",
    "../docs/": "",
}
"""Links of pages that lie, or lead, outside docs/."""


def adapt(app: Sphinx, name: str, source: list[str]) -> None:
    """Make a page that reads well in the repository part of the site."""
    for there, here in OUTSIDE.items():
        source[0] = source[0].replace(f"]({there}", f"]({here}")
    if name in CHILDREN:
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"


def adapt_included(app: Sphinx, path: Path, parent: str, source: list[str]) -> None:
    """The same for a file that a page includes."""
    adapt(app, "", source)


def setup(app: Sphinx) -> None:
    """Everything of ours that Sphinx calls."""
    app.connect("source-read", adapt)
    app.connect("include-read", adapt_included)
    app.add_lexer("pat", ScenarioLexer)
    pagemaps.setup(app)

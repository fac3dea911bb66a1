"""``pat-check explain``: what a rule is about."""

from __future__ import annotations

import inspect
import sys

import click
from rich.markdown import Markdown

from pat_check import api
from pat_check.cli.options import color_option, one_of, style_for
from pat_check.reporters.page import Page

_READABLE = 100  # columns: longer lines of prose are hard to read


@click.command()
@click.argument("rule", callback=one_of("rule", lambda: [info.id for info in api.rules()]), metavar="RULE")
@color_option
def explain(rule: str, color: str) -> None:
    """Explain RULE: why it matters, and traces that break and keep it."""
    info = next(info for info in api.rules() if info.id == rule)
    page = Page(sys.stdout, style_for(sys.stdout, color))
    guards = f", invariants {', '.join(map(str, info.invariants))}" if info.invariants else ""
    page.line((info.id, "bold"), f" ({info.severity}{guards})")
    page.line()
    text = inspect.cleandoc(info.text)
    if page.width:
        page.block(Markdown(text), min(page.width, _READABLE))
    else:
        page.lines(text)
    for title, trace in (("A trace that breaks it", info.violating), ("A trace that keeps it", info.clean)):
        page.line()
        page.line((f"{title}:", "bold"))
        page.line()
        page.lines(inspect.cleandoc(trace), indent=4)

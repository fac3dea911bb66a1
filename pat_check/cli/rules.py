"""``pat-check rules``: what is checked."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from pat_check import api
from pat_check.cli.options import color_option, style_for
from pat_check.reporters.page import Page


@click.command()
@color_option
def rules(color: str) -> None:
    """List every rule with its severity."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True, style="bold")
    table.add_column("severity", no_wrap=True)
    table.add_column("summary")
    for rule in api.rules():
        table.add_row(rule.id, str(rule.severity), rule.summary)
    page = Page(sys.stdout, style_for(sys.stdout, color))
    page.block(table)
    page.line()
    page.line("`pat-check explain RULE` says more.")

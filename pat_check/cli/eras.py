"""``pat-check eras``: the kernels' behaviours that a trace can be replayed on."""

from __future__ import annotations

import sys

import click

from pat_check import api
from pat_check.cli.options import color_option, style_for
from pat_check.reporters.page import Page


@click.command()
@color_option
def eras(color: str) -> None:
    """List every era: which kernels behave so, and what changed."""
    page = Page(sys.stdout, style_for(sys.stdout, color))
    for number, era in enumerate(api.eras()):
        if number:
            page.line()
        page.line((era.name, "bold"), f"  ({era.kernels})")
        page.line(era.summary, indent=2, hang=0)
        for change in era.changes:
            page.line("- ", change, indent=2, hang=2)

"""``pat-check eras``: the kernels' behaviours that a trace can be replayed on."""

from __future__ import annotations

import json

import click

from pat_check import api
from pat_check.cli.command import Command
from pat_check.cli.explain import titled
from pat_check.cli.options import look_options
from pat_check.cli.paging import page
from pat_check.reporters.page import Page

VERSION = 1
"""Of the JSON; a key may be added without a new one."""


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print them for programs.")
@look_options
def eras(as_json: bool, color: str, links: str, pager: str) -> None:
    """List every era: which kernels behave so, and what changed."""
    if as_json:
        found = [
            {
                "name": era.name,
                "kernels": era.kernels,
                "summary": era.summary,
                "text": era.text,
                "changes": era.changes,
                "uri": era.uri,
            }
            for era in api.eras()
        ]
        click.echo(json.dumps({"version": VERSION, "eras": found}, indent=2))
        return
    with page(color, links, pager) as (out, style):
        written = Page(out, style)
        for number, era in enumerate(api.eras()):
            if number:
                written.line()
            written.line(titled(era.name, era.uri, style.links), f"  ({era.kernels})")
            written.line(era.summary, indent=2, hang=0)
            for change in era.changes:
                written.line("- ", change, indent=2, hang=2)

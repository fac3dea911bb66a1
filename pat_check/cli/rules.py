"""``pat-check rules``: what is checked."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from pat_check import api
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_words, selectors
from pat_check.cli.explain import titled
from pat_check.cli.options import look_options
from pat_check.cli.paging import page
from pat_check.cli.settings import one_of
from pat_check.findings import Severity
from pat_check.reporters.base import escaped
from pat_check.reporters.page import Page

VERSION = 1
"""Of the JSON; a key may be added without a new one."""


def _selectors(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if problem := api.bad_selector(value):
            raise click.BadParameter(problem, ctx, param)
    return values


@click.command(
    cls=Command,
    examples=(
        ("what is checked of ioremap() and the memtype tree", "pat-check rules ioremap memtype"),
        ("the worst, for a program", "pat-check rules --severity fatal --json"),
        ("rules that speak of mremap", "pat-check rules --search mremap"),
    ),
)
@click.argument(
    "which",
    nargs=-1,
    metavar="[RULE|FAMILY...]",
    callback=_selectors,
    shell_complete=complete_words(lambda: selectors(api.rule_ids())),
)
@click.option(
    "--severity",
    metavar="LEVEL",
    callback=one_of("severity", lambda: map(str, Severity)),
    shell_complete=complete_words(lambda: [str(level) for level in Severity]),
    help="Those of this severity or worse.",
)
@click.option("--search", metavar="WORD", help="Those whose name or documentation holds this, in any case.")
@click.option("--json", "as_json", is_flag=True, help="Print them for programs, with all that `explain` tells.")
@look_options
def rules(
    which: tuple[str, ...], severity: str | None, search: str | None, as_json: bool, color: str, links: str, pager: str
) -> None:
    """List rules with their severities: all, or what is asked for.

    Rules are named as for --select: one rule, a family such as `memtype`, a part of a name up to a hyphen, or ALL.
    """
    found = [info for info in api.rules() if _is_wanted(info, which, severity, search)]
    if as_json:
        click.echo(json.dumps({"version": VERSION, "rules": [_record(info) for info in found]}, indent=2))
        return
    with page(color, links, pager) as (out, style):
        written = Page(out, style)
        if not found:
            written.line("no rule is like that")
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("rule", no_wrap=True)
        table.add_column("severity", no_wrap=True)
        table.add_column("summary")
        for info in found:
            summary = escaped(info.summary) + (f" (from {escaped(info.origin)})" if info.origin else "")
            table.add_row(Text(*titled(info.id, info.uri, style.links)), str(info.severity), Text(summary))
        written.block(table)
        written.line()
        written.line("`pat-check explain RULE` says more.")


def _is_wanted(info: api.RuleInfo, which: tuple[str, ...], severity: str | None, search: str | None) -> bool:
    words = f"{info.id}\n{info.text}\n{info.help}".casefold()
    return (
        (not which or any(api.matches(selector, info.id) for selector in which))
        and (severity is None or info.severity >= Severity[severity.upper()])
        and (search is None or search.casefold() in words)
    )


def _record(info: api.RuleInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "family": info.family,
        "severity": str(info.severity),
        "summary": info.summary,
        "text": info.text,
        "help": info.help,
        "invariants": list(info.invariants),
        "language": info.language,
        "violating": info.violating.strip("\n"),
        "clean": info.clean.strip("\n"),
        "beside": dict(info.beside),
        "origin": info.origin or None,
        "uri": info.uri or None,
    }

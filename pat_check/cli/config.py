"""``pat-check config``: the settings that count here."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from pat_check.cli.command import Command
from pat_check.cli.options import policy_options, replay_options, report_options, style_for
from pat_check.cli.settings import layers, origins
from pat_check.findings import Severity
from pat_check.reporters.base import escaped
from pat_check.reporters.page import Page
from pat_check.settings import KEYS, Machine


@click.command(cls=Command)
@replay_options
@policy_options
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print them for programs.")
@click.pass_context
def config(ctx: click.Context, /, as_json: bool, **values: Any) -> None:
    """Print the settings of `replay` and where each comes from.

    A flag goes before --config KEY=VALUE, that before a PAT_CHECK_* variable, that before the nearest
    pat-check.toml or pyproject.toml with [tool.pat-check], that before the default. The same flags as for `replay`
    may be given, to see what they would do.
    """
    came = origins(ctx)
    rows = [(key.name, _plain(values[key.parameter]), came[key.name]) for key in KEYS]
    machines = layers(ctx).machines
    if as_json:
        settings = {name: {"value": value, "origin": origin} for name, value, origin in rows}
        document = {"settings": settings, "machines": {name: _facts(one) for name, one in machines.items()}}
        click.echo(json.dumps(document, indent=2))
        return
    page = Page(sys.stdout, style_for(sys.stdout, values["color"]))
    file = layers(ctx).file
    page.line(f"configuration file: {file.origin if file is not None else 'none'}")
    page.line()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("setting", no_wrap=True, style="bold")
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for name, value, origin in rows:
        table.add_row(name, Text(escaped(_text(value))), Text(escaped(origin)))
    page.block(table)
    for name, machine in machines.items():
        page.line()
        page.line((f"machine {name}", "bold"))
        for field, fact in _facts(machine).items():
            page.line(f"{field}: {_text(fact)}", indent=2)


def _plain(value: Any) -> Any:
    """A value as JSON has it: overrides and anchors as they are written."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        name, of = value
        return f"{name}={of}" if isinstance(of, Severity) else f"{name}:{of}"
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)


def _facts(machine: Machine) -> dict[str, Any]:
    bars = [f"{name} {start:#x}-{end - 1:#x}" for name, start, end in machine.bars]
    facts = {
        "iomem": machine.iomem,
        "mtrr": machine.mtrr,
        "era": machine.era,
        "traces": list(machine.traces),
        "bars": bars,
    }
    return {name: fact for name, fact in facts.items() if fact}

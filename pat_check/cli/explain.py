"""``pat-check explain``: what a rule or an era is about."""

from __future__ import annotations

import inspect
import re

import click
from rich.markdown import Markdown
from rich.text import Text

from pat_check import api
from pat_check.cli.command import Command
from pat_check.cli.completing import complete_words
from pat_check.cli.options import look_options
from pat_check.cli.paging import page
from pat_check.cli.words import era_name, unknown
from pat_check.reporters.base import escaped
from pat_check.reporters.page import Page

_READABLE = 100  # columns: longer lines of prose are hard to read
_CLAIM = re.compile(r"#!.*$")


def _names() -> list[str]:
    return [*api.rule_ids(), *(era.name for era in api.eras())]


def _known(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """Rules and eras, each once; an era also by a kernel release."""
    known = _names()
    names = [value if value in known else era_name(value) for value in values]
    for name in names:
        if name not in known:
            raise click.BadParameter(unknown("rule or era", name, known), ctx, param)
    return list(dict.fromkeys(names))


@click.command(
    cls=Command,
    examples=(
        ("why a leak matters, and a trace that leaks", "pat-check explain memtype-leak"),
        ("what changed in the kernel of 6.12", "pat-check explain vm-pat-6.12"),
    ),
)
@click.argument(
    "names",
    nargs=-1,
    required=True,
    callback=_known,
    metavar="RULE|ERA...",
    shell_complete=complete_words(_names),
)
@look_options
def explain(names: list[str], color: str, links: str, pager: str) -> None:
    """Explain rules and eras.

    Of a rule: why it matters, what the kernel does, what to do, a trace that breaks it and the nearest one that does
    not. Of an era: which kernels behave so, and what changed.
    """
    rules = {info.id: info for info in api.rules()}
    eras = {info.name: info for info in api.eras()}
    with page(color, links, pager) as (out, style):
        written = Page(out, style)
        for number, name in enumerate(names):
            if number:
                written.line()
                written.line("-" * min(written.width or _READABLE, _READABLE))
                written.line()
            if name in rules:
                _rule(written, rules[name], style.links)
            else:
                _era(written, eras[name], style.links)


def _rule(page: Page, info: api.RuleInfo, links: bool) -> None:
    page.line(titled(info.id, info.uri, links), f" ({info.severity})")
    if info.origin:
        page.line(f"from {info.origin}")
    page.line()
    _prose(page, info.text)
    page.line()
    page.line(("What to do:", "bold"), f" {info.help}.", hang=2)
    if info.cited:
        page.line(("Invariants of the catalogue:", "bold"))
        for row in info.cited:
            page.line(row, indent=2)
    if info.uri:
        page.line(("Page:", "bold"), f" {info.uri}", hang=2)
    for title, trace in (("A trace that breaks it", info.violating), ("A trace that keeps it", info.clean)):
        page.line()
        page.line((f"{title}:", "bold"))
        page.line()
        _trace(page, trace)
    for name, content in info.beside.items():
        page.line()
        page.line((f"Beside both, {name}:", "bold"))
        page.line()
        page.lines(content.strip("\n"), indent=4)


def _era(page: Page, info: api.EraInfo, links: bool) -> None:
    page.line(titled(info.name, info.uri, links), f" ({info.kernels})")
    page.line()
    _prose(page, info.text)
    if info.changes:
        page.line()
        page.line(("What changed:", "bold"))
        for change in info.changes:
            page.line("- ", change, indent=2, hang=2)
    page.line()
    page.line(("Page:", "bold"), f" {info.uri}", hang=2)


def titled(name: str, uri: str, links: bool) -> tuple[str, str]:
    """A name in bold, and a link to its page on terminals that follow them."""
    return name, f"bold link {uri}" if links and uri else "bold"


def _prose(page: Page, text: str) -> None:
    """Markdown: laid out on a terminal, as it is elsewhere."""
    text = inspect.cleandoc(text)
    if page.width:
        page.block(Markdown(escaped_lines(text)), min(page.width, _READABLE))
    else:
        page.lines(text)


def escaped_lines(text: str) -> str:
    """Text of a plug-in, in which nothing may be obeyed by a terminal but the ends of lines."""
    return "\n".join(map(escaped, text.splitlines()))


def _trace(page: Page, trace: str) -> None:
    """A trace as it is; what it claims stands out."""
    if not page.color:
        page.lines(inspect.cleandoc(trace), indent=4)
        return
    for line in inspect.cleandoc(trace).splitlines():
        shown = Text(f"    {escaped(line)}")
        if _CLAIM.search(line):
            shown.stylize("bold")
            shown.highlight_regex(_CLAIM.pattern, "bold red")
        page.console.print(shown, soft_wrap=True)

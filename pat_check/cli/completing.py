"""What the Tab key offers: names of rules, eras, formats and machines, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def items(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """The words that go on as the incomplete one does."""
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def complete_words(words: Callable[[], Sequence[str]]) -> Completer:
    """Offer words that are looked up when somebody asks."""
    return lambda ctx, param, incomplete: items(words(), incomplete)


def complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell offer files."""
    return [CompletionItem(incomplete, type="file")]


def complete_folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell offer directories."""
    return [CompletionItem(incomplete, type="dir")]


def selectors(rules: Sequence[str]) -> list[str]:
    """ALL, every family and every rule."""
    return ["ALL", *sorted({rule.split("-", 1)[0] for rule in rules} | set(rules))]

"""A page of text: rich where it helps, plain characters everywhere else."""

from __future__ import annotations

import re
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from pat_check.reporters.base import Style, escaped

_UNBOUNDED = 10_000  # columns of a page that nobody wraps
_LINK_ID = re.compile(r"\x1b\]8;id=\d+;")  # rich draws the number by chance
_NARROWEST = 20  # below that, wrapping hurts more than it helps


class Page:
    """Where reporters and commands write: wraps with a hanging indent on a terminal and never in a pipe."""

    def __init__(self, out: TextIO, style: Style) -> None:
        self.out = out
        self.width = max(style.width, _NARROWEST) if style.width else 0
        self.color = style.color
        self.console = Console(
            file=out,
            force_terminal=style.color,
            color_system="standard" if style.color else None,
            no_color=not style.color,
            width=self.width or _UNBOUNDED,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def line(self, *parts: str | tuple[str, str], indent: int = 0, hang: int = 4) -> None:
        """Write one line made of strings and (string, style) pairs; what does not fit goes on below it.

        Every part is escaped here, and none is ever read as markup.
        """
        safe = [escaped(part) if isinstance(part, str) else (escaped(part[0]), part[1]) for part in parts]
        text = Text.assemble(" " * indent, *safe)
        if not self.width and not self.color:  # most lines of most reports: rich would only make them slow
            self.out.write(text.plain + "\n")
            return
        with self.console.capture() as capture:
            self.console.print(self._wrapped(text, indent + hang), soft_wrap=True)
        self.out.write(_LINK_ID.sub("\x1b]8;;", capture.get()))

    def lines(self, text: str, indent: int = 0) -> None:
        """Write each line of `text` as it is: nothing is wrapped, what a terminal might obey is escaped."""
        for line in text.splitlines():
            self.out.write((" " * indent + escaped(line)).rstrip() + "\n")

    def block(self, renderable: RenderableType, width: int | None = None) -> None:
        """Write something that lays itself out, such as a table, without the spaces that pad it."""
        with self.console.capture() as capture:
            self.console.print(renderable, width=width)
        for line in _LINK_ID.sub("\x1b]8;;", capture.get()).splitlines():
            self.out.write(line.rstrip() + "\n")

    def _wrapped(self, text: Text, hang: int) -> Text:
        if not self.width or text.cell_len <= self.width:
            return text
        # Words too long for a line, such as a path, are folded: nothing is cut off.
        first, *_ = text.wrap(self.console, self.width)
        rest = text[len(first) :]
        lines = [first]
        if rest.plain.strip():
            rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
            lines += rest.wrap(self.console, max(self.width - hang, _NARROWEST))
        for line in lines:
            line.rstrip()
        return Text("\n" + " " * hang).join(lines)

"""Colours for scenarios."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

from pat_check.scenario.words import KEYWORDS


class ScenarioLexer(RegexLexer):
    """``NAME.pat``: one statement a line."""

    name = "pat-check scenario"
    aliases: ClassVar = ["pat"]
    filenames: ClassVar = ["*.pat"]
    tokens: ClassVar = {
        "root": [
            (r"#!.*", Comment.Special),
            (r"#.*", Comment),
            (r"@!?[\w.*-]+", Name.Decorator),
            (r'"[^"\n]*"', String),
            (r"(0x[0-9a-fA-F]+|\d+)[KMGT]?\b", Number),
            (words(KEYWORDS, prefix="^", suffix=r"\b"), Keyword),
            (r"^(\s*)(\w[\w.-]*)(:)", lambda lexer, match: _task(match)),
            (r"[A-Za-z_][\w.-]*", Name),
            (r"[-+*=]", Operator),
            (r"[][(){},]", Punctuation),
            (r"\s+", Text.Whitespace),
            (r".", Text),
        ]
    }


def _task(match):
    yield match.start(1), Text.Whitespace, match[1]
    yield match.start(2), Name.Class, match[2]
    yield match.start(3), Punctuation, match[3]

"""Words that users mistype, and those that may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pat_check import api
from pat_check.errors import UnknownEra

_RELEASE = re.compile(r"v?\d{1,4}\.\d{1,6}(?:\.\d{1,6})?", re.ASCII)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """``Unknown era 'vm-pat-6.11'. Did you mean 'vm-pat-6.12'?``."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names) or [other for other in names if name and name in other][:3]
    if what == "era" and (release := _RELEASE.match(name)) is not None:
        near = [release[0].removeprefix("v")]
    if near:
        return f"Unknown {what} {name!r}. Did you mean {' or '.join(map(repr, near))}?"
    return f"Unknown {what} {name!r}. Known: {', '.join(names)}."


def era_name(value: str) -> str:
    """The name of an era that is given by name or as a kernel release; other words as they are."""
    try:
        return api.era_of(value).name
    except UnknownEra:
        return value

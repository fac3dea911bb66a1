"""Which rules count: selectors are rules, families, parts of a name up to a hyphen, or ALL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

ALL = "ALL"

T = TypeVar("T")


def matches(selector: str, rule: str) -> bool:
    """Whether a selector means a rule: ``memtype`` and ``memtype-leak`` mean ``memtype-leak``."""
    return selector in (ALL, rule) or rule.startswith(f"{selector}-")


def _strength(selectors: Iterable[str], rule: str) -> int:
    """How closely the closest selector names a rule; -1: none does."""
    return max((len(one) if one != ALL else 0 for one in selectors if matches(one, rule)), default=-1)


def is_selected(rule: str, select: Sequence[str], ignore: Sequence[str]) -> bool:
    """Whether a rule counts: the longer selector wins, and of two equal ones `ignore`."""
    return _strength(select, rule) > _strength(ignore, rule)


def closest(rule: str, overrides: Iterable[tuple[str, T]]) -> T | None:
    """The value of the selector that names a rule most closely; the later of two equal ones."""
    found: tuple[int, T] | None = None
    for selector, value in overrides:
        strength = _strength((selector,), rule)
        if strength >= 0 and (found is None or strength >= found[0]):
            found = (strength, value)
    return found[1] if found is not None else None

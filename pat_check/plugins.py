"""Rules of other packages: found through the entry point group ``pat_check.rules``, checked before they judge."""

from __future__ import annotations

import re
import sys
from functools import cache
from os import listdir
from os.path import isfile, join
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pat_check.errors import PluginError
from pat_check.findings import Severity
from pat_check.registry import classes_in, classes_of
from pat_check.rules.base import Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: str = "pat_check.rules"
"""The group; the value of an entry point is a module, a package of modules, or one rule class."""

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
_URI = re.compile(r"https?://[!-~]+")
_TEXTS = ("violating", "clean", "help")

AnyRule = type[Rule[Any]]


@cache
def foreign_rules() -> dict[AnyRule, str]:
    """Every rule that another package brings, with the name and version of its distribution, in order of id.

    Raises PluginError, which names the distribution, for one that cannot be used.
    """
    found: dict[AnyRule, str] = {}
    if not _may_be():
        return found
    from importlib.metadata import entry_points  # costs as much as everything else here

    for point in entry_points(group=GROUP):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        for rule in _loaded(point, origin):
            _check(rule, origin)
            found.setdefault(rule, origin)
    return dict(sorted(found.items(), key=lambda item: item[0].rule_id()))


def _may_be() -> bool:
    """Whether any installed package can have plug-ins: a look at the files, or yes where packages are no files."""
    for folder in (entry or "." for entry in sys.path):
        if isfile(folder):
            return True
        try:
            names = listdir(folder)
        except OSError:  # nothing is imported from there
            continue
        for name in names:
            if name.endswith(".egg"):
                return True
            if name.endswith((".dist-info", ".egg-info")) and _names_group(join(folder, name, "entry_points.txt")):
                return True
    return False


def _names_group(path: str) -> bool:
    if not isfile(path):
        return False
    with open(path, "rb") as file:
        return GROUP.encode() in file.read()


def _loaded(point: EntryPoint, origin: str) -> list[AnyRule]:
    try:
        value = point.load()
        if isinstance(value, type) and issubclass(value, Rule):
            return [value]
        if not isinstance(value, ModuleType):
            raise PluginError(origin, f"{point.value} is neither a module nor a rule")
        rules: list[AnyRule] = classes_in(value, Rule)  # type: ignore[type-abstract]
        if hasattr(value, "__path__"):
            rules += classes_of(value, Rule)  # type: ignore[type-abstract]
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(origin, f"{point.value} cannot be imported: {type(error).__name__}: {error}") from error
    if not rules:
        raise PluginError(origin, f"{point.value} defines no rule")
    return rules


def _check(rule: AnyRule, origin: str) -> None:
    """Refuse what would fail later, where nobody would know whose fault it is."""
    name = rule.__qualname__
    if not rule.id and rule.__module__.count(".") < 1:
        raise PluginError(origin, f"{name} needs an `id`, for its module lies in no package")
    if not _ID.fullmatch(rule.rule_id()):
        raise PluginError(origin, f"{name}: {rule.rule_id()!r} is no id; one is a family and a name: acme-bar-leak")
    if rule.uri and not _URI.fullmatch(rule.uri):
        raise PluginError(origin, f"{name}: {rule.uri!r} is no `uri`; one begins with https://")
    if not isinstance(getattr(rule, "severity", None), Severity):
        raise PluginError(origin, f"{name} has no `severity`")
    for text in _TEXTS:
        if not isinstance(getattr(rule, text, None), str):
            raise PluginError(origin, f"{name} has no `{text}`")
    if not (rule.__doc__ or "").strip():
        raise PluginError(origin, f"{name} has no docstring, which is its documentation")
    try:
        rule.hears()
    except (LookupError, StopIteration, TypeError) as error:
        raise PluginError(origin, f"{name} does not say what it hears: derive it from Rule[INCIDENT]") from error

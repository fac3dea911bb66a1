"""Which rules there are, this package's own and those of others; an own one is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from pat_check import incidents
from pat_check.errors import PluginError
from pat_check.incidents import Incident
from pat_check.plugins import AnyRule, foreign_rules
from pat_check.registry import classes_in
from pat_check.rules.base import Rule
from pat_check.rules.heard import HEARD


def _id_of(module: str) -> str:
    return module.replace(".", "-").replace("_", "-")


_MODULES: Final = {_id_of(module): module for heard in HEARD.values() for module in heard}
"""By id: the id is the path."""

_use_plugins = True


def use_plugins(wanted: bool) -> None:
    """Whether rules of other packages count, from now on; they do until somebody says no."""
    global _use_plugins  # noqa: PLW0603 - said once, by the command line
    _use_plugins = wanted


@cache
def _own(module: str) -> AnyRule:
    """The rule of a module below `pat_check.rules`."""
    found = import_module(f"pat_check.rules.{module}")
    (rule,) = classes_in(found, Rule)  # type: ignore[type-abstract]  # of what it finds none is
    return rule


def own_rules() -> tuple[AnyRule, ...]:
    """Every rule of this package, by id."""
    return tuple(_own(_MODULES[rule]) for rule in sorted(_MODULES))


class Rulebook(Mapping[str, AnyRule]):
    """Every rule that counts, by id, in their order.

    Raises PluginError for a plug-in that cannot be used, or that takes an id that is taken.
    """

    def __init__(self) -> None:
        self._foreign: dict[str, AnyRule] = {}
        self.origins: dict[AnyRule, str] = {}
        """The rules of other packages, with the distribution that brings them."""
        for rule, origin in foreign_rules().items() if _use_plugins else ():
            name = rule.rule_id()
            if name in _MODULES or name in self._foreign:
                whose = self.origins[self._foreign[name]] if name in self._foreign else "pat-check"
                raise PluginError(origin, f"{name} is a rule of {whose} already")
            self._foreign[name] = rule
            self.origins[rule] = origin
        self._ids = sorted((*_MODULES, *self._foreign))

    def __getitem__(self, rule: str) -> AnyRule:
        return self._foreign[rule] if rule in self._foreign else _own(_MODULES[rule])

    def __contains__(self, rule: object) -> bool:
        return rule in _MODULES or rule in self._foreign

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def own(self, kind: type[Incident]) -> list[AnyRule]:
        """The rules of this package that hear incidents of a class."""
        heard = HEARD.get(kind.__name__, ()) if getattr(incidents, kind.__name__, None) is kind else ()
        return [_own(module) for module in heard]


def rules_in_force() -> dict[type[Rule[Any]], str]:
    """Every rule that counts, by id, with the distribution that brings it; "" is this package."""
    rulebook = Rulebook()
    return {rule: rulebook.origins.get(rule, "") for rule in rulebook.values()}

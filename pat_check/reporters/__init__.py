"""Outputs: one module each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil

from pat_check.reporters.base import Reporter


def reporter_named(name: str) -> type[Reporter] | None:
    """The reporter of this name, which is the name of its module; no other one is imported. None: there is none."""
    if any(module.name == name for module in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{name}")
    return Reporter.by_name.get(name)


def reporters() -> dict[str, type[Reporter]]:
    """Every reporter by its name, in name order."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(Reporter.by_name.items()))

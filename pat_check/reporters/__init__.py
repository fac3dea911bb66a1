"""Outputs: one module each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil

from pat_check.reporters.base import Reporter


def reporters() -> dict[str, type[Reporter]]:
    """Every reporter by its name, in name order."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(Reporter.by_name.items()))

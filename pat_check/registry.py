"""Imports a package's modules in name order, so that defining a class is registering it."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Every module below a package, imported, in the order of their names."""
    names = sorted(module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."))
    return [importlib.import_module(name) for name in names]


def classes_of(package: ModuleType, base: type[T]) -> list[type[T]]:
    """The concrete subclasses of `base` that the modules of a package define, in module order."""
    return [found for module in modules_of(package) for found in classes_in(module, base)]


def classes_in(module: ModuleType, base: type[T]) -> list[type[T]]:
    """The concrete subclasses of `base` that one module defines."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and issubclass(value, base)
        and not getattr(value, "__abstractmethods__", None)
    ]

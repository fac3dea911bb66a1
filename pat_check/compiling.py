"""What the compiler is told about a class; in pure Python nothing is done with it, and nothing is needed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr  # noqa: PLC0414 - for others
else:

    def mypyc_attr(**_attributes):
        """``acyclic=True``: no object of it is part of a cycle, so that the garbage collector need not know them."""
        return lambda cls: cls

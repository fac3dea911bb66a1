"""The compiled scanner of recordings: scan.c and what it includes, and its Python type in _scanner.c.

It is built where there is a C compiler; without it the reference decoders read everything. PAT_CHECK_PURE=1 leaves it
out where it is there.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Protocol

PURE = "PAT_CHECK_PURE"
"""The environment variable with which everything is read by the reference decoders."""


class Scanner(Protocol):
    """What the compiled type does; see _scanner.c."""

    def define(
        self,
        needed: int,
        defaults: tuple[int | None, ...],
        aliases: tuple[tuple[bytes, int, int], ...],
        is_return: bool,
        kind: int,
        role: int,
        function: int,
        outer: int,
        /,
    ) -> int:
        """A new program, as its number."""

    def scan(self, text: bytes | memoryview, first: int, cut: bool, /) -> tuple[bytes, bytes, int, list[int]]:
        """The rows of whole lines, or of one that may be torn, the runs in them, how many lines, and the large values.

        Other threads run meanwhile.
        """

    def comms(self, known: int, /) -> list[str]:
        """The comm strings from a number on."""

    def counts(self) -> list[int]:
        """Lines of each ignored name; longer than there are names."""

    def seen(self) -> list[int]:
        """Lines of each program where lines are only counted; longer than there are programs."""


class ScannerType(Protocol):
    """Makes a scanner."""

    def __call__(self, resolve: Resolve, *, layout: int, count_only: bool = False) -> Scanner:
        """A scanner of FTRACE, PERF or BPFTRACE text, that asks `resolve` once for each place and name."""


class Resolve(Protocol):
    """Says what a key stands for: a program, SLOW, or IGNORED and below for the ignored names.

    `name` is 0 for a probed place without its closing bracket (``F: (F+0x4/0x10``) or an event of perf (``pat:F``) or
    bpftrace (``F``), 1 for the name of another event (``F``) or of a function with the character behind it
    (``sys_mmap(``).
    """

    def __call__(self, name: int, key: bytes, /) -> int:
        """The meaning of a key."""


SLOW = -1
IGNORED = -4

FTRACE, PERF, BPFTRACE = 0, 1, 2
"""Layouts of lines."""


def scanner_type() -> ScannerType | None:
    """The compiled type; None where it was not built or is not wanted."""
    if os.environ.get(PURE, "") not in ("", "0"):
        return None
    try:
        found: ScannerType = import_module("pat_check.sources.native._scanner").Scanner
    except ImportError:
        return None
    return found

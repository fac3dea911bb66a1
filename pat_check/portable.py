"""Names of files in reports for programs: the same on every machine that checks the same recordings."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import PurePath

_OF_A_CAPTURE = re.compile(r"(?:trace|dmesg|iomem|mtrr|memtypes|meta)\.\w+(?:\.\w+)?")
_NAME = r"[^\s/:'\"()\[\],]+"
_OUTSIDE = re.compile(rf"(?<![\w.:/~-])(?:/(?!(?:proc|sys|dev)/)(?:{_NAME}/)+|(?:\.\./)+(?:{_NAME}/)*){_NAME}")


def portable(path: str) -> str:
    """A path that says nothing of the machine, with slashes: relative to the current directory when it lies below it.

    Elsewhere it is the base name, after the name of the capture directory for a file with a name of its layout:
    ``fork-partial/trace.txt.xz``, ``fork-partial/snaps/snap-01-after.txt``. ``<stdin>`` and ``-`` stay.
    """
    if not path or path == "-" or path.startswith("<"):
        return path
    return _portable(path, os.getcwd())


@lru_cache(maxsize=1024)  # a report names few files, each many times
def _portable(path: str, cwd: str) -> str:
    here = PurePath(cwd)
    absolute = PurePath(os.path.normpath(here / path))
    if absolute != here and absolute.is_relative_to(here):
        return absolute.relative_to(here).as_posix()
    parts = [part for part in absolute.parts if part != absolute.anchor]
    if len(parts) > 2 and parts[-2] == "snaps":
        return "/".join(parts[-3:])
    return "/".join(parts[-2:] if parts and _OF_A_CAPTURE.fullmatch(parts[-1]) else parts[-1:])


def portable_text(text: str, *paths: str) -> str:
    """A message that says nothing of the machine: the known `paths`, and what looks like an absolute path or one with
    ``../`` in front, are portable in it. /proc, /sys and /dev stay.
    """
    if "/" not in text:
        return text
    for path in sorted(set(paths), key=len, reverse=True):
        if "/" in path and path in text:
            name = portable(path).replace("\\", r"\\")
            text = re.sub(re.escape(path) + r"(?![\w.-])", name, text)
    if "/" not in text:
        return text
    return _OUTSIDE.sub(lambda found: portable(found[0]), text)

"""The file: states one behind the other, and a directory that says where each is and what recording they are of.

An index is untrusted: every part of it has a checksum, and nothing of it is taken that does not fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from pat_check import __version__
from pat_check.errors import TraceError

_MAGIC = b"pat-check index\n"
_HEAD = struct.Struct("<16sQQ32s")
"""What the file begins with: the magic, where the directory is, its length, its SHA-256."""

_LARGEST = 1 << 28  # bytes of a part that is unpacked
_ENDS = 1 << 20  # bytes at either end of a recording that are compared


WRONG = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError, struct.error)
"""What reading raises when a file holds something else than was written."""


class UnfitError(Exception):
    """An index that is not used: says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A saved state: in the recording behind `line`, and in the file at `start`."""

    line: int
    offset: int  # bytes of text up to there
    time: float | None  # the latest of an event up to there; None where none has any
    start: int
    length: int
    digest: str


@dataclass(slots=True)
class Directory:
    """What an index is of, and what it holds."""

    trace: str  # `fingerprint` of the recording
    code: str  # `code` of the pat-check that made it
    began: str  # a digest of all else that decides the states
    searched: list[str] | None  # what a search for the era found: its name and why, or nothing; None: none was needed
    anchors: bool  # a snapshot is compared at some marker
    damaged: bool  # lines cannot be read, or the end cannot be decompressed
    places: list[Place]
    markers: list[tuple[int, str]] | None  # each text with its first line, in this order; None: too many to keep


def fingerprint(trace: str) -> str:
    """By what a recording is known again: its size, when it was changed, and its two ends."""
    with Path(trace).open("rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.sha256(file.read(_ENDS))
        if status.st_size > _ENDS:
            file.seek(max(status.st_size - _ENDS, _ENDS))
            digest.update(file.read(_ENDS))
    return f"{status.st_size}:{status.st_mtime_ns}:{digest.hexdigest()}"


@cache
def code() -> str:
    """By what a pat-check is known that makes the same states: its version, and the sources of what makes them."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for part in ("cachemode.py", "foresight.py", "session.py", "detection.py"):
        digest.update((package / part).read_bytes())
    for part in ("eras", "events", "index", "model", "replay", "sources"):
        for path in sorted((package / part).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{__version__}:{digest.hexdigest()}"


class Index:
    """An index file that is open for reading.

    Raises UnfitError from the constructor when there is none or it is damaged, TraceError when the file is another's.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = Path(path).open("rb")  # noqa: SIM115 - states are read later
            head = self._file.read(_HEAD.size)
        except FileNotFoundError as error:
            raise UnfitError("there is none yet") from error
        except OSError as error:
            raise TraceError(error.strerror or str(error), path) from error
        if not head.startswith(_MAGIC):
            raise TraceError("is no index of pat-check, and so is not written over", path)
        try:
            _, start, length, digest = _HEAD.unpack(head)
            self.directory = _directory(self._part(start, length, digest.hex()))
        except WRONG as error:
            raise UnfitError("it is damaged") from error

    def state(self, place: Place) -> Any:
        """A saved state; raises UnfitError when it is damaged."""
        try:
            return self._part(place.start, place.length, place.digest)
        except WRONG as error:
            raise UnfitError("it is damaged") from error

    def close(self) -> None:
        """Read no more."""
        self._file.close()

    def _part(self, start: int, length: int, digest: str) -> Any:
        self._file.seek(start)
        packed = self._file.read(min(length, _LARGEST))
        if hashlib.sha256(packed).hexdigest() != digest:
            raise ValueError("another checksum")
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(packed, _LARGEST)
        except zlib.error as error:
            raise ValueError("not compressed") from error
        if not unpacker.eof:
            raise ValueError("too large")
        return json.loads(text)


class Writing:
    """An index file that is being written; it has its name only when it is whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._file.write(bytes(_HEAD.size))

    def add(self, part: Any) -> tuple[int, int, str, int]:
        """Append a part: where it is, its length, its digest, and how long it is unpacked."""
        text = json.dumps(part, separators=(",", ":")).encode()
        packed, start = zlib.compress(text, 1), self._file.tell()
        self._file.write(packed)
        return start, len(packed), hashlib.sha256(packed).hexdigest(), len(text)

    def finish(self, directory: Directory) -> None:
        """Write the directory, and the head that names it."""
        start, length, digest, _ = self.add(asdict(directory))
        self._file.seek(0)
        self._file.write(_HEAD.pack(_MAGIC, start, length, bytes.fromhex(digest)))


@contextmanager
def writing(path: str) -> Iterator[Writing]:
    """Write an index in place of the one that is there, at the end of the block if that raises nothing.

    Raises TraceError when it cannot be written.
    """
    target = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield Writing(file)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _unwritable(path: str, error: OSError) -> TraceError:
    return TraceError(f"cannot be written ({error.strerror or error}): --index-file puts the index elsewhere", path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _directory(read: Any) -> Directory:
    found = Directory(**read)
    found.places = [Place(**place) for place in read["places"]]
    if found.markers is not None:
        found.markers = [(int(line), str(text)) for line, text in found.markers]
    return found

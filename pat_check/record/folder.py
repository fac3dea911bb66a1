"""The capture directory that ``pat-check replay`` reads."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Set
from pathlib import Path
from typing import IO, cast

from pat_check.errors import RecordError

_HEADER = b"# tracer: nop\n#\n"
_NAME = re.compile(r"[^\w.+-]+")
_SAVED = re.compile(r"(?:snap|maps)-(\d+)-")
_INCOMPLETE = ".incomplete"
_GZIP_LEVEL = 3  # as fast as the kernel prints; higher ones fall behind


class Folder:
    """A directory that a recording is written into; it must be new or empty.

    Raises RecordError for what cannot be written.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.trace = ""  # the name of the trace's file
        self._ours: list[Path] = []
        self._raw: IO[bytes] | None = None
        self._out: IO[bytes] | None = None
        try:
            if self.path.is_dir() and any(self.path.iterdir()):
                raise RecordError(f"{path}: is not empty: choose another directory with -o")
            self._made = not self.path.is_dir()
            (self.path / "snaps").mkdir(parents=True)
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror or error}") from error

    def save(self, name: str, text: str | bytes) -> None:
        """Write a file."""
        path = self.path / name
        self._ours.append(path)
        try:
            path.write_bytes(text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text)
        except OSError as error:
            raise self._cannot(error) from error

    def save_list(self, number: int, name: str, text: str) -> None:
        """Save pat_memtype_list as it was at checkpoint `number`."""
        self.save(f"snaps/snap-{number:02}-{_plain(name)}.txt", text)

    def save_maps(self, number: int, name: str, text: str) -> None:
        """Save the mappings of processes as they were at checkpoint `number`."""
        self.save(f"snaps/maps-{number:02}-{_plain(name)}.txt", text)

    def keep_lists(self, numbers: Set[int]) -> None:
        """Remove the lists and mappings of other checkpoints."""
        for path in list(self._ours):
            match = _SAVED.match(path.name)
            if match is not None and int(match[1]) not in numbers:
                path.unlink(missing_ok=True)

    def save_meta(self, meta: dict[str, object]) -> None:
        """Write meta.json."""
        self.save("meta.json", json.dumps(meta, indent=1) + "\n")

    def add(self, chunk: bytes) -> None:
        """Add to the trace, which is compressed as it comes."""
        try:
            if self._out is None:
                self._out = self._begin()
            self._out.write(chunk)
        except OSError as error:
            raise self._cannot(error) from error

    def close(self) -> None:
        """Finish the trace."""
        try:
            if self._out is None:
                self._out = self._begin()
            self._out.close()
            if self._raw is not None:
                self._raw.close()
        except OSError as error:
            raise self._cannot(error) from error

    def give_up(self) -> str:
        """Leave no capture that looks whole: remove it, or keep the trace under another name; says what is left."""
        for stream in (self._out, self._raw):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass  # the disk is full, and we have said so
        trace = self.path / self.trace
        if self.trace and trace.is_file() and trace.stat().st_size > len(_HEADER):
            kept = trace.with_name(trace.name + _INCOMPLETE)
            trace.rename(kept)
            return f"what was recorded until then is in {kept}"
        for path in self._ours:
            path.unlink(missing_ok=True)
        (self.path / "snaps").rmdir()
        if self._made:
            self.path.rmdir()
        return ""

    def _begin(self) -> IO[bytes]:
        try:
            import zstandard  # noqa: PLC0415 - may be absent: only Python is needed
        except ImportError:
            self.trace = "trace.txt.gz"
            self._raw = self._create()
            out = cast("IO[bytes]", gzip.GzipFile("", "wb", _GZIP_LEVEL, self._raw, 0))
        else:
            self.trace = "trace.txt.zst"
            self._raw = self._create()
            out = zstandard.ZstdCompressor(level=3).stream_writer(self._raw)
        out.write(_HEADER)
        return out

    def _create(self) -> IO[bytes]:
        path = self.path / self.trace
        self._ours.append(path)
        return path.open("wb")

    def _cannot(self, error: OSError) -> RecordError:
        return RecordError(f"{self.path}: cannot write the capture: {error.strerror or os.strerror(error.errno or 0)}")


def _plain(name: str) -> str:
    """A name that can stand in the name of a file."""
    return _NAME.sub("-", name).strip("-.")[:60] or "checkpoint"

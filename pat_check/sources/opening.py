"""Open a recording: compression by content, bounded lines, standard input as ``-``."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from pat_check.errors import TraceError

LINE_LIMIT = 65_536
"""Characters of a line that are kept; no kernel prints one this long, and a trace is not to be trusted."""

TRACE_DAT = b"\x17\x08\x44tracing"
"""How a trace.dat begins."""

_BYTES = 4 * (LINE_LIMIT + 1)
"""Bytes that are kept of a line for sure."""

_CHUNK = 1 << 20
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"))
_FOREIGN = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "an ELF binary"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PERFILE2", "perf.data (print it with `perf script`)"),
    (TRACE_DAT, "trace.dat (print it with `trace-cmd report`)"),
)
_BROKEN = (EOFError, OSError)
"""What reading raises where a file is damaged."""


@dataclass(slots=True)
class Block:
    """A piece of a recording: whole lines with their newlines, or with `cut` a last line without one."""

    text: bytes | memoryview
    cut: bool = False


class Reader(Protocol):
    """What all streams have: `read1` gives what is there, and an error of the rest only when nothing is."""

    def read1(self, size: int = -1, /) -> bytes: ...


class Lines:
    """The lines of one input, without their ends; a line longer than LINE_LIMIT is cut to that length.

    `cut` is true after the last line when that line had no newline: the recording may have been truncated. `broken`
    says why when a compressed file ends or fails inside: with `tolerant` what comes before the damage is read all the
    same, else that raises TraceError.
    Bytes that are not UTF-8 come as ``\\xNN``, so that nothing is lost and nothing needs decoding twice. `begun` is for
    what is not the beginning of an input: a byte order mark is text there.
    """

    def __init__(self, path: str, chunks: Iterator[bytes], *, tolerant: bool = False, begun: bool = False) -> None:
        self.path = path
        self.tolerant = tolerant
        self.cut = False
        self.broken = ""  # why the rest could not be decompressed
        self.tick: Callable[[int], None] | None = None  # told how many lines were read, now and then
        self._torn = False  # the last line has no newline
        self._chunks, self._begun = chunks, begun
        self._ahead: list[str] = []
        self._seen: list[bytes] | None = []  # what a preview has taken, until it is known how the rest is read
        self._lines = self._split()

    @classmethod
    def of(cls, path: str, lines: Sequence[str]) -> Lines:
        """Lines that are in memory already."""
        made = cls(path, iter(()))
        made._ahead = list(lines)
        made._seen = ["\n".join([*lines, ""]).encode()]
        return made

    def preview(self, count: int) -> list[str]:
        """The next `count` lines at most, which iteration will still yield."""
        while len(self._ahead) < count:
            lines = next(self._lines, None)
            if lines is None:
                break
            self._ahead += lines
        return self._ahead[:count]

    def chunks(self) -> Iterator[bytes]:
        """All bytes as they come, whatever a preview has taken; instead of iteration. Errors are the caller's."""
        seen, self._seen = self._seen or [], None
        yield from seen
        yield from self._chunks

    def blocks(self) -> Iterator[Block]:
        """All lines in blocks of about a megabyte, undecoded; instead of iteration, and also from another thread.

        Sets `broken` like iteration; `cut` is for the caller to set, when it comes to that block.
        """
        rest, begun = b"", self._begun
        try:
            for chunk in self.chunks():
                if not begun:
                    begun, chunk = True, chunk.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
                stop = chunk.rfind(b"\n") + 1
                if not stop:
                    rest = (rest + chunk)[:_BYTES]
                    continue
                first = 0
                if rest:  # its line by itself: a chunk is not copied
                    first = chunk.index(b"\n") + 1
                    yield Block(rest + chunk[:first])
                if first < stop:
                    yield Block(memoryview(chunk)[first:stop])
                rest = chunk[stop:]
        except _BROKEN as error:
            self._fails(error)
        if rest:
            yield Block(rest, cut=True)

    @staticmethod
    def text_of(line: bytes) -> str:
        """A line of a block as iteration gives it."""
        text = line.decode("utf-8", "backslashreplace")
        return (text[:-1] if text[-1:] == "\r" else text)[:LINE_LIMIT]

    def __iter__(self) -> Iterator[str]:
        self._seen = None
        ahead, self._ahead = self._ahead, []
        if ahead:
            yield from ahead[:-1]
            self.cut = self._torn
            yield ahead[-1]
        for lines in self._lines:
            yield from lines

    def _split(self) -> Iterator[list[str]]:
        """The lines that end in each chunk, and at last one without a newline."""
        decode = codecs.getincrementaldecoder("utf-8" if self._begun else "utf-8-sig")("backslashreplace").decode
        rest, count = "", 0
        try:
            for chunk in self._chunks:
                if self._seen is not None:
                    self._seen.append(chunk)
                lines = decode(chunk).split("\n")
                lines[0] = rest + lines[0]
                rest = lines.pop()[: LINE_LIMIT + 1]
                count += len(lines)
                if self.tick is not None:
                    self.tick(count)
                if b"\r" in chunk or (lines[:1] and lines[0].endswith("\r")):
                    lines = [line.removesuffix("\r") for line in lines]
                if max(map(len, lines), default=0) > LINE_LIMIT:
                    lines = [line[:LINE_LIMIT] for line in lines]
                yield lines
        except _BROKEN as error:
            self._fails(error)
        rest += decode(b"", final=True)
        if rest:
            self._torn = True
            self.cut = self._seen is None
            yield [rest[:LINE_LIMIT]]

    def _fails(self, error: Exception) -> None:
        self.broken = f"cannot be decompressed to its end: {error}"
        if not self.tolerant:
            raise TraceError(self.broken, self.path) from error


def open_lines(path: str, *, tolerant: bool = False) -> Lines:
    """Open `path` (or ``-``) and look through any compression.

    Raises TraceError when there is nothing to read: absent, a directory, empty, or not text. A compressed file that is
    damaged further on raises it while lines are read, unless `tolerant`.
    """
    if not path:
        raise TraceError("is the name of no file", "''")
    raw: IO[bytes]
    name = "<stdin>" if path == "-" else path
    if path == "-":
        raw = sys.stdin.buffer
    else:
        try:
            raw = file = Path(path).open("rb")  # noqa: SIM115 - the lines are read later
            binary = file.peek(len(TRACE_DAT)).startswith(TRACE_DAT)
        except OSError as error:
            raise TraceError(error.strerror or str(error), name) from error
        if binary:
            raw.close()
            from pat_check.sources.trace_dat import printed  # noqa: PLC0415 - for such a file only

            raw = printed(path)
    return lines_of(raw, name, tolerant=tolerant)


def open_behind(path: str, offset: int) -> Lines:
    """Open a recording behind so many bytes of its text, where a line begins; damage is tolerated.

    A file that is not compressed is sought there, any other is decompressed up to there. Raises TraceError for a file
    that cannot be opened.
    """
    try:
        raw = Path(path).open("rb")  # noqa: SIM115 - the lines are read later
        stream = _decompressed(raw)
        if stream is raw:
            raw.seek(offset)
            offset = 0
    except OSError as error:
        raise TraceError(error.strerror or str(error), path) from error
    return Lines(path, _behind(stream, offset), tolerant=True, begun=True)


def _behind(stream: Reader, offset: int) -> Iterator[bytes]:
    while chunk := stream.read1(_CHUNK):
        if offset < len(chunk):
            yield chunk[offset:]
        offset = max(offset - len(chunk), 0)


def lines_of(raw: IO[bytes], name: str, *, tolerant: bool = False) -> Lines:
    """The lines of an open binary file; `name` stands in messages."""
    buffered = raw if hasattr(raw, "peek") else io.BufferedReader(cast("io.RawIOBase", raw))
    stream = cast("io.BufferedReader", buffered)
    try:
        head = _head(_decompressed(stream), name)
    except _BROKEN as error:
        raise TraceError(f"cannot be decompressed: {error}", name) from error
    return Lines(name, head, tolerant=tolerant)


def _decompressed(stream: io.BufferedReader) -> Reader:
    head = stream.peek(8)[:8]
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            from pat_check.sources.compressed import decompressed  # noqa: PLC0415 - for such a file only

            return decompressed(stream, kind)
    return stream


def _head(stream: Reader, name: str) -> Iterator[bytes]:
    """The chunks of a text, checked to be one by its first kilobytes."""
    first = stream.read1(_CHUNK)
    if not first:
        raise TraceError("is empty", name)
    for magic, what in _FOREIGN:
        if first.startswith(magic):
            raise TraceError(f"is {what}, not a text recording", name)
    if b"\0" in first[:4096]:
        raise TraceError("is binary data, not a text recording", name)
    return _chunks(first, stream)


def _chunks(first: bytes, stream: Reader) -> Iterator[bytes]:
    chunk = first
    while chunk:
        yield chunk
        chunk = stream.read1(_CHUNK)

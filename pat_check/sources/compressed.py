"""Compressed recordings: a stream of what is inside of each kind. What is damaged raises EOFError or OSError.

Imported only for such a recording.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import IO, TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from pat_check.sources.opening import Reader


def decompressed(stream: io.BufferedReader, kind: str) -> Reader:
    """What a stream of gzip, xz, bzip2 or zstd holds."""
    match kind:
        case "gzip":
            return _Gzip(fileobj=stream)
        case "xz":
            return _Xz(stream)
        case "bzip2":
            return bz2.BZ2File(stream)
        case _:
            return _Zstandard(stream)


class _Gzip(gzip.GzipFile):
    def read1(self, size: int = -1) -> bytes:
        try:
            return super().read1(size)
        except zlib.error as error:
            raise OSError(str(error)) from error


class _Xz(lzma.LZMAFile):
    def read1(self, size: int = -1) -> bytes:
        try:
            return super().read1(size)
        except lzma.LZMAError as error:
            raise OSError(str(error)) from error


class _Zstandard:
    """Reads frame after frame, and raises EOFError where the file ends inside one.

    The reader of the zstandard package takes a truncated frame for a whole one.
    """

    _PIECE = 1024  # bytes; each may grow by a factor of 32,000

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""

    def read1(self, size: int = -1) -> bytes:
        """About `size` bytes, none only at the end; what precedes damage comes before the error."""
        parts: list[bytes] = []
        while size > 0:
            data = self._rest or self._stream.read(self._PIECE)
            if not data and self._frame is not None and not parts:
                raise EOFError("Compressed file ended before the end of its last frame was reached")
            if not data:
                break
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            try:
                piece = self._frame.decompress(data)
            except zstandard.ZstdError as error:
                if not parts:
                    raise OSError(str(error)) from error
                self._rest = data  # fails again, with nothing before it
                break
            if piece:
                parts.append(piece)
                size -= len(piece)
            self._rest = b""
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        return b"".join(parts)

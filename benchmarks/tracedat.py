"""A trace.dat of any length, made of a real one: its ring-buffer pages again and again, with times that go on.

A page stands for itself: 8 bytes of time, 8 bytes that say how much is used, then events with the time since the one
before (trace-cmd.dat.v7(5), and events/header_page of the kernel). So only the first 8 bytes of a copy change, and
the table that says where the pages of each processor are.
"""

import struct
import subprocess
import tempfile
from pathlib import Path

GAP = 1_000_000_000
"""Nanoseconds between two rounds."""

_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_BUFFER = 3  # the option that holds the table
_COMMIT = (1 << 30) - 1  # the bits above tell of lost events


class NotUsable(Exception):
    """The file cannot be multiplied; says why."""


def multiply(source, target, events):
    """Write a trace.dat of at least so many events; returns how many it has."""
    with tempfile.TemporaryDirectory(prefix="pat-check-") as folder:
        plain = Path(folder) / "plain.dat"
        command = ["trace-cmd", "convert", "--file-version", "7", "--compression", "none", "-i", source, "-o", plain]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not plain.is_file():
            raise NotUsable(f"trace-cmd convert: {done.stderr.strip()}")
        data = plain.read_bytes()
    page, table = _table(data)
    rounds_of, found, first, last = {}, 0, 1 << 64, 0
    for entry, offset, size in table:
        rounds_of[entry] = pages = [data[at : at + page] for at in range(offset, offset + size, page)]
        for one in pages:
            count, begin, end = _events(one)
            if count:
                found, first, last = found + count, min(first, begin), max(last, end)
    if not found:
        raise NotUsable("holds no events")
    rounds = -(-events // found)
    head = bytearray(data)
    head += bytes(-len(head) % page)
    end = len(head)
    for entry, _, size in table:
        struct.pack_into("<QQ", head, entry, end, size * rounds)
        end += size * rounds
    with target.open("wb", buffering=1 << 20) as out:
        out.write(head)
        for entry, _, _ in table:
            for number in range(rounds):
                shift = number * (last - first + GAP)
                for one in rounds_of[entry]:
                    (begin,) = struct.unpack_from("<Q", one)
                    out.write(struct.pack("<Q", begin + shift) + one[8:])
    return found * rounds


def _table(data):
    """The page size, and of each processor (where its offset is noted, the offset, the size)."""
    if data[:10] != b"\x17\x08\x44tracing":
        raise NotUsable("is no trace.dat")
    end = data.index(b"\0", 10)
    version = int(data[10:end])
    if version != 7 or data[end + 1] != 0 or data[end + 2] != 8:
        raise NotUsable(f"is of version {version}, or not of a little-endian 64-bit machine")
    (page,) = struct.unpack_from("<I", data, end + 3)
    at = data.index(b"\0", data.index(b"\0", end + 7) + 1) + 1  # behind the name and the version of the compression
    (section,) = struct.unpack_from("<Q", data, at)
    while section:
        at, section = section + 16, 0
        while True:
            option, size = struct.unpack_from("<HI", data, at)
            at += 6
            if option == _BUFFER:
                return page, _processors(data, at)
            if option == 0:
                (section,) = struct.unpack_from("<Q", data, at)
                break
            at += size
    raise NotUsable("has no buffer")


def _processors(data, at):
    at = data.index(b"\0", at + 8) + 1  # the name of the instance
    at = data.index(b"\0", at) + 1  # the clock
    (count,) = struct.unpack_from("<I", data, at + 4)
    at += 8
    return [(at + 20 * index + 4, *struct.unpack_from("<QQ", data, at + 20 * index + 4)) for index in range(count)]


def _events(page):
    """How many events a page has, and the times of its first and last."""
    now, commit = struct.unpack_from("<QQ", page)
    count, first, at, end = 0, 0, 16, 16 + (commit & _COMMIT)
    while at < end:
        (head,) = struct.unpack_from("<I", page, at)
        kind, delta = head & 31, head >> 5
        if kind == _TIME_STAMP:
            raise NotUsable("has absolute times inside its pages")
        if kind == _PADDING and delta == 0:
            break
        now += delta
        if kind == _TIME_EXTEND:
            now += struct.unpack_from("<I", page, at + 4)[0] << 27
            at += 8
            continue
        if kind in (_PADDING, 0):
            at += 4 + struct.unpack_from("<I", page, at + 4)[0]
        else:
            at += 4 + 4 * kind
        if kind != _PADDING:
            count, first = count + 1, first or now
    return count, first, now

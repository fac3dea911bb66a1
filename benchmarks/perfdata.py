"""A perf.data of any length, made of a real one: its samples again and again, with times that go on.

The layout is that of tools/perf/Documentation/perf.data-file-format.txt: a header that says where the attributes and
the records are, the records, and behind them a table of the other sections. Only the time of a copied sample changes,
and the places of what moves.
"""

import struct

GAP = 1_000_000_000
"""Nanoseconds between two rounds."""

_SAMPLE, _FINISHED_ROUND, _COMPRESSED = 9, 68, (81, 83)
_IP, _TID, _TIME, _IDENTIFIER = 1 << 0, 1 << 1, 1 << 2, 1 << 16
_END_OF_ROUND = struct.pack("<IHH", _FINISHED_ROUND, 0, 8)


class NotUsable(Exception):
    """The file cannot be multiplied; says why."""


def multiply(source, target, samples):
    """Write a perf.data of at least so many samples; returns how many it has."""
    data = source.read_bytes()
    if data[:8] != b"PERFILE2":
        raise NotUsable("is no perf.data of a little-endian machine")
    attrs, attrs_size, start, size = struct.unpack_from("<QQQQ", data, 24)
    (flags,) = struct.unpack_from("<Q", data, 72)
    sections = sum(word.bit_count() for word in (flags, *struct.unpack_from("<QQQ", data, 80)))
    place = _time_at(data, attrs, attrs_size, struct.unpack_from("<Q", data, 16)[0])
    records = list(_records(data, start, start + size))
    copied = [record for record in records if struct.unpack_from("<I", record)[0] == _SAMPLE]
    if not copied:
        raise NotUsable("holds no samples")
    times = [struct.unpack_from("<Q", record, place)[0] for record in copied]
    copied = [record for _, record in sorted(zip(times, copied, strict=True), key=lambda pair: pair[0])]
    rounds = -(-samples // len(copied))
    again = (sum(map(len, copied)) + len(_END_OF_ROUND)) * (rounds - 1)
    head, tail = bytearray(data[:start]), bytearray(data[start + size :])
    struct.pack_into("<Q", head, 48, size + len(_END_OF_ROUND) + again)
    moved = len(_END_OF_ROUND) + again
    for index in range(sections):
        (offset,) = struct.unpack_from("<Q", tail, 16 * index)
        if offset >= start + size:
            struct.pack_into("<Q", tail, 16 * index, offset + moved)
    with target.open("wb", buffering=1 << 20) as out:
        out.write(head)
        out.write(b"".join(records) + _END_OF_ROUND)
        for number in range(1, rounds):
            shift = number * (max(times) - min(times) + GAP)
            for record in copied:
                (time,) = struct.unpack_from("<Q", record, place)
                out.write(record[:place] + struct.pack("<Q", time + shift) + record[place + 8 :])
            out.write(_END_OF_ROUND)
        out.write(tail)
    return len(copied) * rounds


def _time_at(data, attrs, attrs_size, each):
    """Where in a sample its time is, from the beginning of the record."""
    kinds = {struct.unpack_from("<Q", data, attrs + at + 24)[0] for at in range(0, attrs_size, each)}
    if not all(kind & _TIME for kind in kinds):
        raise NotUsable("has samples without a time")
    places = {8 + 8 * sum(bool(kind & field) for field in (_IDENTIFIER, _IP, _TID)) for kind in kinds}
    if len(places) != 1:
        raise NotUsable("has samples with their times in different places")
    return places.pop()


def _records(data, at, end):
    """The records of the data section."""
    while at < end:
        kind, _, size = struct.unpack_from("<IHH", data, at)
        if kind in _COMPRESSED:
            raise NotUsable("is compressed")
        yield data[at : at + size]
        at += size

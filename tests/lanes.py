"""What tests of the compiled scanner share: both ways to read, damaged recordings, words that lines are made of."""

import io
import struct

from hypothesis import strategies as st

from pat_check.sources.ftrace import Ftrace
from pat_check.sources.opening import lines_of


def read(lines, scanner, monkeypatch, kind=Ftrace):
    """Events, and what the source and the lines count, with a scanner or without."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    source = kind()
    events = [event for batch in source.batches(lines) for event in batch]
    return events, source.lines, source.ignored, lines.cut, lines.broken


def alike(open_again, scanner, monkeypatch, kind=Ftrace):
    """Read twice, and compare; how many lines were not left to the reference decoder."""
    plain = read(open_again(), None, monkeypatch, kind)
    counted = Counted(scanner)
    fast = read(open_again(), counted, monkeypatch, kind)
    for one, other in zip(plain[0], fast[0], strict=False):
        assert one == other
        assert type(one.time) is type(other.time)
    assert fast == plain
    return counted.rows


class Counted:
    """A scanner type that counts the rows that its scanners decode."""

    def __init__(self, scanner):
        self.scanner, self.rows = scanner, 0

    def __call__(self, resolve, **options):
        made, counted = self.scanner(resolve, **options), self

        class Counting:
            define, comms, counts, seen = made.define, made.comms, made.counts, made.seen

            def scan(self, text, first, cut):
                rows, found, lines, large = made.scan(text, first, cut)
                counted.rows += lines - sum(1 for _ in others(rows, counted.slots))
                return rows, found, lines, large

        counted.slots = sizes = []
        define = made.define

        def noted(needed, defaults, *said):
            sizes.append(len(defaults))
            return define(needed, defaults, *said)

        Counting.define = staticmethod(noted)
        return Counting()


def others(rows, slots):
    """The rows of lines that are left to the reference decoder."""
    words = struct.unpack(f"={len(rows) // 8}q", rows)
    place = 0
    while place < len(words):
        if words[place + 1] < 0:
            yield words[place : place + 4]
            place += 4
        else:
            place += 7 + slots[words[place + 1]]


def of_text(text):
    data = text if isinstance(text, bytes) else text.encode()
    return lambda: lines_of(io.BytesIO(data), "trace", tolerant=True)


def payloads(spec):
    """Fields under every name that they go by, wide values, too."""
    fields = (*spec.fields, *spec.trailing)
    for pick in range(max(len(field.names) for field in fields)):
        words = [
            f"{field.names[min(pick, len(field.names) - 1)]}={value}"
            for field, value in zip(fields, ("0xff11000103030b40", "0x1000", "2", "0", "-1", "17") * 3, strict=False)
        ]
        yield " ".join(words)
        yield " ".join(reversed(words))
        yield " ".join([*words, "other=3", "[_PAGE_CACHE_MODE_WC]", words[0]])
    yield ""


def damaged(data, random):
    """Some bytes changed, cut out, put in twice or exchanged with others."""
    data = bytearray(data)
    for _ in range(60):
        at, size = random.randrange(len(data)), random.randrange(1, 20)
        match random.randrange(5):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at:at] = random.choice(
                    (b"\n", b"=", b'"', b"\\x41", b"(", b")", b"0x", b"-1", b"\r\n", b" ", b"\xff")
                )
            case _:
                data[at : at + size] = data[(other := random.randrange(len(data))) : other + size]
    return bytes(data)


WORDS = st.sampled_from(
    [
        "start=0xfd000000",
        "end=0xfd004000",
        "req=2",
        "req_type=1",
        "newp=0x0",
        "start=",
        "end=-1",
        "req=0x",
        "req=02",
        "start=1_000",
        "req=2 [X]",
        "end=0Xff",
        "=3",
        "x==1",
        'comm="a b"',
        "ret=0",
        "retval=-22",
        "type=9",
        "new=1",
        "start=18446744073709551615",
        "end=0x10000000000000000",
        "req=(fault)",
        "\x1b[31m",
        "é=1",
        "a\x85b=1",
        "\\x00",
    ]
)

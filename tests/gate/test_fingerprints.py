import hashlib
import random
import re
from collections import Counter

import pytest

from pat_check import api
from pat_check.findings import Finding, Note, Severity, Task
from pat_check.fingerprints import sign
from tests.corpus import ABSENT, CORPUS, KEPT

TWICE = [
    ("6.1/fork-partial", "6.1/tgid"),
    ("6.1/fork-split", "6.1/mmaplock"),
    ("6.1/mprotect-pieces", "6.1/noirq"),
    ("6.1/munmap-middle", "6.1/debug-munmap-middle"),
    ("6.12/fork-partial", "6.12/tgid"),
    ("6.12/fork-partial", "6.12/debug-fork-partial"),
    ("6.12/fork-split", "6.12/unfiltered"),
    ("6.12/latency-format", "6.12/debug-munmap-middle"),
    ("6.1/fork-partial", "6.12/fork-partial"),
]
"""Recordings of one scenario: other boots, other tracer options, at other addresses."""


def finding(line=7, pid=5, base=0xFD000000, **fields):
    made = {
        "rule": "memtype-invalid-free",
        "severity": Severity.ERROR,
        "message": f"untrack_pfn frees memtype [{base + 0x1000:#x}-{base + 0x2000:#x})",
        "line": line,
        "notes": [Note(line - 1, f"[{base:#x}-{base + 0x4000:#x}) reserved by app:{pid} (remap_pfn_range)")],
        "time": line / 3,
        "task": Task("app", pid),
        "start": base + 0x1000,
        "end": base + 0x2000,
    }
    return Finding(**made | fields)


def fingerprints(*findings, base=-1):
    sign(findings, lambda start, end: base)
    return [one.fingerprint for one in findings]


def test_pid_time_line_and_address_are_not_in_it():
    assert fingerprints(finding()) == fingerprints(finding(line=70, pid=50, base=0xE0000000))


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": "memtype-leak"},
        {"task": Task("other", 5)},
        {"end": 0xFD003000},
        {"start": 0xFD000800},
        {"notes": [Note(3, "[0xfd000000-0xfd004000) copied by app:5 (copy_page_range)")]},
    ],
)
def test_rule_comm_story_and_range_are(fields):
    assert fingerprints(finding()) != fingerprints(finding(**fields))


def test_the_wording_is_not():
    other = finding(
        message="memtype [0xfd001000-0xfd002000) is freed",
        notes=[Note(6, "remap_pfn_range made [0xfd000000-0xfd004000) here")],
    )
    assert fingerprints(finding()) == fingerprints(other)


def test_equals_are_counted():
    one, two = fingerprints(finding(), finding(line=9))
    assert one != two
    assert [one, two] == fingerprints(finding(line=2), finding(line=3))


def test_without_a_reservation_the_resource_is_what_the_range_is_relative_to():
    bare = {"message": "odd", "notes": []}
    one = fingerprints(finding(**bare), base=0xFD000000)
    assert one == fingerprints(finding(base=0xE0000000, **bare), base=0xE0000000)
    assert one != fingerprints(finding(**bare), base=0xFC000000)


def assert_alike(*captures):
    first, second = (api.check([str(capture)]).findings for capture in captures)
    assert first
    seen, again = ([(one.message, one.task.pid) for one in findings] for findings in (first, second))
    assert seen != again, "addresses or pids should differ"
    assert [one.fingerprint for one in first] == [one.fingerprint for one in second]


@pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("pair", TWICE, ids=" and ".join)
def test_two_recordings_of_one_scenario_have_the_same_fingerprints(pair):
    assert_alike(*(CORPUS / name for name in pair))


def test_two_kept_recordings_of_one_scenario_have_the_same_fingerprints():
    assert_alike(KEPT / "6.1" / "munmap-middle", KEPT / "6.12" / "debug-munmap-middle")


def test_a_fingerprint_is_hexadecimal():
    (one,) = fingerprints(finding())
    assert re.fullmatch(r"[0-9a-f]{32}", one)


FUNCTION = re.compile(r"\b_*[a-z]+(?:_+[a-z0-9]+)+\b")
HAPPENED = re.compile(
    r"\b(reserved|copied|forked|fork|mapped|unmapped|shrunk|freed|missed|removed|stolen|split|moved|zapped|inserted|"
    r"mmap|munmap|mremap|mprotect|ioremap|iounmap|exit|exec|unloaded|followed|written)\b"
)
RANGE = re.compile(r"\[0x([0-9a-f]+)-0x([0-9a-f]+)\)")
PIECES = ("_", "__", "a", "A", "9", " ", "(", ")", "-", "é", "²", "٣", "\x7f", "[0x", "-0x", "ff", "[0x1000-0x9000)")
PIECES += ("[0x2000-0x3000)", "[0x0-0xffffffffffffffff)", "fork", "reserved", "remap_pfn_range", "a_", "_a_b", "1_x")


def test_stories_and_ranges_are_read_as_these_expressions_say():
    choice = random.Random(11)
    texts = ["".join(choice.choices(PIECES, k=choice.randrange(10))) for _ in range(20_000)]
    findings = [
        Finding("r", Severity.INFO, f"m{at % 20}", 1, [Note(1, text)], start=0x2000, end=0x3000)
        for at, text in enumerate(texts)
    ]
    seen = Counter()
    for text, told in zip(texts, fingerprints(*findings), strict=True):
        story = " ".join(FUNCTION.findall(text) or HAPPENED.findall(text)[:1])
        ranges = [(int(first, 16), int(last, 16)) for first, last in RANGE.findall(text)]
        around = [(last - first, -first) for first, last in ranges if first <= 0x2000 and last >= 0x3000]
        base = -max(around)[1] if around else 0x2000
        key = f"r||{story}|+{0x2000 - base:#x} 0x1000"
        seen[key] += 1
        assert told == hashlib.sha256(f"v1|{key}|{seen[key]}".encode()).hexdigest()[:32], text

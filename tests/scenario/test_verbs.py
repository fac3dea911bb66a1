"""Every operation says what it takes; what it does not take is refused with its place and what was meant."""

import pytest

from pat_check import plays
from pat_check.eras import NEWEST
from pat_check.errors import TraceError
from pat_check.scenario.operations import BLOCK, LOCKS, OPERATIONS
from pat_check.scenario.parser import parse
from pat_check.scenario.verbs import TYPES
from tests.scenario.stories import HEAD

BEFORE = "app: v = mmap 16K, card\n"


def refused(line, before=BEFORE):
    """Message and 1-based column of what is wrong with the last line of a scenario."""
    text = HEAD + before + line
    with pytest.raises(TraceError) as caught:
        plays.play(parse(text, "story.pat"), NEWEST)
    place, _, message = str(caught.value).split("\n")[0].partition(": ")
    path, at, column = place.split(":")
    assert (path, int(at)) == ("story.pat", text.count("\n") + 1)
    assert str(caught.value).split("\n")[2] == "    " + " " * (int(column) - 1) + "^"
    return message, int(column)


@pytest.mark.parametrize(
    ("line", "word", "said"),
    [
        ("app: munmap v, ro, nonblock", "ro", "munmap does not take 'ro': it takes MAPPING[, SIZE]"),
        ("app: munmap v, 4K, nonblock", "nonblock", "munmap does not take 'nonblock': it takes MAPPING[, SIZE]"),
        ("app: munmap v, wc", "wc", "munmap does not take 'wc': it takes MAPPING[, SIZE]"),
        ("app: munmap v, 4K, 8K", "8K", "munmap has 2 arguments at most: it takes MAPPING[, SIZE]"),
        ("app: munmap v, 4K, v + 8K", "v + 8K", "munmap has 2 arguments at most: it takes MAPPING[, SIZE]"),
        ("app: exit now", "now", "exit does not take 'now': it takes nothing"),
        ("app: exit 4K", "4K", "exit has no argument: it takes nothing"),
        ("app: read v, 4K", "4K", "read has 1 argument at most: it takes MAPPING"),
        ("app: munmap", "munmap", "munmap needs more: it takes MAPPING[, SIZE], and MAPPING is missing"),
        ("app: remap_pfn_range v", "remap_pfn_range", "remap_pfn_range needs more: it takes MAPPING, PHYSICAL[, SIZE]"),
        ("app: fork child, bogus", "bogus", "fork does not take 'bogus': it takes CHILD"),
        ("app: mprotect v, roo", "roo", "mprotect does not take 'roo': it takes MAPPING[, SIZE] and the words ro, rw"),
        (
            "app: mprotect v, 4K, roo",
            "roo",
            "mprotect does not take 'roo': it takes MAPPING[, SIZE] and the words ro, rw",
        ),
        ("app: mprotect v, ro, rw", "rw", "'rw' contradicts 'ro'"),
        ("app: mprotect v, ro, ro", ", ro\x00", "'ro' is said already"),
        ("app: w = mmap 16K, wc, uc", "uc\x00", "'uc' contradicts 'wc'"),
        ("app: w = mmap 16K, sharde", "sharde", "'sharde' is no file; did you mean 'shared'?"),
        ("app: munmap v, at 4K", "at 4K", "munmap does not take 'at': it takes MAPPING[, SIZE]"),
        ("app: w = mmap 16K, at 4K, at 8K", "at 8K", "'at' is said already"),
        ("app: w = munmap v", "app", "munmap makes nothing that could be called 'w'"),
        ("app: fault v, 4K {\n}", "4K", "fault has 1 argument at most: it takes [MAPPING]"),
        ("app: fault ro {\n}", "ro", "fault does not take 'ro': it takes [MAPPING]"),
        ("app: munmpa v {\n}", "munmpa", "no block is called 'munmpa'"),
        (
            "drv: memtype_reserve fb, wc, null, cows",
            "cows",
            "memtype_reserve does not take 'cows': it takes PHYSICAL[, SIZE] ",
        ),
        ("app: fork kvm", "kvm", "'kvm' is a task already"),
    ],
)
def test_what_an_operation_does_not_take_is_refused_where_it_stands(line, word, said):
    first = line.split("\n")[0] + "\x00"
    start = first.rindex(word) + (2 if word.startswith(",") else 0)
    text = HEAD + BEFORE + line
    with pytest.raises(TraceError) as caught:
        plays.play(parse(text, "story.pat"), NEWEST)
    at = (HEAD + BEFORE).count("\n") + 1
    assert str(caught.value).startswith(f"story.pat:{at}:{start + 1}: {said}")
    assert str(caught.value).split("\n")[2] == " " * (4 + start) + "^"


def test_a_word_that_was_probably_meant_is_named():
    assert refused("app: mprotect v, 4K, roo")[0].endswith("; did you mean 'ro'?")
    assert refused("app: w = mmap 4K, card, 4K, mixdmap")[0].endswith("; did you mean 'mixedmap'?")


def test_what_stands_in_a_block_that_is_never_played_is_checked_as_well():
    text = HEAD + BEFORE + "kvm: exit {\n  app: munmap v, ro\n}\n"
    with pytest.raises(TraceError, match=rf"^story\.pat:{text.count(chr(10)) - 1}:18: munmap does not take 'ro'"):
        plays.play(parse(text, "story.pat"), NEWEST)


def test_a_name_of_the_scenario_may_be_a_word_of_another_operation():
    text = HEAD + "bar retry = 0xfe000000 size 16K\napp: v = mmap 16K\napp: remap_pfn_range v, retry\napp: exit\n"
    assert plays.play(parse(text, "story.pat"), NEWEST).findings == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("wc", "bar wc = 0xfe000000 size 16K\napp: v = mmap 16K, wc"),
        ("private", "file private\napp: v = mmap 16K, private"),
    ],
)
def test_a_name_that_is_a_word_of_the_operation_itself_is_refused(name, line):
    message, _ = refused(line)
    assert message == f"'{name}' is a name here, and a word of mmap: give it another name"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_refuses_a_foreign_word(name):
    verb = OPERATIONS[name]
    places = ", ".join(["v"] * verb.most)
    words = [word for word in ("test_walk", "dontunmap") if word not in verb.words]
    arguments = f"{places}, {words[0]}" if places else words[0]
    message, _ = refused(f"app: {name} {arguments}")
    assert message.startswith(f"{name} does not take {words[0]!r}: ")


def test_no_word_of_an_operation_is_one_that_announces_for_another_reason():
    words = {word for verb in (BLOCK, *OPERATIONS.values()) for word in verb.words}
    assert set(TYPES) < words
    assert not words & set(LOCKS)
    assert not words & set(OPERATIONS)

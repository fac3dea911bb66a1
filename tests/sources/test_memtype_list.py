"""Snapshots of the reservations."""

import io
from pathlib import Path

import pytest

from pat_check.cachemode import UC_MINUS, WB, WC
from pat_check.errors import TraceError
from pat_check.sources.memtype_list import format_memtype_list, looks_like_memtype_list, read_memtype_list
from pat_check.sources.opening import lines_of, open_lines

SAMPLE = Path(__file__).parents[1] / "samples" / "memtype_list" / "conflict-6.12.txt"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def read(text):
    return read_memtype_list(lines_of(io.BytesIO(text.encode()), "sample"))


def test_ends_are_exclusive_as_printed():
    assert read("PAT memtype list:\nPAT: [mem 0x00000000fed00000-0x00000000fed01000] uncached-minus\n") == [
        (0xFED00000, 0xFED01000, UC_MINUS)
    ]


def test_the_old_format_is_read():
    assert read("PAT memtype list:\nwrite-back @ 0x1000-0x2000\nPAT: write-combining @ 0x3000-0x4000\n") == [
        (0x1000, 0x2000, WB),
        (0x3000, 0x4000, WC),
    ]


def test_the_prefix_and_the_header_may_be_absent():
    assert read("[mem 0x0000000000001000-0x0000000000002000] write-back\n") == [(0x1000, 0x2000, WB)]


def test_equal_nodes_stay_apart():
    assert len(read("PAT: [mem 0x1000-0x2000] write-back\n" * 2)) == 2


def test_a_list_may_have_no_nodes():
    assert read("PAT memtype list:\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "PAT: [mem 0x1000-0x2000",
        "PAT: [mem 0x1000-0x2000] write-bac",
        "PAT: [mem 0x2000-0x1000] write-back",
        "PAT: [mem 0x1000-0x1000] write-back",
        "PAT: [mem 0x1000-0x10000000000000000] write-back",
        "PAT: [mem 0x1000-0x2000] broken",
        "something else",
        "PAT: [mem 0x" + "1" * 60_000,
        "a-" * 30_000,
    ],
    ids=lambda line: line[:40],
)
def test_a_bad_line_is_told_with_its_number(line):
    with pytest.raises(TraceError) as caught:
        read(f"PAT memtype list:\n{line}\n")
    assert caught.value.at == 2


def test_the_text_written_is_the_text_read():
    text = SAMPLE.read_text()
    assert format_memtype_list(read(text)) == text


def test_an_empty_list_is_its_header():
    assert format_memtype_list([]) == "PAT memtype list:\n"


@pytest.mark.parametrize(
    "head",
    [
        ["PAT memtype list:"],
        ["", "PAT: [mem 0x0000000000001000-0x0000000000002000] write-back"],
        ["write-back @ 0x1000-0x2000"],
    ],
)
def test_a_snapshot_is_recognised(head):
    assert looks_like_memtype_list(head)


@pytest.mark.parametrize("head", [[], [""], ["# tracer: nop"], ["00001000-0009fbff : System RAM"]])
def test_other_files_are_not_recognised(head):
    assert not looks_like_memtype_list(head)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_snapshot_of_the_corpus_is_written_as_it_was_read():
    paths = [*CORPUS.glob("*/*/snaps/snap-*"), *CORPUS.glob("*/_boot/*/pat_memtype_list.txt")]
    assert paths
    for path in paths:
        text = "".join(f"{line}\n" for line in open_lines(str(path)))
        assert format_memtype_list(read_memtype_list(open_lines(str(path)))) == text, path

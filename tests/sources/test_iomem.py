"""The map of physical addresses."""

import io
from pathlib import Path

import pytest

from pat_check.errors import TraceError
from pat_check.sources.iomem import Resource, ram_of, read_iomem
from pat_check.sources.opening import lines_of, open_lines

SAMPLE = Path(__file__).parents[1] / "samples" / "iomem" / "q35-7.2.txt"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def read(text):
    return read_iomem(lines_of(io.BytesIO(text.encode()), "sample"))


def test_printed_ends_are_inclusive():
    assert read("00001000-0009fbff : System RAM\n") == [Resource(0x1000, 0x9FC00, "System RAM", 0)]


def test_indentation_is_depth():
    found = read(
        "c0000000-febfffff : PCI Bus 0000:00\n  fd000000-fdffffff : 0000:00:07.0\n    fd000000-fd0fffff : a : b\n"
    )
    assert [(resource.depth, resource.name) for resource in found] == [
        (0, "PCI Bus 0000:00"),
        (1, "0000:00:07.0"),
        (2, "a : b"),
    ]


def test_ram_is_merged_and_sorted_at_any_depth():
    #  pages  0123456789
    #  RAM    AAA  B       (A twice, B a child)
    found = read(
        "00005000-00006fff : dax0.0\n  00005000-00005fff : System RAM (kmem)\n"
        "00001000-00002fff : System RAM\n00000000-00000fff : System RAM\n00007000-00007fff : Reserved\n"
    )
    assert ram_of(found) == [(0x0, 0x3000), (0x5000, 0x6000)]


@pytest.mark.parametrize(
    "line",
    [
        "00001000-0009fbff",
        "00001000-zzzz : System RAM",
        "00002000-00001000 : System RAM",
        "PAT memtype list:",
        "1" * 60_000,
        " " * 60_000 + "x",
    ],
    ids=lambda line: line[:30],
)
def test_a_bad_line_is_told_with_its_number(line):
    with pytest.raises(TraceError) as caught:
        read(f"00000000-00000fff : Reserved\n{line}\n")
    assert caught.value.at == 2


def test_a_copy_made_without_privileges_is_refused():
    with pytest.raises(TraceError, match="root"):
        read("00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n")


def test_the_sample_has_four_ranges_of_ram():
    assert ram_of(read(SAMPLE.read_text())) == [
        (0x1000, 0x9FC00),
        (0x100000, 0x30000000),
        (0x31000000, 0x7FFDD000),
        (0x100000000, 0x140000000),
    ]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_map_of_the_corpus_is_read():
    paths = list(CORPUS.rglob("iomem.txt"))
    assert paths
    for path in paths:
        assert len(ram_of(read_iomem(open_lines(str(path))))) == 4, path

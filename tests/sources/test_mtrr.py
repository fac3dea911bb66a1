"""The variable MTRRs."""

import io
from pathlib import Path

import pytest

from pat_check.errors import TraceError
from pat_check.sources.mtrr import KINDS, read_mtrr
from pat_check.sources.opening import lines_of, open_lines

SAMPLE = Path(__file__).parents[1] / "samples" / "mtrr" / "q35.txt"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def read(text):
    return read_mtrr(lines_of(io.BytesIO(text.encode()), "sample"))


@pytest.mark.parametrize(
    ("size", "length"),
    [("size= 1024MB", 1 << 30), ("size=   64KB", 1 << 16), ("size=   64kB", 1 << 16), ("size=    2GB", 2 << 30)],
)
def test_sizes_have_units(size, length):
    assert read(f"reg00: base=0x0c0000000 ( 3072MB), {size}, count=1: uncachable\n") == [
        (0xC0000000, 0xC0000000 + length, "uncachable")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_known(kind):
    assert read(f"reg07: base=0x000000000 (    0MB), size= 2048MB, count=1: {kind}\n")[0][2] == kind


def test_old_kernels_print_the_count_last():
    assert read("reg01: base=0x08000000 ( 128MB), size=  64MB: write-back, count=1\n") == [
        (0x8000000, 0xC000000, "write-back")
    ]


@pytest.mark.parametrize(
    "line",
    [
        "reg00: base=0x0c0000000",
        "reg00: base=0xzz ( 3072MB), size= 1024MB, count=1: uncachable",
        "reg00: base=0x0c0000000 ( 3072MB), size= 1024MB, count=1: ?",
        "PAT memtype list:",
        "reg00: base=0x0c0000000 (" + " " * 60_000,
    ],
    ids=lambda line: line[:60],
)
def test_a_bad_line_is_told_with_its_number(line):
    with pytest.raises(TraceError) as caught:
        read(f"reg00: base=0x0c0000000 ( 3072MB), size= 1024MB, count=1: uncachable\n{line}\n")
    assert caught.value.at == 2


def test_the_sample_has_one_register():
    assert read(SAMPLE.read_text()) == [(0xC0000000, 0x100000000, "uncachable")]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recordings is not beside the checkout")
def test_every_copy_in_the_corpus_is_read():
    paths = list(CORPUS.rglob("mtrr.txt"))
    assert paths
    for path in paths:
        assert read_mtrr(open_lines(str(path))) == [(0xC0000000, 0x100000000, "uncachable")], path

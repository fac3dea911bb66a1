"""What an era has not made is not there: operations on it are left out, and told."""

import pytest

from pat_check import api, plays
from pat_check.eras import ERAS, era_of
from pat_check.errors import TraceError
from pat_check.scenario.parser import parse
from tests.scenario.stories import HEAD, broken

FORKED = """
app: v = mmap 16K, card, private, wb
app: remap_pfn_range v, fb, 16K
app: write v
app: fork child                 #! tracking-fork-failed@!pfnmap-ctx
child: munmap v
child: mmap_read_lock {
  zap_vma_ptes v
}
child: exit
app: exit
"""
FIRST = HEAD.count("\n") + 1


def skipped(story, era):
    return [(at - FIRST, why) for at, why in plays.play(parse(HEAD + story, "x.pat"), era_of(era)).outcome.skipped]


@pytest.mark.parametrize("era", ERAS, ids=str)
def test_what_a_child_does_is_left_out_where_the_fork_fails(era):
    assert broken(FORKED.replace("  zap_vma_ptes v\n", ""), era) == []


def test_what_was_left_out_is_told_with_its_cause():
    why = f"there is no child, for line {FIRST + 4} failed"
    assert skipped(FORKED, "vm-pat") == [(5, why), (6, why), (9, why)]


def test_a_mapping_that_could_not_be_made_is_neither_used_nor_moved():
    story = (
        "app: v = mmap 64T\napp: w = mmap 64T\napp: remap_pfn_range w, fb, 4K\napp: x = mremap w, 4K, 4K\napp: read x\n"
    )
    assert [at for at, _ in skipped("\n" + story, "pfnmap-ctx")] == [3, 4, 5]
    assert broken("\n" + story + "expect pte w = none\n", era_of("vm-pat")) == [
        f"{FIRST + 6}: there is no w, for line {FIRST + 2} failed"
    ]


def test_what_is_made_in_a_second_try_is_there():
    story = "\napp: v = mmap 64T\napp: w = mmap 64T\napp: munmap v\napp: w = mmap 64T\napp: munmap w\n"
    assert skipped(story, "vm-pat") == []


def test_a_name_that_nothing_makes_is_still_a_mistake():
    with pytest.raises(TraceError, match="'w' names nothing here"):
        plays.play(parse(HEAD + "app: v = mmap 4K\napp: munmap w\n", "x.pat"), era_of("vm-pat"))


def test_replay_says_what_it_left_out(tmp_path):
    (tmp_path / "x.pat").write_text(HEAD + FORKED)
    seen = api.check([str(tmp_path / "x.pat")], api.Options(era="vm-pat")).inputs[0]
    assert f"line {FIRST + 5} was not played: there is no child, for line {FIRST + 4} failed" in seen.facts

"""Each VMA that unmap_vmas() takes away is freed, the lowest first."""

import pytest

from pat_check import api
from pat_check.events import UnmapVmas, ZapVma
from pat_check.replay.goings import Goings

VMAS = {"0x10": "vm_start=0x7000 vm_end=0x9000", "0x20": "vm_start=0x9000 vm_end=0xa000"}
ZAPS = "".join(
    f"unmap_page_range: vma={vma} mm=0x77 {bounds} vm_flags=0x444bb {bounds.replace('vm_', '')}\n"
    for vma, bounds in VMAS.items()
)
UNMAP = f"unmap_vmas: vma=0x10 start=0x7000 end=0xa000\n{ZAPS}"
EXIT = f"exit_mmap: mm=0x77\nunmap_vmas: vma=0x10 start=0x0 end=0xffffffffffffffff\n{ZAPS}"
FREES = [f"vm_area_free: vma={vma} ctx=0x0\n" for vma in VMAS]
MARK = "tracing_mark_write: here\n"
LATER = "unmap_vmas: vma=0x30 start=0x100000 end=0x101000\n"
MISSED = "unmap_page_range of {} came without one; the model predicts a call of vm_area_free() of its VMA after it"
LOW, HIGH = MISSED.format("[0x7000-0x9000)"), MISSED.format("[0x9000-0xa000)")


@pytest.fixture
def divergences(tmp_path):
    """The model-divergence messages of a trace."""

    def run(trace):
        lines = [line for line in trace.split("\n") if line]
        text = "".join(f"app-7 [000] {at:03}.0: {line}\n" for at, line in enumerate(lines))
        (tmp_path / "trace.txt").write_text(text)
        report = api.check([str(tmp_path / "trace.txt")], api.Options(era="pfnmap-ctx"))
        return [one.message for root in report.findings for one in root.all() if one.rule == "model-divergence"]

    return run


@pytest.mark.parametrize("unmap", [UNMAP, EXIT], ids=["munmap", "exit"])
def test_a_vma_that_a_higher_one_overtakes_is_told(divergences, unmap):
    assert divergences(unmap + "".join(FREES)) == []
    assert divergences(unmap + FREES[1]) == [LOW]


@pytest.mark.parametrize("goes_on", [MARK, LATER], ids=["marker", "unmap_vmas"])
def test_a_vma_that_is_not_freed_while_the_task_goes_on_is_told(divergences, goes_on):
    assert divergences(UNMAP + FREES[0] + goes_on) == [HIGH]


def test_a_recording_that_ends_or_shows_no_such_frees_tells_nothing(divergences):
    assert divergences(UNMAP + FREES[0]) == []
    assert divergences(UNMAP + MARK + "vm_area_free: vma=0x99 ctx=0x0\n") == []
    assert divergences(UNMAP + "".join(FREES) + EXIT + MARK) == [], "6.12 frees the VMAs of an exit otherwise"


def test_a_mapping_that_fails_may_unmap_its_place_again(divergences):
    again = "unmap_vmas: vma=0x30 start=0x7000 end=0xa000\n"
    assert divergences(UNMAP + FREES[0] + again + FREES[1] + MARK) == []


def test_a_vma_that_is_freed_twice_in_a_row_is_none_that_goes():
    goings = Goings(None)
    goings.begins(UnmapVmas(1, 0.1, 0, 7, "app", 0x7000, 0x9000, 0x10))
    goings.clears(ZapVma(2, 0.2, 0, 7, "app", 0x10, 0x77, 0x7000, 0x9000, "unmap_page_range", 0x7000, 0x9000, 0x444BB))
    assert not goings.let_go(7, [(0x10, 0), (0x10, 0)])
    assert goings.let_go(7, [(0x10, 0)])

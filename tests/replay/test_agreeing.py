"""What two calls show of one VMA, or of one context, is the same where nothing between them can have changed it."""

import pytest

from pat_check import api
from pat_check.findings import Severity

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
VMA = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000"
OTHERS = {
    "mm": ("mm=0x77", "mm=0x78", "of a VMA of mm 0x78; the model predicts 0x77"),
    "vm_start": (
        "vm_start=0x7000",
        "vm_start=0x6000",
        "of a VMA of [0x6000-0x9000); the model predicts [0x7000-0x9000)",
    ),
    "vm_end": ("vm_end=0x9000", "vm_end=0xa000", "of a VMA of [0x7000-0xa000); the model predicts [0x7000-0x9000)"),
    "flags": ("vm_flags=0x444bb", "vm_flags=0x440bb", "with flags 0x440bb; the model predicts 0x444bb"),
}
"""By field: what is replaced, by what, and what is said then."""

PAIRS = {
    "__split_vma vm_area_dup": f"""
__split_vma: {VMA} vm_flags=0x444bb addr=0x8000 new_below=0
vm_area_dup: {VMA} vm_flags=0x444bb
vm_area_dup__ret: ret=0x20
__split_vma__ret: ret=0
""",
    "mprotect_fixup __split_vma": f"""
mprotect_fixup: {VMA} vm_flags=0x444bb start=0x8000 end=0x9000 newflags=0x444b9
__split_vma: {VMA} vm_flags=0x444bb addr=0x8000 new_below=1
__split_vma__ret: ret=0
mprotect_fixup__ret: ret=0
""",
    "copy_page_range track_pfn_copy": f"""
vm_area_dup: {VMA} vm_flags=0x444bb
vm_area_dup__ret: ret=0x30
copy_page_range: dst=0x30 {VMA} vm_flags=0x444bb
track_pfn_copy: dst=0x30 {VMA} vm_flags=0x444bb
track_pfn_copy__ret: ret=0
copy_page_range__ret: ret=0
""",
    "fork copy_page_range": f"""
vm_area_dup: {VMA} vm_flags=0x444bb
vm_area_dup__ret: (dup_mmap+0x1/0x9 <- vm_area_dup) ret=0x30
copy_page_range: dst=0x30 {VMA} vm_flags=0x444bb
copy_page_range__ret: ret=0
""",
    "unmap_single_vma untrack_pfn": f"""
unmap_vmas: vma=0x10 start=0x7000 end=0x9000
unmap_single_vma: {VMA} vm_flags=0x444bb start=0x7000 end=0x9000
untrack_pfn: {VMA} vm_flags=0x444bb pfn=0x0 size=0x0
""",
    "remap_pfn_range track_pfn_remap": f"""
remap_pfn_range: {VMA} vm_flags=0x444bb addr=0x7000 pfn=0xfd000 size=0x1000 prot=0x37
track_pfn_remap: {VMA} vm_flags=0x444bb addr=0x7000 pfn=0xfd000 size=0x1000 prot=0x37
track_pfn_remap__ret: ret=0
remap_pfn_range__ret: ret=0
""",
}
"""Calls of which the second shows the same VMA as the first."""


@pytest.fixture
def divergences(tmp_path):
    """The model-divergence messages of a trace."""

    def run(trace, era="vm-pat-6.12"):
        (tmp_path / "iomem.txt").write_text(IOMEM)
        (tmp_path / "list.txt").write_text("PAT memtype list:\n")
        lines = [line for line in trace.split("\n") if line]
        text = "".join(f"app-7 [000] {at:03}.0: {line}\n" for at, line in enumerate(lines))
        (tmp_path / "trace.txt").write_text(text)
        options = api.Options(era=era, iomem=str(tmp_path / "iomem.txt"), memtypes=str(tmp_path / "list.txt"))
        report = api.check([str(tmp_path / "trace.txt")], options)
        return [one.message for root in report.findings for one in root.all() if one.rule == "model-divergence"]

    return run


@pytest.mark.parametrize("pair", PAIRS)
def test_two_calls_that_show_the_same_are_no_surprise(divergences, pair):
    assert divergences(PAIRS[pair]) == []


@pytest.mark.parametrize("field", OTHERS)
@pytest.mark.parametrize("pair", PAIRS)
def test_a_call_that_shows_something_else_of_its_vma_is_told(divergences, pair, field):
    outer, inner = pair.split()
    old, new, message = OTHERS[field]
    lines = PAIRS[pair].split("\n")
    at = max(place for place, line in enumerate(lines) if line.startswith(f"{inner}: "))
    lines[at] = lines[at].replace(old, new)
    by = "dup_mmap" if outer == "fork" else outer
    assert f"{by} called {inner}() {message}" in [
        one.replace("of a VMA with", "with") for one in divergences("\n".join(lines))
    ]


def test_a_call_that_never_returns_need_not_have_been_open(divergences):
    gone = PAIRS["mprotect_fixup __split_vma"].replace("mprotect_fixup__ret: ret=0\n", "")
    assert divergences(gone.replace("addr=0x8000", "addr=0x8800")) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("addr=0x8000", "addr=0x8800", "called __split_vma() at 0x8800; the model predicts 0x8000 or 0x9000"),
        ("end=0x9000", "end=0xa000", "came with [0x8000-0xa000); the model predicts a part of [0x7000-0x9000)"),
        ("newflags=0x444b9", "newflags=0x440b9", "came with newflags 0x440b9; the model predicts the flags of 0x44408"),
    ],
)
def test_the_part_and_the_flags_of_a_protection_are_checked(divergences, old, new, message):
    told = divergences(PAIRS["mprotect_fixup __split_vma"].replace(f" {old}", f" {new}"))
    assert f"mprotect_fixup {message}" in told


@pytest.mark.parametrize("api", ["unmap_single_vma", "unmap_page_range"])
def test_unmap_vmas_begins_with_its_own_vma(divergences, api):
    trace = f"unmap_vmas: vma=0x18 start=0x7000 end=0x9000\n{api}: {VMA} vm_flags=0x71 start=0x7000 end=0x9000\n"
    assert divergences(trace) == ["unmap_vmas began with the VMA 0x10; the model predicts 0x18"]
    assert divergences(trace.replace("vma=0x18", "vma=0x10")) == []


EXIT = f"""
exit_mmap: mm=0x77
unmap_vmas: vma=0x18 start=0x0 end=0xffffffffffffffff
unmap_page_range: {VMA} vm_flags=0x71 start=0x7000 end=0x9000
vm_area_free: vma={{first}} ctx=0x0
"""


def test_the_first_vma_of_an_exit_may_have_huge_tlb_pages(divergences):
    assert divergences(EXIT.format(first="0x18"), "pfnmap-ctx") == []


def test_the_first_vma_of_an_exit_is_freed_first(divergences):
    message = "unmap_vmas began with the VMA 0x10; the model predicts 0x18"
    assert divergences(EXIT.format(first="0x10"), "pfnmap-ctx") == [message]


def test_an_exit_unmaps_its_own_address_space(divergences):
    message = "exit_mmap called unmap_page_range() of a VMA of mm 0x77; the model predicts 0x99"
    assert message in divergences(EXIT.format(first="0x18").replace("exit_mmap: mm=0x77", "exit_mmap: mm=0x99"))


CONTEXT = f"""
vm_area_dup: {VMA} vm_flags=0x444bb ctx=0xc0
vm_area_dup__ret: ret=0x20
vm_area_free: vma=0x20 ctx=0xc0
vm_area_free: vma=0x10 ctx=0xc0
pfnmap_track_ctx_release: ctx=0xc0 pfn=0xfd000 size=0x2000
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("release: ctx=0xc0", "release: ctx=0xd0", "called pfnmap_track_ctx_release() of the context 0xd0"),
        ("vma=0x20 ctx=0xc0", "vma=0x20 ctx=0xd0", "came with the context 0xd0"),
    ],
)
def test_a_vma_keeps_its_context(divergences, old, new, message):
    assert divergences(CONTEXT, "pfnmap-ctx") == []
    told = divergences(CONTEXT.replace(old, new), "pfnmap-ctx")
    assert f"vm_area_free {message}; the model predicts 0xc0" in told


def test_another_context_is_an_info(tmp_path):
    """A free that a filter has left out explains it."""
    lines = CONTEXT.replace("vma=0x20 ctx=0xc0", "vma=0x20 ctx=0xd0").strip().split("\n")
    (tmp_path / "iomem.txt").write_text(IOMEM)
    (tmp_path / "list.txt").write_text("PAT memtype list:\n")
    (tmp_path / "trace.txt").write_text("".join(f"app-7 [000] {at}.0: {line}\n" for at, line in enumerate(lines)))
    options = api.Options(era="pfnmap-ctx", iomem=str(tmp_path / "iomem.txt"), memtypes=str(tmp_path / "list.txt"))
    report = api.check([str(tmp_path / "trace.txt")], options)
    found = [one for root in report.findings for one in root.all() if "came with the context" in one.message]
    assert [(one.severity, one.help.partition(",")[0]) for one in found] == [
        (Severity.INFO, "its VMA may have been freed unseen")
    ]


@pytest.mark.parametrize(
    "again",
    [
        "vm_area_dup: vma=0x40 mm=0x77 ctx=0xd0\nvm_area_dup__ret: ret=0x20\n",
        "remap_pfn_range: vma=0x20 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0xfb ctx=0x0 addr=0x7000 pfn=0xfd000"
        " size=0x2000 prot=0x37\nremap_pfn_range__ret: ret=0\n",
    ],
    ids=["copied", "mapped"],
)
def test_a_vma_that_comes_again_shows_that_a_filter_leaves_frees_out(divergences, again):
    other = "vm_area_free: vma=0x10 ctx=0xe0\n"
    start = CONTEXT.partition("vm_area_free")[0]
    freed = "vm_area_free: vma=0x20 ctx=0xc0\n"
    assert len(divergences(start + freed + again + other, "pfnmap-ctx")) == 1
    late = "vm_area_free: vma=0x20 ctx=0xd0\n"
    assert divergences(start + again + late + other, "pfnmap-ctx") == []


def test_zaps_of_ordinary_mappings_may_be_left_out_by_a_filter(divergences):
    whole = "start=0x0 end=0xffffffffffffffff"
    trace = f"exit_mmap: mm=0x77\nunmap_vmas: vma=0x18 {whole}\nunmap_single_vma: {VMA} vm_flags={{}} {whole}\n"
    assert divergences(trace.format("0x444bb")) == []
    again = f"unmap_single_vma: vma=0x28 mm=0x79 vm_flags=0x71 {whole}\n" + trace.format("0x444bb")
    assert divergences(again) == ["unmap_vmas began with the VMA 0x10; the model predicts 0x18"]

"""Each recorded call of the tracking layer makes the calls below that its arguments demand."""

import pytest

from pat_check import api

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
VMA = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000"

REMAP = f"""
app-7 [000] 1.0: track_pfn_remap: {VMA} vm_flags=0xbb prot=0x800000000000002f pfn=0xfd000 addr=0x7000 size=0x2000
app-7 [000] 1.1: reserve_pfn_range: paddr=0xfd000000 size=0x2000 prot=0x800000000000002f strict=0
app-7 [000] 1.2: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
app-7 [000] 1.3: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=1 new=1
app-7 [000] 1.4: reserve_pfn_range__ret: ret=0
app-7 [000] 1.5: track_pfn_remap__ret: ret=0
"""
UNMAP = f"""
app-7 [000] 2.0: untrack_pfn: {VMA} vm_flags=0x10004bb pfn=0x0 size=0x0
app-7 [000] 2.1: memtype_free: start=0xfd000000 end=0xfd002000
app-7 [000] 2.2: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""
CONTEXT = f"""
app-7 [000] 1.0: remap_pfn_range: {VMA} vm_flags=0xbb ctx=0x0 addr=0x7000 pfn=0xfd000 size=0x2000 prot=0x37
app-7 [000] 1.1: remap_pfn_range_track: {VMA} vm_flags=0xbb ctx=0x0 addr=0x7000 pfn=0xfd000 size=0x2000 prot=0x37
app-7 [000] 1.2: pfnmap_track: pfn=0xfd000 size=0x2000 prot=0x37
app-7 [000] 1.3: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.4: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=2 new=2
app-7 [000] 1.5: pfnmap_track__ret: ret=0
app-7 [000] 1.6: remap_pfn_range_track__ret: ret=0
app-7 [000] 1.7: remap_pfn_range__ret: ret=0
app-7 [000] 1.8: vm_area_dup: {VMA} ctx=0xc0
app-7 [000] 1.9: vm_area_dup__ret: ret=0x20
"""
RELEASE = """
app-7 [000] 3.1: pfnmap_track_ctx_release: ctx=0xc0 pfn=0xfd000 size=0x2000
app-7 [000] 3.2: pfnmap_untrack: pfn=0xfd000 size=0x2000
app-7 [000] 3.3: memtype_free: start=0xfd000000 end=0xfd002000
app-7 [000] 3.4: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""


@pytest.fixture
def divergences(tmp_path):
    """The model-divergence messages of a trace."""

    def run(trace, era="vm-pat-6.12"):
        (tmp_path / "iomem.txt").write_text(IOMEM)
        (tmp_path / "list.txt").write_text("PAT memtype list:\n")
        (tmp_path / "trace.txt").write_text("".join(line + "\n" for line in trace.split("\n") if line))
        options = api.Options(era=era, iomem=str(tmp_path / "iomem.txt"), memtypes=str(tmp_path / "list.txt"))
        report = api.check([str(tmp_path / "trace.txt")], options)
        return [finding.message for finding in report.findings if finding.rule == "model-divergence"]

    return run


def without(text, *words):
    return "\n".join(line for line in text.split("\n") if not any(word in line for word in words))


def test_a_mapping_that_reserves_and_frees_as_it_must_is_silent(divergences):
    assert divergences(REMAP + UNMAP) == []


def test_a_full_remap_must_reserve(divergences):
    after = REMAP.replace("1.", "2.").replace("0xfd000", "0xfd100")
    lazy = without(after, "reserve_pfn_range", "memtype_reserve")
    assert divergences(REMAP + lazy) == [
        "track_pfn_remap of [0xfd100000-0xfd102000) made none; the model predicts a call of reserve_pfn_range()"
    ]


def test_a_partial_remap_need_not_reserve(divergences):
    partial = without(REMAP, "reserve_pfn_range", "memtype_reserve").replace("size=0x2000", "size=0x1000")
    assert divergences(REMAP + partial) == []


def test_a_range_is_reserved_from_its_first_to_its_last_byte(divergences):
    short = REMAP.replace("end=0xfd002000", "end=0xfd001000")
    assert divergences(short) == [
        "reserve_pfn_range of [0xfd000000-0xfd001000) called memtype_reserve() with [0xfd000000-0xfd001000); "
        "the model predicts [0xfd000000-0xfd002000)"
    ]


def test_a_range_is_reserved_with_the_type_of_its_protection(divergences):
    other = REMAP.replace("req=1", "req=2").replace("new=1", "new=2")
    assert divergences(other) == ["reserve_pfn_range of [0xfd000000-0xfd002000) asked for type 2; the model predicts 1"]


def test_ram_is_not_reserved(divergences):
    ram = without(REMAP, "memtype_reserve").replace("0xfd000", "0x1000")
    assert divergences(ram) == []


def test_untracking_frees_the_length_of_the_mapping(divergences):
    odd = UNMAP.replace("end=0xfd002000", "end=0xfd001000").replace("ret=0 ", "ret=-22 ")
    assert divergences(REMAP + odd) == [
        "untrack_pfn of [0xfd000000-0xfd001000) called memtype_free() with [0xfd000000-0xfd001000); "
        "the model predicts 0x2000 bytes"
    ]


def test_a_context_is_released_when_its_last_mapping_goes(divergences):
    first = f"app-7 [000] 2.0: vm_area_free: {VMA} ctx=0xc0\n"
    last = f"app-7 [000] 3.0: vm_area_free: {VMA.replace('0x10', '0x20')} ctx=0xc0\n"
    assert divergences(CONTEXT + first + last + RELEASE, "pfnmap-ctx") == []


def test_a_context_released_while_a_mapping_holds_it_is_told(divergences):
    first = f"app-7 [000] 2.0: vm_area_free: {VMA} ctx=0xc0\n"
    assert divergences(CONTEXT + first + RELEASE, "pfnmap-ctx") == [
        "pfnmap_track_ctx_release of [0xfd000000-0xfd002000) came already; "
        "the model predicts only after 1 more mappings are gone"
    ]


def test_lost_events_end_all_expectations(divergences):
    first = f"CPU:0 [LOST 3 EVENTS]\napp-7 [000] 2.0: vm_area_free: {VMA} ctx=0xc0\n"
    assert divergences(CONTEXT + first + RELEASE, "pfnmap-ctx") == []

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
        "track_pfn_remap of [0xfd100000-0xfd102000) did not call reserve_pfn_range(), which the model predicts"
    ]


def test_a_partial_remap_need_not_reserve(divergences):
    partial = without(REMAP, "reserve_pfn_range", "memtype_reserve").replace("size=0x2000", "size=0x1000")
    assert divergences(REMAP + partial) == []


def test_a_range_is_reserved_from_its_first_to_its_last_byte(divergences):
    short = REMAP.replace("end=0xfd002000", "end=0xfd001000")
    assert divergences(short) == [
        "reserve_pfn_range of [0xfd000000-0xfd002000) called memtype_reserve() with [0xfd000000-0xfd001000); "
        "the model predicts [0xfd000000-0xfd002000)"
    ]


def test_a_range_is_reserved_with_the_type_of_its_protection(divergences):
    other = REMAP.replace("req=1", "req=2").replace("new=1", "new=2")
    assert divergences(other) == [
        "reserve_pfn_range of [0xfd000000-0xfd002000) called memtype_reserve() with uncached-minus; "
        "the model predicts write-combining"
    ]


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
        "the model predicts only after one more mapping is gone"
    ]


def test_lost_events_end_all_expectations(divergences):
    first = f"CPU:0 [LOST 3 EVENTS]\napp-7 [000] 2.0: vm_area_free: {VMA} ctx=0xc0\n"
    assert divergences(CONTEXT + first + RELEASE, "pfnmap-ctx") == []


def test_fork_of_a_tracked_mapping_must_reserve_for_the_child(divergences):
    child = VMA.replace("vma", "dst=0x20 src")
    fork = f"""
app-7 [000] 2.0: track_pfn_copy: {child} vm_flags=0x10004bb
app-7 [000] 2.1: track_pfn_copy__ret: ret=0
"""
    assert divergences(REMAP + fork) == ["track_pfn_copy did not call reserve_pfn_range(), which the model predicts"]


CLEARED = f"""
app-7 [000] 2.0: unmap_page_range: {VMA} vm_flags=0x10004bb start=0x7000 end=0x8000
"""


def test_a_zap_that_leaves_a_mapping_tracked_is_told_where_every_zap_untracks(divergences):
    assert divergences(REMAP + CLEARED) == [
        "unmap_page_range of [0x7000-0x8000) came with VM_PAT set; the model predicts that untrack_pfn() has cleared it"
    ]
    assert divergences(REMAP + CLEARED, "unmap-region") == []
    assert divergences(REMAP + UNMAP + CLEARED.replace("0x10004bb", "0x4bb")) == []


@pytest.mark.parametrize("call", ["untrack_pfn: {} vm_flags=0x10004bb pfn=0x0 size=0x0", "track_pfn_copy: {}"])
def test_a_function_that_the_era_does_not_have_speaks_against_it(call, tmp_path):
    line = f"app-7 [000] 2.0: {call.format(VMA)}\n"
    (tmp_path / "trace.txt").write_text(line * 3)
    found = {
        era: [finding.rule for finding in api.check([str(tmp_path / "trace.txt")], api.Options(era=era)).findings]
        for era in ("vm-pat", "pfnmap-ctx")
    }
    assert "model-era" in found["pfnmap-ctx"]
    assert "model-era" not in found["vm-pat"]


# --- from remap_pfn_range() down ----------------------------------------------------------------------------

OUTER = f"""
app-7 [000] 1.0: remap_pfn_range: {VMA} vm_flags=0xbb addr=0x7000 pfn=0xfd000 size=0x1f00 prot=0x800000000000002f
{REMAP}
app-7 [000] 1.6: remap_pfn_range__ret: ret=0
"""
LATER = UNMAP.replace("vm_flags=0x10004bb", "vm_flags=0x50444bb")


def second(text):
    """The same somewhere else, after the first."""
    return text.replace(" 1.", " 5.").replace(" 2.", " 6.").replace("0xfd000", "0xfd100").replace("0xfd002", "0xfd102")


def test_a_remap_down_to_its_reservation_is_silent(divergences):
    assert divergences(OUTER + LATER) == []


def test_a_remap_tracks_its_pages(divergences):
    other = OUTER.replace("track_pfn_remap: ", "track_pfn_remap:  ").replace(
        "prot=0x800000000000002f pfn=0xfd000", "prot=0x800000000000002f pfn=0xfd001"
    )
    assert divergences(other)[0] == (
        "remap_pfn_range of [0xfd000000-0xfd002000) called track_pfn_remap() with [0xfd001000-0xfd003000); "
        "the model predicts [0xfd000000-0xfd002000)"
    )


def test_a_remap_of_another_address_is_told(divergences):
    other = OUTER.replace("pfn=0xfd000 addr=0x7000", "pfn=0xfd000 addr=0x8000")
    assert divergences(other)[0] == (
        "remap_pfn_range of [0xfd000000-0xfd002000) called track_pfn_remap() at address 0x8000; "
        "the model predicts 0x7000"
    )


def test_a_function_between_is_missed_where_it_is_recorded(divergences):
    assert divergences(OUTER + without(second(OUTER), "track_pfn_remap:")) == [
        "remap_pfn_range of [0xfd100000-0xfd102000) did not call track_pfn_remap(), which the model predicts"
    ]


def test_what_is_not_recorded_between_is_not_missed(divergences):
    assert divergences(without(OUTER, "track_pfn_remap", "reserve_pfn_range")) == []


def test_a_remap_reserves_though_nothing_between_is_recorded(divergences):
    some = without(OUTER, "track_pfn_remap", "reserve_pfn_range")
    assert divergences(some + without(second(some), "memtype")) == [
        "remap_pfn_range of [0xfd100000-0xfd102000) did not call memtype_reserve(), which the model predicts"
    ]


def test_a_remap_of_a_part_reserves_nothing(divergences):
    part = without(OUTER, "memtype", "reserve_pfn_range").replace("size=0x2000", "size=0x1000")
    assert divergences(OUTER + part.replace("size=0x1f00", "size=0x1000")) == []


def test_the_context_era_tracks_what_it_remaps(divergences):
    lazy = without(second(CONTEXT), "pfnmap_track", "memtype_reserve", "vm_area_dup")
    assert divergences(CONTEXT + lazy, "pfnmap-ctx") == [
        "remap_pfn_range_track of [0xfd100000-0xfd102000) did not call pfnmap_track(), which the model predicts"
    ]


# --- from unmapping down -------------------------------------------------------------------------------------

ZAP = f"app-7 [000] 1.9: unmap_single_vma: {VMA} vm_flags=0x50444bb start=0x7000 end=0x9000\n"
NEXT = "app-7 [000] 4.0: vm_area_free: vma=0x10\n"


def test_untracking_a_mapping_with_its_entries_frees(divergences):
    freed = second(OUTER) + second(ZAP) + second(LATER)
    assert divergences(OUTER + ZAP + without(LATER, "memtype_free") + NEXT + freed) == [
        "untrack_pfn of [0xfd000000-0xfd002000) did not call memtype_free(), which the model predicts"
    ]


def test_untracking_frees_where_the_first_entry_points(divergences):
    odd = LATER.replace("0xfd000000", "0xfd003000").replace("0xfd002000", "0xfd005000").replace("ret=0 ", "ret=-22 ")
    assert divergences(OUTER + ZAP + odd)[0] == (
        "untrack_pfn of [0xfd000000-0xfd002000) called memtype_free() with [0xfd003000-0xfd005000); "
        "the model predicts [0xfd000000-0xfd002000)"
    )


def test_untracking_finds_nothing_where_get_pat_info_fails(divergences):
    failing = "app-7 [000] 2.1: get_pat_info: vma=0x10\napp-7 [000] 2.2: get_pat_info__ret: ret=-22\n"
    again = second(OUTER) + ZAP + second(LATER)
    assert divergences(OUTER + ZAP + without(LATER, "memtype_free") + failing + NEXT + again) == []


def test_a_private_mapping_may_have_lost_its_first_entry(divergences):
    private = (OUTER + ZAP + without(LATER, "memtype_free")).replace("0xbb", "0x73").replace("0x50444bb", "0x5044473")
    assert divergences(private + NEXT + second(OUTER) + ZAP + second(LATER)) == []


def test_a_mapping_of_unknown_pages_may_be_of_ram(divergences):
    assert divergences(ZAP + without(LATER, "memtype_free") + NEXT + OUTER + ZAP + LATER) == []


def test_a_zap_untracks(divergences):
    assert divergences(OUTER + ZAP + without(LATER, "untrack_pfn", "memtype_free") + NEXT + OUTER + ZAP + LATER)[0] == (
        "unmap_single_vma of [0xfd000000-0xfd002000) did not call untrack_pfn(), which the model predicts"
    )


def test_only_a_zap_untracks(divergences):
    assert divergences(OUTER + ZAP + LATER + second(OUTER) + second(LATER))[0] == (
        "untrack_pfn came by itself; the model predicts that only unmap_single_vma() of this VMA calls it"
    )


def test_the_what_if_era_untracks_before_it_zaps(divergences):
    assert divergences(OUTER + LATER + ZAP, "unmap-region") == []


def test_a_released_context_is_untracked(divergences):
    frees = "".join(f"app-7 [000] 2.0: vm_area_free: {VMA.replace('0x10', vma)} ctx=0xc0\n" for vma in ("0x10", "0x20"))
    assert divergences(CONTEXT + frees + without(RELEASE, "pfnmap_untrack") + RELEASE, "pfnmap-ctx")[0] == (
        "pfnmap_track_ctx_release of [0xfd000000-0xfd002000) did not call pfnmap_untrack(), which the model predicts"
    )


def test_the_last_mapping_of_a_context_frees_though_nothing_between_is_recorded(divergences):
    frees = "".join(f"app-7 [000] 2.0: vm_area_free: {VMA.replace('0x10', vma)} ctx=0xc0\n" for vma in ("0x10", "0x20"))
    other = (
        "app-8 [000] 3.0: memtype_free: start=0xfd100000 end=0xfd101000\napp-8 [000] 3.1: memtype_free__ret: ret=-22\n"
    )
    assert divergences(CONTEXT + frees + other + "app-7 [000] 4.0: vm_area_free: vma=0x90\n", "pfnmap-ctx") == [
        "vm_area_free of [0xfd000000-0xfd002000) did not call memtype_free(), which the model predicts"
    ]


# --- fork ----------------------------------------------------------------------------------------------------

FORK = f"""
app-7 [000] 1.7: copy_page_range: dst=0x30 {VMA} vm_flags=0x50444bb
app-7 [000] 1.7: track_pfn_copy: dst=0x30 {VMA} vm_flags=0x50444bb
app-7 [000] 1.7: reserve_pfn_range: paddr=0xfd000000 size=0x2000 prot=0x800000000000002f strict=1
app-7 [000] 1.7: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
app-7 [000] 1.7: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=1 new=1
app-7 [000] 1.7: reserve_pfn_range__ret: ret=0
app-7 [000] 1.7: track_pfn_copy__ret: ret=0
app-7 [000] 1.7: copy_page_range__ret: ret=0
"""


def test_a_fork_that_reserves_again_is_silent(divergences):
    assert divergences(OUTER + FORK) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("paddr=0xfd000000", "paddr=0xfd001000", "called reserve_pfn_range() with [0xfd001000-0xfd003000)"),
        ("strict=1", "strict=0", "called reserve_pfn_range() with strict 0; the model predicts 1"),
        (
            "prot=0x800000000000002f strict",
            "prot=0x8000000000000037 strict",
            "with uncached-minus; the model predicts write-combining",
        ),
        ("track_pfn_copy: dst=0x30 vma=0x10", "track_pfn_copy: dst=0x30 vma=0x18", "of the VMA 0x18"),
    ],
)
def test_a_fork_reserves_the_range_and_type_of_the_parent(divergences, old, new, said):
    assert said in divergences(OUTER + FORK.replace(old, new) + ZAP + LATER)[0]


def test_a_fork_of_a_pfn_mapping_copies_its_tracking(divergences):
    again = without(FORK, "track_pfn_copy", "reserve").replace("0x30", "0x40")
    assert divergences(OUTER + FORK + again + ZAP + LATER) == [
        "copy_page_range of [0xfd000000-0xfd002000) did not call track_pfn_copy(), which the model predicts"
    ]


# --- drivers -------------------------------------------------------------------------------------------------

IOREMAP = """
ins-9 [000] 1.0: __ioremap_caller: phys=0xfd000010 size=0x1ff0 pcm=2
ins-9 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
ins-9 [000] 1.2: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=2 new=2
ins-9 [000] 1.3: __ioremap_caller__ret: ret=0xffa0000000075000
"""
IOUNMAP = """
ins-9 [000] 2.0: iounmap: addr=0xffa0000000075000
ins-9 [000] 2.1: memtype_free: start=0xfd000000 end=0xfd002000
ins-9 [000] 2.2: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""
EXPLICIT = """
ins-9 [000] 1.0: arch_io_reserve_memtype_wc: start=0xfd000000 size=0x2000
ins-9 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
ins-9 [000] 1.2: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=1 new=1
ins-9 [000] 1.3: arch_io_reserve_memtype_wc__ret: ret=0
ins-9 [000] 2.0: arch_io_free_memtype_wc: start=0xfd000000 size=0x2000
ins-9 [000] 2.1: memtype_free: start=0xfd000000 end=0xfd002000
ins-9 [000] 2.2: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""


def test_drivers_that_reserve_and_free_are_silent(divergences):
    assert divergences(IOREMAP + IOUNMAP + EXPLICIT) == []


def test_ioremap_reserves_whole_pages_of_its_type(divergences):
    assert divergences(IOREMAP.replace("size=0x1ff0", "size=0x1ff1")) == [
        "__ioremap_caller of [0xfd000000-0xfd003000) called memtype_reserve() with [0xfd000000-0xfd002000); "
        "the model predicts [0xfd000000-0xfd003000)"
    ]
    assert (
        "with uncached-minus; the model predicts write-combining" in divergences(IOREMAP.replace("pcm=2", "pcm=1"))[0]
    )


def test_ioremap_that_succeeds_has_reserved(divergences):
    assert divergences(IOREMAP + without(second(IOREMAP), "memtype")) == [
        "__ioremap_caller of [0xfd100000-0xfd102000) did not call memtype_reserve(), which the model predicts"
    ]
    failed = without(second(IOREMAP), "memtype").replace("ret=0xffa0000000075000", "ret=0x0")
    assert divergences(IOREMAP + failed) == []


def test_ioremap_that_fails_gives_back(divergences):
    failed = second(IOREMAP).replace("ret=0xffa0000000075000", "ret=0x0")
    assert divergences(IOREMAP + IOUNMAP + failed) == [
        "__ioremap_caller of [0xfd100000-0xfd102000) did not call memtype_free(), which the model predicts, "
        "for it fails"
    ]


def test_iounmap_frees(divergences):
    assert divergences(IOREMAP + without(IOUNMAP, "memtype") + EXPLICIT.replace("0xfd00", "0xfe00")) == [
        "iounmap did not call memtype_free(), which the model predicts"
    ]


def test_an_explicit_free_reaches_the_memtype_layer(divergences):
    lazy = without(second(EXPLICIT), "memtype_free:", "memtype_free__ret")
    assert divergences(EXPLICIT + lazy + second(IOREMAP).replace("0xfd1", "0xfe1")) == [
        "arch_io_free_memtype_wc of [0xfd100000-0xfd102000) did not call memtype_free(), which the model predicts"
    ]


def test_lost_events_end_expectations_of_drivers_too(divergences):
    gap = "CPU:0 [LOST 3 EVENTS]\n"
    assert divergences(IOREMAP + gap + without(IOUNMAP, "memtype") + EXPLICIT.replace("0xfd00", "0xfe00")) == []


# --- calls that nobody makes, and halves -----------------------------------------------------------------------


def test_a_mapping_of_a_part_that_reserves_is_told(divergences):
    part = OUTER.replace("size=0x1f00", "size=0x1000").replace("size=0x2000", "size=0x1000")
    part = part.replace("end=0xfd002000", "end=0xfd001000")
    assert divergences(part)[0] == (
        "track_pfn_remap of [0xfd000000-0xfd001000) made a call of reserve_pfn_range(); "
        "the model predicts none, for it maps a part"
    )


def test_a_fork_that_reserves_for_a_shared_context_is_told(divergences):
    fork = "\n".join(line for line in FORK.split("\n") if "pfn_" not in line)
    fork = fork.replace("0x50444bb", "0x40444bb").replace("0x30", "0x20")
    assert divergences(CONTEXT + fork, "pfnmap-ctx") == [
        "copy_page_range of [0xfd000000-0xfd002000) made a call of memtype_reserve(); "
        "the model predicts none, for nothing is tracked"
    ]


ONLY_RETURNS = """
app-7 [000] 1.0: memtype_check_insert: start=0xfd000000 end=0xfd002000 type=2
app-7 [000] 1.1: memtype_check_insert__ret: ret=0 type=2
app-7 [000] 1.2: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=2 new=2
app-7 [000] 2.0: memtype_erase: start=0xfd000000 end=0xfd002000
app-7 [000] 2.1: memtype_erase__ret: ret=0xff11000101696000
app-7 [000] 2.2: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""


def test_returns_that_show_their_arguments_change_nothing_a_second_time(divergences):
    assert divergences(ONLY_RETURNS + second(ONLY_RETURNS)) == []
    assert divergences(without(ONLY_RETURNS, "check_insert", "erase")) == []


def test_entries_without_their_returns_are_predicted(divergences):
    assert divergences(without(OUTER + LATER + second(OUTER + LATER), "memtype_reserve__ret")) == []


PAGEMAP = """
mod-9 [000] 1.0: memremap_pages: start=0xfd000000 end=0xfd001fff
mod-9 [000] 1.1: track_pfn_remap: vma=0x0 mm=(fault) pfn=0xfd000 addr=0x0 size=0x2000 prot=0x27
mod-9 [000] 1.2: memtype_reserve: start=0xfd000000 end=0xfd002000 req=0
mod-9 [000] 1.3: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd002000 req=0 new=2
mod-9 [000] 1.4: track_pfn_remap__ret: ret=0
mod-9 [000] 1.5: memremap_pages__ret: (probe+0x1/0x9 [pmem] <- memremap_pages) ret=0xff11000000000000
mod-9 [000] 2.0: exit_mmap: mm=0x99
mod-9 [000] 2.1: sched_process_exit: comm=mod pid=9 prio=120
"""


def test_pages_of_a_device_belong_to_no_process(tmp_path):
    (tmp_path / "trace.txt").write_text(PAGEMAP.lstrip())
    (tmp_path / "list.txt").write_text("PAT memtype list:\n")
    options = api.Options(era="vm-pat-6.12", memtypes=str(tmp_path / "list.txt"))
    found = api.check([str(tmp_path / "trace.txt")], options).findings
    assert [finding.rule for finding in found if str(finding.severity) != "info"] == []


def test_pages_of_a_device_that_fail_need_not_be_tracked(divergences):
    failed = without(second(PAGEMAP), "pfn_remap", "memtype").replace("0xff11000000000000", "0xffffffffffffffea")
    assert divergences(PAGEMAP + failed) == []


# --- unmap_vmas ------------------------------------------------------------------------------------------------

UNSEEN = f"""
app-7 [000] 0.1: vm_area_dup: vma=0x90 mm=0x77 vm_start=0x1000 vm_end=0x2000 vm_flags=0x73
app-7 [000] 0.2: vm_area_dup__ret: (dup_mmap+0x1/0x9 <- vm_area_dup) ret=0x91
app-7 [000] 0.3: copy_page_range: dst=0x91 vma=0x90 mm=0x77 vm_start=0x1000 vm_end=0x2000 vm_flags=0x73
app-7 [000] 0.4: copy_page_range__ret: ret=0
app-7 [000] 0.5: untrack_pfn_clear: vma=0x92 mm=0x77 vm_start=0x1000 vm_end=0x2000 vm_flags=0x73
app-7 [000] 0.6: vm_area_free: vma=0x91
{OUTER}
"""
ZAPPED_BY_OTHER = """
rm-8 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd002000
rm-8 [000] 3.1: memtype_free__ret: ret=0 start=0xfd000000 end=0xfd002000
"""
UNMAPS = """
app-7 [000] 4.0: unmap_vmas: vma=0x10 start=0x7000 end=0x9000
app-7 [000] 4.1: vm_area_free: vma=0x10
"""
ENDS = "app-7 [000] 9.0: exit_mmap: mm=0x77\napp-7 [000] 9.1: unmap_vmas: vma=0x90 start=0x0 end=0xffffffffffffffff\n"
FREED_ELSEWHERE = ZAPPED_BY_OTHER.replace("rm-8 [000] 3.", "rm-8 [000] 0.").replace("ret=0", "ret=-22")
FREED_ELSEWHERE = FREED_ELSEWHERE.replace("0xfd00", "0xfe00")
MISSED = "unmap_vmas of [0xfd000000-0xfd002000) did not call memtype_free(), which the model predicts"


def test_an_unmap_frees_though_no_zap_is_recorded(divergences):
    assert MISSED in divergences(FREED_ELSEWHERE + UNSEEN + UNMAPS + ENDS)
    freed = ZAPPED_BY_OTHER.replace("rm-8 [000] 3.", "app-7 [000] 4.0")
    unmapped = UNMAPS.replace("app-7 [000] 4.1", f"{freed.strip()}\napp-7 [000] 4.1")
    assert divergences(FREED_ELSEWHERE + UNSEEN + unmapped + ENDS) == []


def test_an_unmap_frees_nothing_after_an_unseen_zap_of_another_task_has(divergences):
    assert divergences(FREED_ELSEWHERE + UNSEEN + ZAPPED_BY_OTHER + UNMAPS + ENDS) == []


def test_an_unmap_is_not_judged_where_the_lives_of_mappings_are_not_recorded(divergences):
    assert divergences(FREED_ELSEWHERE + without(UNSEEN, "vm_area_dup", "copy_page_range") + UNMAPS + ENDS) == []
    assert divergences(FREED_ELSEWHERE + UNSEEN + UNMAPS) == []  # exit_mmap is not recorded


def test_what_is_left_at_the_end_of_an_address_space_is_freed_there(divergences):
    after = "app-7 [000] 9.2: sched_process_exit: comm=app pid=7 prio=120\n"
    assert MISSED in divergences(FREED_ELSEWHERE + UNSEEN + ENDS + after)


def test_an_address_space_with_a_number_that_is_used_again_is_another(divergences):
    again = ENDS.replace("app-7", "next-8").replace(" 9.", " 10.")
    after = "next-8 [000] 10.2: sched_process_exit: comm=next pid=8 prio=120\n"
    torn_down_unseen = "app-7 [000] 8.0: sched_process_exit: comm=app pid=7 prio=120\n"
    assert divergences(FREED_ELSEWHERE + UNSEEN + torn_down_unseen + again + after) == []


def test_a_driver_that_edits_the_bounds_of_a_mapping_leaves_nothing_sure(divergences):
    chunk = second(OUTER).replace(
        "vm_start=0x7000 vm_end=0x9000 vm_flags=0xbb", "vm_start=0x9000 vm_end=0xb000 vm_flags=0x50444bb"
    )
    chunk = chunk.replace("addr=0x7000", "addr=0x9000").replace(" 5.", " 2.")
    unmaps = UNMAPS.replace("end=0x9000", "end=0xb000")
    assert divergences(FREED_ELSEWHERE + UNSEEN + chunk + unmaps + ENDS) == []


def test_a_context_whose_address_is_used_again_is_another(divergences):
    gone = "".join(f"app-7 [000] 2.0: vm_area_free: {VMA.replace('0x10', vma)} ctx=0xc0\n" for vma in ("0x10", "0x20"))
    once = without(CONTEXT + gone + RELEASE, "ctx_release")
    again = once.replace(" 1.", " 5.").replace(" 2.", " 6.").replace(" 3.", " 7.")
    assert divergences(once + again, "pfnmap-ctx") == []


def test_a_mapping_at_the_address_of_one_that_went_unseen_is_another(divergences):
    other = second(OUTER).replace("vma=0x10", "vma=0x18")
    moved = FORK.replace(" 1.7", " 6.7").replace("0xfd000000", "0xfd100000").replace("0xfd002000", "0xfd102000")
    assert divergences(OUTER + other + moved) == []
    zapped = OUTER + ZAP + without(LATER, "memtype_free__ret")  # then its entries go, whoever records that
    assert divergences(zapped + other + moved) == []


def test_a_call_whose_physical_range_is_not_known_is_told_without_one(divergences):
    vvar = f"{VMA} vm_flags=0xc044411"
    fork = f"""
app-7 [000] 1.0: copy_page_range: dst=0x30 {vvar}
app-7 [000] 1.1: track_pfn_copy: dst=0x30 {vvar}
app-7 [000] 1.2: track_pfn_copy__ret: ret=0
app-7 [000] 1.3: copy_page_range__ret: ret=0
"""
    missing = "copy_page_range did not call track_pfn_copy(), which the model predicts"
    assert divergences(fork + without(fork, "track_pfn_copy").replace(" 1.", " 2.")) == [missing]
    other = fork.replace("track_pfn_copy: dst=0x30 vma=0x10", "track_pfn_copy: dst=0x30 vma=0x50")
    assert divergences(other) == ["copy_page_range called track_pfn_copy() of the VMA 0x50; the model predicts 0x10"]

"""A call that is not in the recording, though others show that it was made, is told; one that may be unseen is not."""

import pytest

from pat_check import api

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
VMA = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0x444bb"
TRACKED = VMA.replace("0x444bb", "0x10444bb")
OUTSIDE = "app-7 [000] 0.1: tracing_mark_write: here"
SPLIT = f"""
app-7 [000] 1.0: __split_vma: {VMA} addr=0x8000 new_below=0
app-7 [000] 1.1: vm_area_dup: {VMA}
app-7 [000] 1.2: vm_area_dup__ret: (__split_vma+0x10/0x200 <- vm_area_dup) ret=0x20
app-7 [000] 1.3: __split_vma__ret: (vma_modify+0x10/0x200 <- __split_vma) ret=0
"""
FORK = f"""
app-7 [000] 2.0: dup_mmap: mm=0x88 oldmm=0x77
app-7 [000] 2.1: vm_area_dup: {VMA}
app-7 [000] 2.2: vm_area_dup__ret: (dup_mmap+0x10/0x200 <- vm_area_dup) ret=0x30
app-7 [000] 2.3: untrack_pfn_clear: {VMA.replace("vma=0x10", "vma=0x30")}
app-7 [000] 2.4: copy_page_range: dst=0x30 {VMA}
app-7 [000] 2.5: copy_page_range__ret: (dup_mmap+0x40/0x200 <- copy_page_range) ret=0
app-7 [000] 2.6: vm_area_dup: {VMA.replace("vma=0x10", "vma=0x11")}
app-7 [000] 2.7: vm_area_dup__ret: (dup_mmap+0x10/0x200 <- vm_area_dup) ret=0x31
app-7 [000] 2.8: untrack_pfn_clear: {VMA.replace("vma=0x10", "vma=0x31")}
app-7 [000] 2.9: copy_page_range: dst=0x31 {VMA.replace("vma=0x10", "vma=0x11")}
app-7 [000] 3.0: copy_page_range__ret: (dup_mmap+0x40/0x200 <- copy_page_range) ret=0
app-7 [000] 3.1: dup_mmap__ret: (copy_process+0x10/0x200 <- dup_mmap) ret=0
app-7 [000] 3.2: vm_area_free: vma=0x99
"""
MOVE = f"""
app-7 [000] 4.0: copy_vma: {TRACKED} addr=0x17000 len=0x2000
app-7 [000] 4.1: vm_area_dup: {TRACKED}
app-7 [000] 4.2: vm_area_dup__ret: (copy_vma+0x10/0x200 <- vm_area_dup) ret=0x20
app-7 [000] 4.3: copy_vma__ret: (move_vma+0x10/0x200 <- copy_vma) ret=0x20
app-7 [000] 4.4: untrack_pfn_clear: {TRACKED}
app-7 [000] 4.5: unmap_vmas: vma=0x10 start=0x7000 end=0x9000
"""
RESERVES = """
app-7 [000] 1.0: reserve_pfn_range: paddr=0xfd000000 size=0x2000 prot=0x37 strict=0
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.2: memtype_check_insert: start=0xfd000000 end=0xfd002000 type=2
app-7 [000] 1.3: memtype_check_insert__ret: (memtype_reserve+0x10/0x200 <- memtype_check_insert) ret=0
app-7 [000] 1.4: memtype_reserve__ret: (reserve_pfn_range+0x10/0x200 <- memtype_reserve) ret=0
app-7 [000] 1.5: memtype_kernel_map_sync: base=0xfd000000 size=0x2000 pcm=2
app-7 [000] 1.6: memtype_kernel_map_sync__ret: (reserve_pfn_range+0x50/0x200 <- memtype_kernel_map_sync) ret=0
app-7 [000] 1.7: reserve_pfn_range__ret: (track_pfn_remap+0x10/0x200 <- reserve_pfn_range) ret=0
"""
FREES = """
app-7 [000] 5.0: memtype_free: start=0xfd000000 end=0xfd002000
app-7 [000] 5.1: memtype_erase: start=0xfd000000 end=0xfd002000
app-7 [000] 5.2: memtype_erase__ret: (memtype_free+0x10/0x200 <- memtype_erase) ret=0xff11000000000040
app-7 [000] 5.3: memtype_free__ret: (untrack_pfn+0x10/0x200 <- memtype_free) ret=0
"""
LOOKS_UP = f"""
app-7 [000] 4.8: untrack_pfn: {TRACKED} pfn=0x0 size=0x0
app-7 [000] 4.9: get_pat_info: vma=0x10
app-7 [000] 5.0: get_pat_info__ret: (untrack_pfn+0x10/0x200 <- get_pat_info) ret=0
"""
UNMAP = f"""
app-7 [000] 6.0: unmap_vmas: vma=0x10 start=0x7000 end=0x9000
app-7 [000] 6.1: unmap_single_vma: {VMA} start=0x7000 end=0x9000
app-7 [000] 6.2: unmap_page_range: {VMA} start=0x7000 end=0x9000
app-7 [000] 6.3: vm_area_free: vma=0x10
"""
ENDS = f"""
app-7 [000] 8.0: exit_mmap: mm=0x77
app-7 [000] 8.1: unmap_vmas: vma=0x10 start=0x0 end=0xffffffffffffffff
app-7 [000] 8.2: unmap_single_vma: {VMA} start=0x0 end=0xffffffffffffffff
app-7 [000] 8.3: unmap_page_range: {VMA} start=0x7000 end=0x9000
"""
CONTEXT = f"""
app-7 [000] 1.0: remap_pfn_range: {VMA} ctx=0x0 addr=0x7000 pfn=0xfd000 size=0x1000
app-7 [000] 1.1: remap_pfn_range_track: {VMA} ctx=0x0 addr=0x7000 pfn=0xfd000 size=0x1000
app-7 [000] 1.2: remap_pfn_range_track__ret: ([unknown/kretprobe'd] <- remap_pfn_range_track) ret=0
app-7 [000] 1.3: remap_pfn_range__ret: (drv_mmap+0x10/0x20 <- remap_pfn_range) ret=0
"""


def without(text, *words):
    """The text without the first call of each function, or the first line with that text."""
    lines = [line for line in text.split("\n") if line]
    for word in words:
        at = next(at for at, line in enumerate(lines) if word in line)
        del lines[at]
    return "\n".join(lines) + "\n"


def gone(text, function):
    """The text without the first call of a function and the return of it."""
    less = without(text, f" {function}: ")
    return without(less, f" {function}__ret: ") if f" {function}__ret: " in less else less


def functions_of(text):
    return {line.split(": ")[1] for line in text.split("\n") if line and "tracing_mark" not in line}


@pytest.fixture
def told(tmp_path):
    """The model-divergences of a trace, as (line, message); all functions of `probed` have probes."""

    def run(text, probed, era="vm-pat-6.12", first=OUTSIDE):
        folder = tmp_path / "capture"
        folder.mkdir(exist_ok=True)
        lines = [first, *(line for line in text.split("\n") if line)]
        (folder / "trace.txt").write_text("".join(line + "\n" for line in lines))
        (folder / "iomem.txt").write_text(IOMEM)
        (folder / "kprobe_profile.txt").write_text("".join(f"  {name}  1  0\n" for name in functions_of(probed)))
        (tmp_path / "list.txt").write_text("PAT memtype list:\n")
        report = api.check([str(folder)], api.Options(era=era, memtypes=str(tmp_path / "list.txt")))
        every = [one for root in report.findings for one in root.all() if one.rule == "model-divergence"]
        return [(one.line, one.message) for one in every]

    return run


NESTED = [
    (SPLIT, "__split_vma", 2, "vm_area_dup returned to __split_vma(), which was not called"),
    (FORK, "dup_mmap", 2, "vm_area_dup returned to dup_mmap(), which was not called"),
    (MOVE, "copy_vma", 2, "vm_area_dup returned to copy_vma(), which was not called"),
    (RESERVES, "reserve_pfn_range", 2, "returned to reserve_pfn_range(), which was not called"),
    (RESERVES, "memtype_reserve", 3, "returned to memtype_reserve(), which was not called"),
    (FREES, "memtype_free", 2, "returned to memtype_free(), which was not called"),
    (LOOKS_UP, "untrack_pfn", 2, "get_pat_info returned to untrack_pfn(), which was not called"),
]


@pytest.mark.parametrize(("text", "function", "line", "expected"), NESTED, ids=[case[1] for case in NESTED])
def test_a_caller_that_only_its_calls_show_is_told_once(told, text, function, line, expected):
    assert told(text, text) == []
    found = told(gone(text, function), text)
    assert [at for at, message in found if expected in message] == [line], found
    assert f"an open call of {function}()" in next(message for _, message in found if expected in message)


def test_a_call_may_have_begun_before_the_recording(told):
    assert told(gone(SPLIT, "__split_vma"), SPLIT, first="b-8 [000] 0.1: tracing_mark_write: here") == []


def test_a_task_that_was_forked_in_the_recording_began_in_it(told):
    fork = "sh-6 [000] 0.1: sched_process_fork: comm=sh pid=6 child_comm=app child_pid=7"
    assert len(told(gone(SPLIT, "__split_vma"), SPLIT, first=fork)) == 1


def test_lost_events_may_hold_the_call(told):
    assert told("CPU:0 [LOST 3 EVENTS]\n" + gone(SPLIT, "__split_vma"), SPLIT) == []


@pytest.mark.parametrize("caller", ["__split_vma.cold+0x1/0x9", "__split_vma.isra.0+0x1/0x9", "vma_modify+0x1/0x9"])
def test_a_part_or_a_clone_of_a_function_is_not_its_call(told, caller):
    assert told(gone(SPLIT, "__split_vma").replace("__split_vma+0x10/0x200", caller), SPLIT) == []


def test_inserts_call_each_other(told):
    insert = "vma=0x10 addr=0x7000 pfn=0xfd000"
    inner = f"""
app-7 [000] 1.0: vmf_insert_pfn_pmd: {insert}
app-7 [000] 1.1: vmf_insert_pfn_pmd_prot: {insert}
app-7 [000] 1.2: vmf_insert_pfn_pmd_prot__ret: (vmf_insert_pfn_pmd+0x1/0x9 <- vmf_insert_pfn_pmd_prot) ret=0x100
app-7 [000] 1.3: vmf_insert_pfn_pmd__ret: (handle_mm_fault+0x1/0x9 <- vmf_insert_pfn_pmd) ret=0x100
"""
    assert told(inner, inner) == []


def test_a_function_without_a_probe_on_its_entry_is_not_missed(told):
    assert told(gone(SPLIT, "__split_vma"), gone(SPLIT, "__split_vma")) == []


def test_calls_whose_entries_are_filtered_are_not_missed(told):
    filtered = without(SPLIT, " __split_vma: ")
    assert len(told(filtered + filtered.replace(" 1.", " 2."), SPLIT)) == 1  # then it is known that some are left out


def test_mappings_may_be_recorded_of_some_tasks_only(told):
    copies = f"""
app-7 [000] 2.4: copy_page_range: dst=0x30 {VMA}
app-7 [000] 2.5: track_pfn_copy: dst=0x30 {VMA}
app-7 [000] 2.6: track_pfn_copy__ret: (copy_page_range+0x40/0x200 <- track_pfn_copy) ret=0
app-7 [000] 2.7: copy_page_range__ret: (dup_mmap+0x40/0x200 <- copy_page_range) ret=0
"""
    assert told(gone(copies, "copy_page_range").replace("app-7", "b-7"), copies) == []


# --- fork and move ---------------------------------------------------------------------------------------------


def test_each_mapping_that_fork_duplicates_is_copied(told):
    assert told(FORK, FORK) == []
    second = FORK.index("2.9")
    bare = FORK[:second].rpartition("\n")[0] + FORK[FORK.index("\napp-7 [000] 3.1") :]
    assert told(bare, FORK) == [(8, "dup_mmap did not call copy_page_range(), which the model predicts")]
    assert told(gone(FORK, "copy_page_range"), FORK) == [
        (3, "dup_mmap did not call copy_page_range(), which the model predicts")
    ]


def test_a_fork_that_fails_need_not_copy(told):
    fails = gone(FORK, "copy_page_range").replace("dup_mmap) ret=0", "dup_mmap) ret=-12")
    first = fails.split("app-7 [000] 2.6")[0] + "app-7 [000] 3.1" + fails.split("app-7 [000] 3.1")[1]
    assert told(first, FORK) == []


def test_each_mapping_is_copied_where_dup_mmap_is_inlined(told):
    inlined = gone(FORK, "dup_mmap").replace("(dup_mmap", "(copy_process")
    assert told(inlined, inlined) == []
    assert told(gone(inlined, "copy_page_range"), inlined) == [
        (2, "copy_process did not call copy_page_range(), which the model predicts")
    ]


def test_what_is_wiped_on_fork_is_not_copied(told):
    wiped = FORK.replace(
        "vma=0x11 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0x444bb", "vma=0x11 vm_flags=0x2000073"
    )
    bare = wiped.split("app-7 [000] 2.8")[0] + "app-7 [000] 3.1" + wiped.split("app-7 [000] 3.1")[1]
    assert told(bare, FORK) == []


def test_the_copy_of_a_pfn_mapping_is_cleared_of_its_tracking(told):
    assert told(without(FORK, "untrack_pfn_clear"), FORK) == [
        (3, "dup_mmap did not call untrack_pfn_clear(), which the model predicts")
    ]
    other = FORK.replace("untrack_pfn_clear: vma=0x30", "untrack_pfn_clear: vma=0x38")
    assert told(other, FORK) == [(5, "dup_mmap called untrack_pfn_clear() of the VMA 0x38; the model predicts 0x30")]


def test_a_mapping_that_has_moved_is_not_tracked_any_more(told):
    assert told(MOVE, MOVE) == []
    expected = [(2, "move_vma did not call untrack_pfn_clear(), which the model predicts")]
    assert told(without(MOVE, "untrack_pfn_clear"), MOVE) == expected
    back = MOVE.replace("untrack_pfn_clear: vma=0x10", "untrack_pfn_clear: vma=0x20")  # a move that failed
    assert told(back, MOVE) == []


# --- the memtype layer -------------------------------------------------------------------------------------------


def test_what_is_reserved_is_told_to_the_direct_map(told):
    more = RESERVES + gone(RESERVES, "memtype_kernel_map_sync").replace(" 1.", " 2.").replace("0xfd00", "0xfd10")
    expected = "reserve_pfn_range of [0xfd100000-0xfd102000) did not call memtype_kernel_map"
    assert [message.partition("_sync()")[0] for _, message in told(more, RESERVES)] == [expected]
    inlined = gone(RESERVES, "memtype_kernel_map_sync")
    assert told(inlined + inlined.replace("0xfd00", "0xfd10"), RESERVES) == []  # nothing shows such a call


def test_the_direct_map_gets_the_type_that_was_granted(told):
    assert told(RESERVES.replace("pcm=2", "pcm=1"), RESERVES) == [
        (7, "reserve_pfn_range of [0xfd000000-0xfd002000) called memtype_kernel_map_sync() with write-combining; "
            "the model predicts uncached-minus")
    ]  # fmt: skip


def test_a_tracked_mapping_is_looked_up(told):
    again = LOOKS_UP.replace(" 5.", " 6.").replace(" 4.", " 5.")
    assert told(LOOKS_UP + again, LOOKS_UP) == []
    assert (5, "untrack_pfn did not call get_pat_info(), which the model predicts") in told(
        LOOKS_UP + gone(again, "get_pat_info") + UNMAP, LOOKS_UP
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "memtype_check_insert: start=0xfd000000 end=0xfd002000",
            "memtype_check_insert: start=0xfd000000 end=0xfd001000",
            "memtype_reserve of [0xfd000000-0xfd002000) called memtype_check_insert() with [0xfd000000-0xfd001000); "
            "the model predicts [0xfd000000-0xfd002000)",
        ),
        ("type=2", "type=1", "asked the tree for write-combining; the model predicts uncached-minus"),
        (
            "memtype_erase: start=0xfd000000",
            "memtype_erase: start=0xfd001000",
            "memtype_free of [0xfd000000-0xfd002000) called memtype_erase() with [0xfd001000-0xfd002000); "
            "the model predicts [0xfd000000-0xfd002000)",
        ),
        ("<- memtype_reserve) ret=0", "<- memtype_reserve) ret=-22", "returned -EINVAL; the model predicts 0, as"),
        ("<- memtype_reserve) ret=0", "<- memtype_reserve) ret=0 new=1", "granted write-combining"),
    ],
)
def test_what_happens_under_the_lock_is_what_was_asked_for(told, old, new, expected):
    text = RESERVES + FREES
    assert told(text, RESERVES) == []
    assert any(expected in message for _, message in told(text.replace(old, new), RESERVES))


# --- the end of mappings -----------------------------------------------------------------------------------------


def test_only_exit_mmap_unmaps_everything(told):
    assert told(ENDS, ENDS) == []
    assert told(gone(ENDS, "exit_mmap"), ENDS) == [
        (2, "unmap_vmas came by itself; the model predicts that only exit_mmap() unmaps everything")
    ]


def test_exit_mmap_makes_an_unmap_vmas(told):
    assert told(gone(ENDS, "unmap_vmas"), ENDS) == [
        (2, "exit_mmap did not call unmap_vmas(), which the model predicts")
    ]


def test_what_goes_was_cleared_by_unmap_vmas(told):
    assert told(UNMAP, UNMAP) == []
    expected = "came without one; the model predicts a call of unmap_vmas() around it"
    assert any(expected in message for _, message in told(gone(UNMAP, "unmap_vmas"), UNMAP))
    zapped = gone(UNMAP, "unmap_vmas").split("app-7 [000] 6.3")[0]  # by others, while it stays
    assert told(zapped + UNMAP.replace(" 6.", " 7."), UNMAP) == []


def test_unmap_single_vma_clears_the_page_tables(told):
    again = gone(UNMAP, "unmap_page_range").replace(" 6.", " 7.")
    assert told(UNMAP + again, UNMAP) == [
        (7, "unmap_single_vma of [0x7000-0x9000) did not call unmap_page_range(), which the model predicts")
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("unmap_page_range: " + VMA + " start=0x7000", "unmap_page_range: " + VMA + " start=0x8000", "[0x7000-0x9000)"),
        ("unmap_single_vma: " + VMA + " start=0x7000", "unmap_single_vma: " + VMA + " start=0x6000", "[0x7000-0x9000)"),
        ("unmap_page_range: " + VMA + " start=0x7000", "unmap_page_range: " + VMA + " start=0x6000", "[0x7000-0x9000)"),
    ],
)
def test_what_is_unmapped_is_cleared_from_end_to_end(told, old, new, expected):
    found = [message for _, message in told(UNMAP.replace(old, new), UNMAP)]
    assert any("came with" in message and message.endswith(f"predicts {expected}") for message in found), found


# --- where a return does not tell --------------------------------------------------------------------------------


def test_a_function_that_ends_as_its_caller_has_one(told):
    probed = CONTEXT + "app-7 [000] 9.0: remap_pfn_range_complete: \n"
    assert told(CONTEXT, probed, "pfnmap-ctx") == []
    bare = gone(CONTEXT, "remap_pfn_range")
    expected = "that only remap_pfn_range() and remap_pfn_range_complete() call it"
    assert [line for line, message in told(bare, probed, "pfnmap-ctx") if message.endswith(expected)] == [2]
    assert told(bare, bare, "pfnmap-ctx") == []


def test_who_wanted_the_missing_call_has_made_it(told):
    """A return to a function proves that it was called: it is missing once, and nobody did not call it."""
    found = told(gone(RESERVES, "memtype_reserve"), RESERVES)
    assert [message for _, message in found if "memtype_reserve" in message and "did not call" in message] == []
    assert len([message for _, message in found if "returned to memtype_reserve()" in message]) == 1


def test_a_missing_entry_is_told_once(told):
    """Its return comes, and so does what it has called."""
    found = told(without(RESERVES, " memtype_reserve: ") + RESERVES.replace("1.", "2."), RESERVES + RESERVES)
    assert [message for _, message in found if "memtype_reserve" in message and "has no call" in message] == []
    assert len([message for _, message in found if "returned to memtype_reserve()" in message]) == 1


def test_what_its_caller_was_told_to_have_left_out_is_not_told_again(told):
    """Its own calls return to it, and its return comes."""
    outer = f"app-7 [000] 0.9: track_pfn_remap: {TRACKED} addr=0x7000 pfn=0xfd000 size=0x2000 prot=0x37\n"
    after = "app-7 [000] 1.8: track_pfn_remap__ret: (remap_pfn_range+0x10/0x200 <- track_pfn_remap) ret=0\n"
    text = outer + RESERVES.strip("\n") + "\n" + after
    assert told(text, text) == []
    assert len(told(gone(text, "reserve_pfn_range"), text)) == 1
    assert len(told(without(text, " reserve_pfn_range: "), text)) == 1

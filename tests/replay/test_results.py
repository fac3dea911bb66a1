"""What a call returns must fit what was seen to happen inside it."""

import pytest

from pat_check import api

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
EMPTY = "PAT memtype list:\n"
HELD = EMPTY + "PAT: [mem 0x00000000fd000000-0x00000000fd002000] uncached-minus\n"


@pytest.fixture
def divergences(tmp_path):
    """The model-divergences of a trace."""

    def run(trace, era="vm-pat-6.12", memtypes=EMPTY, path=None):
        (tmp_path / "iomem.txt").write_text(IOMEM)
        (tmp_path / "list.txt").write_text(memtypes)
        lines = [line for line in trace.split("\n") if line]
        text = "".join(f"app-7 [000] {at:03}.0: {line}\n" for at, line in enumerate(lines))
        (tmp_path / "trace.txt").write_text(text)
        options = api.Options(era=era, iomem=str(tmp_path / "iomem.txt"), memtypes=str(tmp_path / "list.txt"))
        report = api.check([str(path or tmp_path / "trace.txt")], options)
        every = [one for root in report.findings for one in root.all() if one.rule == "model-divergence"]
        return [(one.message, str(one.severity)) for one in every]

    return run


# --- memtype_free() -----------------------------------------------------------------------------------------

FREE = """
memtype_free: start=0xfd000000 end=0xfd002000
memtype_erase: start=0xfd000000 end=0xfd002000
memtype_erase__ret: (memtype_free+0x7c/0x110 <- memtype_erase) ret={erased}
memtype_free__ret: (pfnmap_untrack+0x1a/0x30 <- memtype_free) ret={freed}
"""
BY_RETURNS = """
memtype_erase__ret: (memtype_free+0x7c/0x110 <- memtype_erase) start=0xfd000000 end=0xfd002000 ret={erased}
memtype_free__ret: (iounmap+0x1a/0x30 <- memtype_free) start=0xfd000000 end=0xfd002000 ret={freed}
"""
NODE, EINVAL = "0xff11000101f31280", "0xffffffffffffffea"


@pytest.mark.parametrize("trace", [FREE, BY_RETURNS], ids=["calls", "returns alone"])
def test_a_free_that_fails_though_its_entry_was_removed_is_told(divergences, trace):
    message = (
        "memtype_free of [0xfd000000-0xfd002000) returned -EINVAL; "
        "the model predicts 0, as memtype_erase() removed an entry"
    )
    assert divergences(trace.format(erased=NODE, freed=-22), memtypes=HELD) == [(message, "error")]


@pytest.mark.parametrize("trace", [FREE, BY_RETURNS], ids=["calls", "returns alone"])
def test_a_free_that_succeeds_though_no_entry_was_found_is_told(divergences, trace):
    message = (
        "memtype_free of [0xfd000000-0xfd002000) returned 0; "
        "the model predicts -EINVAL, as memtype_erase() found no entry"
    )
    assert divergences(trace.format(erased=EINVAL, freed=0)) == [(message, "error")]


@pytest.mark.parametrize("trace", [FREE, BY_RETURNS], ids=["calls", "returns alone"])
def test_a_free_that_returns_what_its_erase_came_to_is_no_surprise(divergences, trace):
    assert divergences(trace.format(erased=NODE, freed=0), memtypes=HELD) == []
    assert divergences(trace.format(erased=EINVAL, freed=-22)) == []


# --- what a function hands on -------------------------------------------------------------------------------

VMA = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0xbb"
MAP = """
remap_pfn_range: VMA addr=0x7000 pfn=0xfd000 size=0x2000 prot=0x37
track_pfn_remap: VMA addr=0x7000 pfn=0xfd000 size=0x2000 prot=0x37
reserve_pfn_range: paddr=0xfd000000 size=0x2000 prot=0x37
memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
memtype_check_insert: start=0xfd000000 end=0xfd002000 type=2
memtype_check_insert__ret: ret=0
memtype_reserve__ret: ret=0
memtype_kernel_map_sync: base=0xfd000000 size=0x2000 pcm=2
memtype_kernel_map_sync__ret: ret={sync}
{freed}
reserve_pfn_range__ret: ret={reserve}
track_pfn_remap__ret: ret={track}
remap_pfn_range__ret: ret={remap}
"""
GIVEN_BACK = """
memtype_free: start=0xfd000000 end=0xfd002000
memtype_free__ret: ret=0
"""


def mapped(*results, freed=""):
    return MAP.replace("VMA", VMA).format(
        **dict(zip(("sync", "reserve", "track", "remap"), results, strict=True)), freed=freed
    )


def test_a_mapping_whose_results_fit_is_no_surprise(divergences):
    assert divergences(mapped(0, 0, 0, 0)) == []
    assert divergences(mapped(-22, -22, -22, -22, freed=GIVEN_BACK)) == []
    assert divergences(mapped(-22, -22, -22, -12, freed=GIVEN_BACK)) == [], "each finds an error of its own"


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (
            (-22, 0, 0, 0),
            "reserve_pfn_range of {} returned 0; the model predicts an error, as memtype_kernel_map_sync()",
        ),
        (
            (-22, -22, -22, 0),
            "remap_pfn_range of {} returned 0; the model predicts an error, as track_pfn_remap() failed",
        ),
        ((0, 0, -22, -22), "track_pfn_remap of {} returned -EINVAL; the model predicts 0, as reserve_pfn_range()"),
        ((-12, -22, -22, -22), "memtype_kernel_map_sync of {} returned -ENOMEM; the model predicts 0 or -EINVAL"),
    ],
)
def test_a_result_that_its_callees_exclude_is_told(divergences, results, message):
    found = divergences(mapped(*results, freed=GIVEN_BACK if results[0] and results[1] else ""))
    wanted = message.format("[0xfd000000-0xfd002000)")
    assert any(one.startswith(wanted) for one, _ in found), found


def test_the_direct_map_that_refuses_makes_its_caller_free(divergences):
    found = divergences(GIVEN_BACK + mapped(-22, -22, -22, -22), memtypes=HELD)
    assert any(
        "did not call memtype_free(), which the model predicts, for it fails" in message for message, _ in found
    ), found


# --- forks --------------------------------------------------------------------------------------------------

COPY = """
vm_area_dup: vma={vma} mm=0x77 vm_start={start} vm_end={end} vm_flags=0x71
vm_area_dup__ret: ({by}+0x30c/0x610 <- vm_area_dup) ret={new}
copy_page_range: dst={new} vma={vma} mm=0x77 vm_start={start} vm_end={end} vm_flags=0x71
copy_page_range__ret: ({by}+0x438/0x610 <- copy_page_range) ret={ret}
"""
BORN = "sched_process_fork: comm=app pid=7 child_comm=app child_pid=8\n"


def copied(*results, by="dup_mmap"):
    return "".join(
        COPY.format(by=by, vma=hex(0x10 * n), new=hex(0x1000 + n), start=hex(n << 12), end=hex((n + 1) << 12), ret=ret)
        for n, ret in enumerate(results, 1)
    )


def forked(*results, ret):
    return f"dup_mmap: mm=0x88 oldmm=0x77\n{copied(*results)}dup_mmap__ret: ret={ret}\n"


def test_a_fork_that_fails_as_its_last_copy_does_is_no_surprise(divergences):
    assert divergences(forked(0, -12, ret=-12) + forked(0, 0, ret=0) + BORN) == []


def test_a_fork_that_goes_on_after_a_copy_has_failed_is_told(divergences):
    message = "fork made a further call of vm_area_dup(); the model predicts that it fails, as copy_page_range() did"
    assert (message, "error") in divergences(forked(0, -12, 0, ret=-12))


def test_a_fork_that_succeeds_though_its_last_copy_has_failed_is_told(divergences):
    message = "dup_mmap returned 0; the model predicts an error, as copy_page_range() failed"
    assert divergences(forked(0, -12, ret=0)) == [(message, "error")]


INLINED = "exit_mmap: mm=0x99\nsched_process_exit: comm=x pid=7 prio=120\n" + copied(0, by="copy_process") + BORN


def test_where_dup_mmap_is_inlined_a_child_is_told(divergences):
    message = "fork came to a child; the model predicts that it fails, as copy_page_range() did"
    assert divergences(INLINED + copied(0, -12, by="copy_process") + BORN) == [(message, "error")]


def test_where_dup_mmap_is_inlined_a_fork_may_be_tried_again(divergences):
    failed = copied(0, -12, by="copy_process") + "exit_mmap: mm=0x88\n"
    assert divergences(INLINED + failed + copied(0, 0, by="copy_process") + BORN) == []


# --- splits -------------------------------------------------------------------------------------------------

SPLIT = """
__split_vma: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0x444bb addr=0x8000 new_below=0
vm_area_dup: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0x444bb
vm_area_dup__ret: (__split_vma+0x2f/0x260 <- vm_area_dup) ret={new}
{freed}
__split_vma__ret: ret={ret}
"""
OTHER = "vm_area_free: vma=0x99\n"


@pytest.mark.parametrize(
    ("new", "freed", "ret", "told"),
    [
        ("0x20", "", 0, ""),
        ("0x20", "vm_area_free: vma=0x20", -12, ""),
        ("0x0", "", -12, ""),
        (
            "0x20",
            "",
            -12,
            "__split_vma did not call vm_area_free() of 0x20, which the model predicts, for it fails",
        ),
        ("0x0", "", 0, "__split_vma returned 0; the model predicts an error, as vm_area_dup() failed"),
    ],
)
def test_a_split_fits_what_it_has_made(divergences, new, freed, ret, told):
    found = divergences(OTHER + SPLIT.format(new=new, freed=freed, ret=ret))
    assert [message for message, _ in found] == ([told] if told else [])


# --- get_pat_info() -----------------------------------------------------------------------------------------

UNTRACK = f"""
untrack_pfn: {VMA.replace("0xbb", "0x10444bb")} pfn=0x0 size=0x0
get_pat_info: vma=0x10
get_pat_info__ret: (untrack_pfn+0x4b/0xe0 <- get_pat_info) ret={{ret}}
{{freed}}
vm_area_free: vma=0x10
"""


def test_a_free_though_the_range_was_not_found_is_told(divergences):
    message = (
        "untrack_pfn of [0xfd000000-0xfd002000) made a call of memtype_free(); "
        "the model predicts none, as get_pat_info() failed"
    )
    assert divergences(mapped(0, 0, 0, 0) + UNTRACK.format(ret=-22, freed=GIVEN_BACK)) == [(message, "error")]
    assert divergences(mapped(0, 0, 0, 0) + UNTRACK.format(ret=0, freed=GIVEN_BACK)) == []
    assert divergences(mapped(0, 0, 0, 0) + UNTRACK.format(ret=-22, freed="")) == []


# --- the only call of a function --------------------------------------------------------------------------------

HIT = "".join(f"  memtype_{name}  1  0\n  memtype_{name}__ret  1  0\n" for name in ("check_insert", "erase"))
ALONE = """
memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
memtype_reserve__ret: ret=0
memtype_free: start=0xfd000000 end=0xfd002000
memtype_free__ret: ret=0
"""


@pytest.mark.parametrize(("profile", "told"), [(HIT, True), (HIT.replace("  1  0", "  0  0"), False), ("", False)])
def test_the_only_change_of_the_tree_is_missed_where_its_probes_were_hit(divergences, tmp_path, profile, told):
    (tmp_path / "kprobe_profile.txt").write_text(profile)
    (tmp_path / "meta.json").write_text("{}")
    found = [message.partition("; ")[0] for message, _ in divergences(ALONE, path=tmp_path)]
    assert ("memtype_reserve of [0xfd000000-0xfd002000) went elsewhere" in found) == told
    assert ("memtype_free of [0xfd000000-0xfd002000) went elsewhere" in found) == told

"""PFN mappings as the recorded calls on VMAs leave them."""

import pytest

from pat_check.eras import era_of
from pat_check.events import Event, MemtypeFree, UnmapVmas
from pat_check.model.machine import Machine
from pat_check.model.vma import VM_PAT
from pat_check.replay import unmaps
from pat_check.replay.loop import Replay
from pat_check.replay.unmaps import Due
from pat_check.sources.ftrace import Ftrace
from pat_check.sources.opening import Lines

FLAGS = "vm_flags=0x50444bb"
WHOLE = f"vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0xb000 {FLAGS}"
NEW = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0xb000 vm_flags=0xbb"
MAP = f"""
app-7 [000] 1.0: remap_pfn_range: {NEW} addr=0x7000 pfn=0xfd000 size=0x4000
app-7 [000] 1.1: track_pfn_remap: {NEW} addr=0x7000 pfn=0xfd000 size=0x4000
app-7 [000] 1.2: track_pfn_remap__ret: ret=0
app-7 [000] 1.3: remap_pfn_range__ret: ret=0
"""


@pytest.fixture
def followed():
    """The areas of some pids after a trace: (start, end, whether VM_PAT is set)."""

    def run(trace, *pids):
        replay = Replay(Machine(), era_of("vm-pat"), lambda incident: None)
        replay.run(Ftrace().events(Lines.of("trace", [line for line in trace.split("\n") if line])))
        areas = [replay.vmas.areas(pid) for pid in pids]
        return [None if some is None else [(a.start, a.end, bool(a.flags & VM_PAT)) for a in some] for some in areas]

    return run


def test_a_full_remap_is_tracked(followed):
    #  pages 7 8 9 a
    #        V V V V
    assert followed(MAP, 7) == [[(0x7000, 0xB000, True)]]


def test_a_split_makes_two(followed):
    #  pages 7 8 9 a
    #        V V|N N
    split = f"""
app-7 [000] 2.0: __split_vma: {WHOLE} addr=0x9000 new_below=0
app-7 [000] 2.1: vm_area_dup: {WHOLE}
app-7 [000] 2.2: vm_area_dup__ret: ret=0x20
app-7 [000] 2.3: __split_vma__ret: ret=0
"""
    assert followed(MAP + split, 7) == [[(0x7000, 0x9000, True), (0x9000, 0xB000, True)]]


@pytest.mark.parametrize("outer", ["__split_vma: {} addr=0x9000 new_below=0", "copy_vma: {} addr=0x20000 len=0x4000"])
def test_a_copy_that_is_the_same_vma_is_damage_and_it_is_followed_no_more(followed, outer):
    damaged = f"""
app-7 [000] 2.0: {outer.format(WHOLE)}
app-7 [000] 2.1: vm_area_dup: {WHOLE}
app-7 [000] 2.2: vm_area_dup__ret: ret=0x10
app-7 [000] 2.3: {outer.partition(":")[0]}__ret: ret=0
app-7 [000] 2.4: vm_area_free: vma=0x10
"""
    assert followed(MAP + damaged, 7) == [[]]


def test_the_new_half_may_be_the_lower_one(followed):
    split = f"""
app-7 [000] 2.0: __split_vma: {WHOLE} addr=0x8000 new_below=1
app-7 [000] 2.1: vm_area_dup: {WHOLE}
app-7 [000] 2.2: vm_area_dup__ret: ret=0x20
app-7 [000] 2.3: __split_vma__ret: ret=0
app-7 [000] 2.4: vm_area_free: vma=0x20
"""
    assert followed(MAP + split, 7) == [[(0x8000, 0xB000, True)]]


def test_untracking_clears_the_bit(followed):
    assert followed(MAP + f"app-7 [000] 2.0: untrack_pfn: {WHOLE} pfn=0x0 size=0x0", 7) == [[(0x7000, 0xB000, False)]]


def test_fork_copies_into_the_childs_address_space(followed):
    fork = f"""
app-7 [000] 2.0: vm_area_dup: {WHOLE}
app-7 [000] 2.1: vm_area_dup__ret: ret=0x30
app-7 [000] 2.2: untrack_pfn_clear: vma=0x30 mm=0x77 vm_start=0x7000 vm_end=0xb000 {FLAGS}
app-7 [000] 2.3: track_pfn_copy: dst=0x30 {WHOLE}
app-7 [000] 2.4: track_pfn_copy__ret: ret=0
app-7 [000] 2.5: sched_process_fork: comm=app pid=7 child_comm=app child_pid=8
"""
    whole = [(0x7000, 0xB000, True)]
    assert followed(MAP + fork, 7, 8) == [whole, whole]
    assert followed(MAP + fork + "app-7 [000] 3.0: vm_area_free: vma=0x10", 7, 8) == [[], whole]


def test_a_thread_shares_its_address_space(followed):
    thread = "app-7 [000] 2.0: sched_process_fork: comm=app pid=7 child_comm=app child_pid=8"
    assert followed(MAP + thread, 8) == [[(0x7000, 0xB000, True)]]


def test_lost_events_forget_everything(followed):
    assert followed(MAP + "CPU:0 [LOST 3 EVENTS]", 7) == [None]


FORKED = f"""
app-7 [000] 3.0: dup_mmap: mm=0x88 oldmm=0x77
app-7 [000] 3.1: vm_area_dup: {WHOLE}
app-7 [000] 3.2: vm_area_dup__ret: (dup_mmap+0x1/0x9 <- vm_area_dup) ret=0x30
app-7 [000] 3.3: dup_mmap__ret: ret=0
app-7 [000] 3.4: sched_process_fork: comm=app pid=7 child_comm=app child_pid=8
"""


def test_a_split_whose_return_is_missing_takes_no_copy_for_its_own(followed):
    #  pages 7 8 9 a
    #        V V V V     and of another VMA, a split has no return
    open_split = "app-7 [000] 2.0: __split_vma: vma=0x60 mm=0x77 vm_start=0x1000 vm_end=0x3000 addr=0x2000 new_below=0"
    assert followed(MAP + open_split + FORKED, 7) == [[(0x7000, 0xB000, True)]]


def test_a_fork_whose_return_is_missing_is_over_when_the_child_is_there():
    lines = [line for line in (MAP + FORKED).split("\n") if line and "dup_mmap__ret" not in line]
    replay = Replay(Machine(), era_of("vm-pat"), lambda incident: None)
    replay.run(Ftrace().events(Lines.of("trace", lines)))
    assert [frame.api for frame in replay.context.tasks.of(Event(1, 0.0, 0, 7, "app")).frames] == []
    assert replay.context.tasks.lost_returns == 1


def test_a_call_below_an_unmapping_is_compared_with_what_can_be_due_only(monkeypatch):
    compared = []
    monkeypatch.setattr(unmaps, "_is", lambda due, call: compared.append(due.vma) or due.vma == call.vma)
    replay = Replay(Machine(), era_of("vm-pat"), lambda incident: None)
    whole = UnmapVmas(1, 1.0, 0, 7, "app", vma=1, start=0, end=1 << 47, mm=0x77)
    replay.layers.unmaps.due[7] = [Due(whole, "untrack_pfn", vma, -1, 0x1000) for vma in (1, 2, 3)]
    replay.layers.unmaps.enter(MemtypeFree(2, 2.0, 0, 7, "app", start=0xFD000000, end=0xFD001000))
    assert compared == []


# --- whose address space it is ---------------------------------------------------------------------------------

COPY = f"""
app-7 [000] 2.0: vm_area_dup: {WHOLE}
app-7 [000] 2.1: vm_area_dup__ret: (copy_process+0x1/0x9 <- vm_area_dup) ret=0x30
"""
CHILD = "app-7 [000] 2.5: sched_process_fork: comm=app pid=7 child_comm=app child_pid=8\n"
OF_THE_CHILD = f"vma=0x30 mm=0x88 vm_start=0x7000 vm_end=0xb000 {FLAGS}"
FREES = "app-9 [000] 0.1: vm_area_free: vma=0x99\napp-9 [000] 0.2: exit_mmap: mm=0x66\n"
UNTRACKED = [(0x7000, 0xB000, False)]


def test_a_child_whose_address_space_has_no_number_forks_again(followed):
    again = f"""
app-8 [000] 3.0: vm_area_dup: {OF_THE_CHILD}
app-8 [000] 3.1: vm_area_dup__ret: (copy_process+0x1/0x9 <- vm_area_dup) ret=0x40
app-8 [000] 3.5: sched_process_fork: comm=app pid=8 child_comm=app child_pid=9
"""
    assert followed(MAP + COPY + CHILD + again, 8, 9) == [[(0x7000, 0xB000, True)], UNTRACKED]
    gone = "app-8 [000] 3.6: vm_area_free: vma=0x30"
    assert followed(MAP + COPY + CHILD + again + gone, 8, 9) == [[], UNTRACKED]


def test_a_copy_of_a_process_without_such_mappings_is_no_thread(followed):
    copied = "app-7 [000] 2.0: dup_mmap: mm=0x88 oldmm=0x77\napp-7 [000] 2.1: dup_mmap__ret: ret=0\n"
    assert followed(MAP + copied + CHILD, 7, 8) == [[(0x7000, 0xB000, True)], []]


def test_a_driver_that_zaps_a_mapping_does_not_get_its_address_space(followed):
    revoked = f"irq-5 [000] 3.0: unmap_single_vma: {WHOLE} start=0x7000 end=0xb000\n"
    assert followed(MAP + revoked, 7, 5) == [UNTRACKED, None]


def test_a_task_keeps_its_own_address_space_when_it_untracks_anothers_mapping(followed):
    other = MAP.replace("app-7", "srv-5").replace("vma=0x10 mm=0x77", "vma=0x20 mm=0x55").replace("0xfd000", "0xfe000")
    revoked = f"srv-5 [000] 3.0: untrack_pfn: {WHOLE} pfn=0x0 size=0x0\n"
    assert followed(MAP + other + revoked, 5, 7) == [[(0x7000, 0xB000, True)], UNTRACKED]


def test_a_task_that_unmaps_shows_its_address_space(followed):
    gone = f"""
app-8 [000] 3.0: unmap_vmas: vma=0x30 start=0x7000 end=0xb000
app-8 [000] 3.1: unmap_single_vma: {OF_THE_CHILD} start=0x7000 end=0xb000
app-8 [000] 3.2: vm_area_free: vma=0x30
"""
    assert followed(gone, 8) == [[]]


def test_whoever_tears_an_address_space_down_does_not_get_it(followed):
    over = f"""
ps-6 [000] 3.0: exit_mmap: mm=0x77
ps-6 [000] 3.1: unmap_vmas: vma=0x10 start=0x0 end=0xffffffffffffffff
ps-6 [000] 3.2: unmap_single_vma: {WHOLE} start=0x0 end=0xffffffffffffffff
ps-6 [000] 3.3: untrack_pfn: {WHOLE} pfn=0x0 size=0x0
"""
    assert followed(MAP + over, 6) == [None]


def test_a_zap_by_another_task_names_the_address_space_of_a_child_but_not_its_own(followed):
    revoked = f"irq-5 [000] 3.0: unmap_single_vma: {OF_THE_CHILD} start=0x7000 end=0xb000\n"
    free = "app-8 [000] 3.5: vm_area_free: vma=0x30\n"
    assert followed(FREES + MAP + COPY + CHILD + revoked, 5, 8) == [None, UNTRACKED]
    assert followed(FREES + MAP + COPY + CHILD + revoked + free, 5, 8) == [None, []]


def test_a_fault_in_the_address_space_of_another_task_is_no_change_of_address_space(followed):
    other = MAP.replace("app-7", "srv-5").replace("vma=0x10 mm=0x77", "vma=0x20 mm=0x55").replace("0xfd000", "0xfe000")
    fault = f"srv-5 [000] 3.0: vmf_insert_pfn_prot: {WHOLE} addr=0x7000 pfn=0xfd000 pgprot=0x0\n"
    gone = "srv-5 [000] 4.0: vm_area_free: vma=0x20\n"
    assert followed(MAP + other + fault + gone, 5, 7) == [[], [(0x7000, 0xB000, True)]]


def test_a_fork_begins_where_the_vmas_of_the_last_one_begin_again(followed):
    second = COPY.replace("ret=0x30", "ret=0x40").replace("2.", "3.")
    named = f"""
app-9 [000] 4.0: __split_vma: {OF_THE_CHILD} addr=0x8000 new_below=0
app-9 [000] 4.1: __split_vma__ret: ret=-12
app-6 [000] 5.0: __split_vma: {OF_THE_CHILD.replace("0x30", "0x40").replace("0x88", "0x99")} addr=0x8000 new_below=0
app-6 [000] 5.1: __split_vma__ret: ret=-12
"""  # and no event shows that there was a fork
    whole = [(0x7000, 0xB000, True)]
    assert followed(MAP + COPY + second + named, 7, 9, 6) == [whole, whole, whole]


# --- forks that fail ---------------------------------------------------------------------------------------------


FAILED = FORKED.replace("ret=0\n", "ret=-12\n").split("app-7 [000] 3.4")[0]
THREAD = "app-7 [000] 4.0: sched_process_fork: comm=app pid=7 child_comm=app child_pid=8\n"


def test_a_thread_after_a_fork_that_failed_shares_the_address_space(followed):
    assert followed(MAP + FAILED + THREAD, 8) == [[(0x7000, 0xB000, True)]]


def test_a_fork_that_fails_later_leaves_its_address_space_to_nobody(followed):
    later = """
app-7 [000] 3.4: exit_mmap: mm=0x88
app-7 [000] 3.5: unmap_vmas: vma=0x30 start=0x0 end=0xffffffffffffffff
"""
    copied = FORKED.split("app-7 [000] 3.4", maxsplit=1)[0]
    assert followed(MAP + copied + later + THREAD, 7, 8) == [[(0x7000, 0xB000, True)]] * 2
    assert followed(MAP + COPY + later + THREAD, 7, 8) == [[(0x7000, 0xB000, True)]] * 2  # no event shows its number


# --- calls that lost their return ----------------------------------------------------------------------------------


def test_a_return_is_heard_where_an_inner_call_of_the_kind_lost_its_own(followed):
    lost = "\n".join(line for line in MAP.split("\n") if "track_pfn_remap__ret" not in line)
    assert followed(lost, 7) == [UNTRACKED]


def test_what_a_task_had_called_is_over_with_it():
    lines = ["app-7 [000] 1.0: remap_pfn_range: " + NEW + " addr=0x7000 pfn=0xfd000 size=0x4000"]
    lines.append("app-9 [000] 0.5: track_pfn_remap__ret: ret=0")
    lines.append("app-7 [000] 2.0: sched_process_exit: comm=app pid=7 prio=120")
    replay = Replay(Machine(), era_of("vm-pat"), lambda incident: None)
    replay.context.recorded.add("track_pfn_remap")
    replay.run(Ftrace().events(Lines.of("trace", lines)))
    assert replay.layers.waiting == {}

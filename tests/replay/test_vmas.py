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

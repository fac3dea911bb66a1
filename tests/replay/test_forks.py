"""Recorded forks: a child that never came to be holds nothing."""

import pytest

from pat_check import api
from pat_check.eras import era_of
from pat_check.model.machine import Machine
from pat_check.replay.loop import Replay
from pat_check.sources.ftrace import Ftrace
from pat_check.sources.opening import Lines

TRACE = """\
# tracer: nop
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.0: dup_mmap: mm=0x99 oldmm=0x77
app-7 [000] 2.1: dup_mmap__ret: ret={ret}
app-7 [000] 3.0: exit_mmap: mm=0x77
app-7 [000] 3.1: sched_process_exit: comm=app pid=7 prio=120
"""


@pytest.mark.parametrize(("ret", "severity"), [("-12", "error"), ("0", "info")])
def test_a_child_shares_a_reservation_only_when_its_fork_succeeds(tmp_path, ret, severity):
    (tmp_path / "trace.txt").write_text(TRACE.format(ret=ret))
    (tmp_path / "list.txt").write_text("PAT memtype list:\n")
    options = api.Options(era="pfnmap-ctx", memtypes=str(tmp_path / "list.txt"))
    (leak,) = api.check([str(tmp_path / "trace.txt")], options).findings
    assert (leak.rule, str(leak.severity)) == ("memtype-leak", severity)


STRICT = """\
# tracer: nop
app-7 [000] 2.0: reserve_pfn_range: paddr=0xfd000000 size=0x2000 prot=0x800000000000002f strict=1
app-7 [000] 2.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.2: memtype_reserve__ret: ret=0
app-7 [000] 2.3: reserve_pfn_range__ret: ret=0
app-7 [000] 2.5: sched_process_fork: comm=app pid=7 child_comm=app child_pid=8
"""
LOST = "CPU:0 [LOST 3 EVENTS]\n"


@pytest.mark.parametrize(
    ("trace", "owner"),
    [
        (STRICT, "app:8 (fork)"),
        (STRICT.replace("strict=1", "strict=0"), "app:7 (remap_pfn_range)"),
        (STRICT.replace("\n", "\n" + LOST, 1), "app (reserve_pfn_range)"),
        (STRICT.replace("strict=1", "strict=0").replace("\n", "\n" + LOST, 1), "app:7 (remap_pfn_range)"),
    ],
)
def test_a_strict_reservation_is_of_the_child_that_comes_next_unless_that_may_be_lost(trace, owner):
    replay = Replay(Machine(), era_of("vm-pat"), lambda incident: None)
    replay.run(Ftrace().events(Lines.of("trace", trace.splitlines())))
    assert [str(node.owner) for node in replay.context.machine.memtypes] == [owner]

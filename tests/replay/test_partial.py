"""Recordings that hold only a part: what is missing is not held against the kernel."""

from pat_check import api

CONTEXT = "             app-7       [000] .....     {time:.6f}: "


def recorded(tmp_path, *events, end="\n"):
    lines = [CONTEXT.format(time=1 + at / 1000) + event for at, event in enumerate(events)]
    (tmp_path / "list.txt").write_text("PAT memtype list:\n")
    (tmp_path / "trace.txt").write_text("# tracer: nop\n" + "\n".join(lines) + end)
    report = api.check(
        [str(tmp_path / "trace.txt")], api.Options(era="vm-pat-6.12", memtypes=str(tmp_path / "list.txt"))
    )
    return [(finding.rule, str(finding.severity)) for finding in report.findings]


RESERVED = (
    "remap_pfn_range: (remap_pfn_range) vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 "
    "pfn=0xfd000 size=0x2000",
    "memtype_reserve: (memtype_reserve) start=0xfd000000 end=0xfd002000 req=2",
    "memtype_reserve__ret: (remap_pfn_range+0x1/0x9 <- memtype_reserve) ret=0",
    "remap_pfn_range__ret: (mmap+0x1/0x9 <- remap_pfn_range) ret=0",
    "exit_mmap: (exit_mmap) mm=0x77",
)
FREE = "memtype_free: (memtype_free) start=0xfd000000 end=0xfd002000"
FREED = "memtype_free__ret: (untrack_pfn+0x1/0x9 <- memtype_free) ret=0"
ERASED = "memtype_erase__ret: (memtype_free+0x1/0x9 <- memtype_erase) ret=0xff11000101696000"


def test_a_trace_that_stops_inside_an_exit_shows_no_leak(tmp_path):
    assert recorded(tmp_path, *RESERVED) == [("memtype-leak", "info")]
    assert recorded(tmp_path, *RESERVED, FREE) == [("memtype-leak", "info")]


def test_an_exit_that_returns_is_over(tmp_path):
    over = "exit_mmap__ret: (mmput+0x1/0x9 <- exit_mmap) ret=0"
    assert recorded(tmp_path, *RESERVED, over) == [("memtype-leak", "error")]
    assert recorded(tmp_path, *RESERVED, FREE, FREED, over) == []


def test_the_return_of_memtype_erase_alone_frees(tmp_path):
    assert recorded(tmp_path, *RESERVED, FREE, ERASED, FREED) == []


def test_a_range_that_lost_its_last_digits_is_a_torn_line(tmp_path):
    found = recorded(tmp_path, *RESERVED, FREE.removesuffix("00"), end="")
    assert found == [("memtype-leak", "info"), ("trace-truncated", "warning")]

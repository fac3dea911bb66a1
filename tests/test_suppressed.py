"""A kernel log that suppressed messages is incomplete for those messages only."""

import pytest

from pat_check import api

TRACE = """# tracer: nop
             app-7       [000] .....     1.000000: memtype_free: (memtype_free+0x0/0x9) start=0xfd000000 end=0xfd001000
             app-7       [000] .....     1.000001: memtype_free__ret: (x+0x1/0x9 <- memtype_free) ret=-22
             app-7       [000] .....     9.000000: sched_process_exit: comm=app pid=7 prio=120
"""
OTHER = "[    0.9] x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT\n"
LATER = "[    9.0] x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT\n"


@pytest.fixture
def complaints(tmp_path):
    """How often a message is missed in the kernel log beside a trace."""

    def run(said):
        (tmp_path / "snaps").mkdir()
        (tmp_path / "snaps" / "snap-00-x.txt").write_text("PAT memtype list:\n")
        (tmp_path / "trace.txt").write_text(TRACE)
        (tmp_path / "dmesg.txt").write_text(OTHER + said + LATER)
        findings = api.check([str(tmp_path)]).findings
        return [one.rule for root in findings for one in root.all()].count("dmesg-unexplained")

    return run


def test_a_missing_complaint_is_told(complaints):
    assert complaints("") == 1


def test_a_complaint_may_be_suppressed(complaints):
    assert complaints("[    1.0] memtype_free: 2 callbacks suppressed\n") == 0


def test_a_complaint_may_be_dropped(complaints):
    assert complaints("** 2 printk messages dropped **\n") == 0


@pytest.mark.parametrize("function", ["reserve_pfn_range", "net_ratelimit"])
def test_suppressed_messages_of_another_function_hide_none(complaints, function):
    assert complaints(f"[    1.0] {function}: 2 callbacks suppressed\n") == 1

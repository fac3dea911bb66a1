"""A call that never returns, or a return of a call that never came, in the midst of a recording that is whole."""

import pytest

from pat_check import api

COPY = """
vm_area_dup: vma=0x10 mm=0x77 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71
vm_area_dup__ret: (__split_vma+0x2f/0x260 <- vm_area_dup) ret=0x20
"""
SPLIT = f"""
__split_vma: vma=0x10 mm=0x77 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71 addr=0x1800 new_below=0
{COPY.strip()}
__split_vma__ret: ret=0
"""
MARK = "tracing_mark_write: here\n"
CALL, RETURN = COPY.strip().split("\n")
PROFILE = "".join(
    f"  {name}  9  {{missed}}\n" for name in ("vm_area_dup", "vm_area_dup__ret", "__split_vma", "__split_vma__ret")
)
NO_RETURN = "vm_area_dup has no return in the recording; the model predicts one before that of __split_vma()"
NO_CALL = "vm_area_dup has no call in the recording; the model predicts one before its return"
TORN = SPLIT.replace(RETURN + "\n", "")
HEADLESS = SPLIT.replace(CALL + "\n", "")
WHOLE = MARK + SPLIT


@pytest.fixture
def halves(tmp_path):
    """What is said of lost halves: message and severity."""

    def run(trace, missed=None):
        folder = tmp_path / "capture"
        folder.mkdir(exist_ok=True)
        lines = [line for line in trace.split("\n") if line]
        text = "\n".join(
            line if line.startswith("CPU") else f"app-7 [000] {at:03}.0: {line}" for at, line in enumerate(lines)
        )
        (folder / "trace.txt").write_text(text + "\n")
        if missed is not None:
            (folder / "kprobe_profile.txt").write_text(PROFILE.format(missed=missed))
        report = api.check([str(folder)], api.Options(era="vm-pat-6.12"))
        every = [one for root in report.findings for one in root.all()]
        return [(one.message, str(one.severity)) for one in every if "in the recording" in one.message]

    return run


@pytest.mark.parametrize(("torn", "message"), [(TORN, NO_RETURN), (HEADLESS, NO_CALL)], ids=["return", "call"])
def test_a_lost_half_is_told_and_a_warning_where_no_probe_has_missed_any(halves, torn, message):
    assert halves(WHOLE + torn + SPLIT) == [(message, "info")]
    assert halves(WHOLE + torn + SPLIT, missed=0) == [(message, "warning")]


def test_a_call_without_a_caller_is_over_when_the_task_goes_on(halves):
    message = "__split_vma has no return in the recording; the model predicts one before the task goes on"
    torn = SPLIT.replace("__split_vma__ret: ret=0\n", "")
    assert halves(WHOLE + torn + MARK + SPLIT, missed=0) == [(message, "warning")]
    again = message.replace("the task goes on", "the next call of __split_vma()")
    assert halves(WHOLE + torn + SPLIT, missed=0) == [(again, "warning")]


@pytest.mark.parametrize("torn", [TORN, HEADLESS], ids=["return", "call"])
def test_a_lost_half_is_nobodys_fault(halves, torn):
    assert halves(WHOLE + torn + SPLIT, missed=1) == [], "the kernel says that its probes missed some"
    assert halves(WHOLE + torn) == [], "the probe may have been taken away by then"
    assert halves(WHOLE + torn, missed=0) != [], "but for the counts"
    assert halves(torn + SPLIT, missed=0) == [], "the probe may have been set later, the call begun before"
    assert halves(WHOLE + torn * 3 + SPLIT, missed=0) == [], "a filter"
    assert halves(WHOLE + torn + "CPU:0 [LOST 3 EVENTS]\n" + SPLIT, missed=0) == []
    assert halves(WHOLE + TORN + HEADLESS + SPLIT, missed=0) == [], "clocks that differ"


def test_a_task_that_ends_inside_a_call_has_not_lost_its_return(halves):
    ends = "__split_vma: vma=0x10 mm=0x77 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71 addr=0x1800 new_below=0\n"
    gone = "sched_process_exit: comm=app pid=7 prio=120\n"
    assert halves(WHOLE + ends + gone + SPLIT, missed=0) == []

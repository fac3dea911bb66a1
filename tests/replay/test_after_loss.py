"""A list of reservations gives the state again after a loss, but not what each task was in the midst of."""

import pytest

from pat_check import api
from tests.replay.test_absent import ENDS, FORK, IOMEM, MOVE, OUTSIDE, UNMAP, VMA, functions_of

CHECKPOINT = "app-9 [001] 3.3: tracing_mark_write: patlab:checkpoint 0 mapped"
UNTRACKS = f"app-7 [000] 6.15: untrack_pfn: {VMA} pfn=0x0 size=0x0\n"
FREES = "app-7 [000] 9.0: vm_area_free: vma=0x10\n"
BROKEN = {"loss": "CPU:0 [LOST 3 EVENTS]", "nonsense": "nonsense"}
WHOLE = {
    "fork": FORK + FORK,
    "move": MOVE + FREES,
    "unmap": UNMAP.replace("app-7 [000] 6.2", f"{UNTRACKS}app-7 [000] 6.2"),
    "end": ENDS.replace("app-7 [000] 8.3", f"{UNTRACKS}app-7 [000] 8.3") + FREES,
}
PROBED = "".join(WHOLE.values())


def rows(text):
    return [row for row in text.split("\n") if row]


def cut(text):
    """Recordings in which events are lost before all this, or one in the midst of it, and a list is saved somewhere."""
    whole = rows(text)
    for at in range(1, len(whole)):
        yield lambda lost, at=at: [lost, *whole[:at], CHECKPOINT, *whole[at:]]
        yield lambda lost, at=at: [*whole[: at - 1], lost, CHECKPOINT, *whole[at:]]


@pytest.mark.parametrize("lost", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_nothing_is_missed_that_may_be_lost(text, lost, tmp_path):
    (tmp_path / "snaps").mkdir()
    (tmp_path / "snaps" / "snap-00-mapped.txt").write_text("PAT memtype list:\n")
    (tmp_path / "iomem.txt").write_text(IOMEM)
    (tmp_path / "kprobe_profile.txt").write_text("".join(f"  {name}  1  0\n" for name in functions_of(PROBED)))
    told = []
    for recording in cut(text):
        lines = [OUTSIDE, *recording(lost)]
        (tmp_path / "trace.txt").write_text("".join(line + "\n" for line in lines))
        report = api.check([str(tmp_path)], api.Options(era="vm-pat-6.12"))
        told += [
            (one.line, one.message, lines) for root in report.findings for one in root.all() if "model" in one.rule
        ]
    assert told == []

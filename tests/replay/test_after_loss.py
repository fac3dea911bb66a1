"""A list of reservations gives the state again after a loss, but not what each task was in the midst of."""

import pytest

from pat_check import api
from pat_check.session import Options, Session
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


MAPPED = f"""
app-7 [000] 1.0: track_pfn_remap: {VMA} addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.2: memtype_check_insert: start=0xfd000000 end=0xfd002000 type=2
app-7 [000] 1.3: memtype_check_insert__ret: ret=0
app-7 [000] 1.4: memtype_reserve__ret: ret=0
app-7 [000] 1.5: track_pfn_remap__ret: ret=0
"""
FREED = f"""
app-8 [000] 5.0: untrack_pfn: {VMA.replace("mm=0x77", "mm=0x88")} pfn=0x0 size=0x0
app-8 [000] 5.1: memtype_free: start=0xfd000000 end=0xfd002000
app-8 [000] 5.2: memtype_free__ret: ret=0
"""


@pytest.mark.parametrize(("lost", "severity"), [([], "error"), ([BROKEN["loss"]], "info")], ids=["whole", "loss"])
def test_a_list_does_not_say_whose_a_reservation_is(lost, severity, tmp_path):
    """The fork that gave it to the child may be lost."""
    (tmp_path / "snaps").mkdir()
    listed = "PAT memtype list:\nPAT: [mem 0x00000000fd000000-0x00000000fd002000] uncached-minus\n"
    (tmp_path / "snaps" / "snap-00-mapped.txt").write_text(listed)
    (tmp_path / "snaps" / "snap-01-before.txt").write_text("PAT memtype list:\n")
    before = CHECKPOINT.replace("checkpoint 0 mapped", "checkpoint 1 before")
    lines = [before, *rows(MAPPED), *lost, CHECKPOINT, *rows(FREED)]
    (tmp_path / "trace.txt").write_text("".join(line + "\n" for line in lines))
    report = api.check([str(tmp_path)], api.Options(era="vm-pat-6.12"))
    found = [one.severity.name.lower() for root in report.findings for one in root.all() if "foreign" in one.rule]
    assert found == [severity]


@pytest.mark.parametrize("lost", [True, False], ids=["insert", "nothing"])
def test_what_may_have_been_inserted_is_no_ram(lost, tmp_path):
    """Where memtype_check_insert() is a line that cannot be read."""
    other = MAPPED.replace("fd00", "fe00").replace("vma=0x10", "vma=0x20")
    lines = [*rows(MAPPED), *rows(other)]
    if lost:
        lines[6 + 2] = BROKEN["nonsense"]
        lines[6 + 3] = "more of it"
    (tmp_path / "trace.txt").write_text("".join(line + "\n" for line in lines))
    session = Session(str(tmp_path), Options(era="vm-pat-6.12"), lambda incident: None)
    session.run()
    assert session.replay.context.machine.ram.test(0xFE000000, 0xFE002000) == 0

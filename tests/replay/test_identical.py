"""Identical reservations have no identity in the kernel; whose is whose is decided by the calls around a free."""

import pytest

from pat_check import api

REMAP = "vma=0x{0} mm=0x77 vm_start=0x{0}000 vm_end=0x{0}2000 addr=0x{0}000 pfn=0xfd000 size=0x2000"
HELD = f"""\
# tracer: nop
app-7 [000] 1.0: remap_pfn_range: {REMAP.format(7)}
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.2: memtype_reserve__ret: ret=0
app-7 [000] 1.3: remap_pfn_range__ret: ret=0
app-7 [000] 2.0: remap_pfn_range: {REMAP.format(9)}
app-7 [000] 2.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 2.2: memtype_reserve__ret: ret=0
"""
GIVEN_BACK = """\
app-7 [000] 2.3: memtype_free: start=0xfd000000 end=0xfd002000
app-7 [000] 2.4: memtype_free__ret: ret=0
"""
FAILED = "app-7 [000] 2.5: remap_pfn_range__ret: ret=-22\n"


@pytest.mark.parametrize(("inside", "found"), [(GIVEN_BACK, False), ("", True)])
def test_a_call_that_fails_gives_back_its_own_reservation_and_not_an_older_one(tmp_path, inside, found):
    (tmp_path / "trace.txt").write_text(HELD + inside + FAILED)
    (tmp_path / "memtypes.txt").write_text("PAT memtype list:\n")
    report = api.check([str(tmp_path / "trace.txt")], api.Options(memtypes=str(tmp_path / "memtypes.txt")))
    assert ("tracking-remap-leak" in {finding.rule for finding in report.findings}) is found


def life(pid, *, at, frees):
    """A process with the address space 0x77 maps 8 KiB, and gives them back or not."""
    freed = f"app-{pid} [000] {at}.4: untrack_pfn: vma=0x7 mm=0x77 vm_start=0x7000 vm_end=0x72000 pfn=0x0 size=0x0\n"
    freed += f"app-{pid} [000] {at}.5: memtype_free: start=0xfd000000 end=0xfd002000\n"
    freed += f"app-{pid} [000] {at}.6: memtype_free__ret: ret=0\n"
    return f"""\
app-{pid} [000] {at}.0: remap_pfn_range: {REMAP.format(7)}
app-{pid} [000] {at}.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-{pid} [000] {at}.2: memtype_reserve__ret: ret=0
app-{pid} [000] {at}.3: remap_pfn_range__ret: ret=0
{freed if frees else ""}app-{pid} [000] {at}.7: exit_mmap: mm=0x77
app-{pid} [000] {at}.8: exit_mmap__ret: ret=0
"""


@pytest.mark.parametrize("others", [0, 40])
def test_what_an_address_space_left_is_not_that_of_a_later_one_with_its_number(tmp_path, others):
    """Whether few or many others hold the same range."""
    beside = "".join(
        f"b-{pid} [000] 1.0: remap_pfn_range: {REMAP.format(7).replace('mm=0x77', f'mm={pid:#x}')}\n"
        f"b-{pid} [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2\n"
        f"b-{pid} [000] 1.2: memtype_reserve__ret: ret=0\nb-{pid} [000] 1.3: remap_pfn_range__ret: ret=0\n"
        for pid in range(1000, 1000 + others)
    )
    lives = life(7, at=2, frees=False) + life(8, at=3, frees=True) + life(9, at=4, frees=True)
    (tmp_path / "trace.txt").write_text("# tracer: nop\n" + beside + lives)
    (tmp_path / "memtypes.txt").write_text("PAT memtype list:\n")
    report = api.check([str(tmp_path / "trace.txt")], api.Options(memtypes=str(tmp_path / "memtypes.txt")))
    leaks = [finding.message for finding in report.findings if "is gone" in finding.message]
    assert [("app:7" in leak, "and" in leak.partition("is leaked")[0]) for leak in leaks] == [(True, False)]
    assert not [one.rule for one in report.findings if one.rule == "memtype-foreign-free"]

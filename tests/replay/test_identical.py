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

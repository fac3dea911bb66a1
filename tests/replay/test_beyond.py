"""remap_pfn_range() beyond its VMA, as a recording shows it."""

import pytest

from pat_check import api

CALL = (
    "app-7 [000] 1.000000: remap_pfn_range: (remap_pfn_range+0x0/0x10) vma=0xffff888001 mm=0xffff888002 "
    "vm_start=0x7f0000200000 vm_end=0x7f0000204000 vm_flags=0x40444fb addr={addr} pfn=0xfd000 size={size} prot=0x37\n"
    "app-7 [000] 1.000100: remap_pfn_range__ret: (handler+0x1/0x9 <- remap_pfn_range) ret={ret}\n"
)


def found(tmp_path, addr, size, ret="0x0"):
    path = tmp_path / "trace.txt"
    path.write_text(CALL.format(addr=addr, size=size, ret=ret))
    report = api.check([str(path)], api.Options(era="pfnmap-ctx"))
    return [one for one in report.findings if one.rule == "mapping-beyond-vma"]


@pytest.mark.parametrize(
    ("addr", "size"),
    [("0x7f0000200000", "0x8000"), ("0x7f0000202000", "0x4000"), ("0x7f00001ff000", "0x4000")],
)
def test_what_reaches_out_of_its_mapping_is_told(addr, size, tmp_path):
    (finding,) = found(tmp_path, addr, size)
    assert finding.line == 2
    assert "goes beyond its mapping" in finding.message
    assert [note.line for note in finding.notes] == [1]


@pytest.mark.parametrize(("addr", "size"), [("0x7f0000200000", "0x4000"), ("0x7f0000202000", "0x1800")])
def test_what_stays_inside_is_not(addr, size, tmp_path):
    assert found(tmp_path, addr, size) == []


def test_a_call_that_fails_maps_nothing(tmp_path):
    assert found(tmp_path, "0x7f0000200000", "0x8000", ret="0xffffffea") == []

"""BARs with their names."""

import io

import pytest

from pat_check import api
from pat_check.errors import TraceError
from pat_check.places import Places
from pat_check.sources.bars import name_bars, read_bars
from pat_check.sources.iomem import read_iomem
from pat_check.sources.opening import lines_of

IOMEM = """\
c0000000-febfffff : PCI Bus 0000:00
  feb80000-feb9ffff : 0000:00:03.0
    feb80000-feb9ffff : e1000e
  fc000000-fcffffff : 0000:00:04.0
"""
BARS = """\
0xfeb80000-0xfeb9ffff 0000:00:03.0 bar0 8086:10d3 e1000e

0xfc000000-0xfcffffff 0000:00:04.0 bar2 1af4:1110 - prefetchable
0x100000000-0x1000fffff 0000:00:05.0 bar4 1234:1111 -
"""


def lines(text):
    return lines_of(io.BytesIO(text.encode()), "sample")


def test_a_range_lies_in_a_bar_with_its_number():
    places = Places(name_bars(read_iomem(lines(IOMEM)), read_bars(lines(BARS))))
    assert places.name(0xFEB80000, 0xFEB81000) == "e1000e (0000:00:03.0 BAR 0)"
    assert places.name(0xFC001000, 0xFC002000) == "0000:00:04.0 BAR 2 (PCI Bus 0000:00)"
    assert places.name(0xFC001000, 0xFD001000) == "PCI Bus 0000:00"


def test_a_bar_needs_no_iomem():
    places = Places(name_bars([], read_bars(lines(BARS))))
    assert places.name(0x100000000, 0x100100000) == "0000:00:05.0 BAR 4"
    assert places.name(0x100000000, 0x100100001) == ""


@pytest.mark.parametrize(
    "line",
    ["fc000000-fcffffff 0000:00:04.0 bar2", "0xfc-0xfd x bar2", "0xfc000000-0xfc 0000:00:04.0 bar2", "0x1-0x2 00:04.0"],
)
def test_a_bad_line_is_told_with_its_number(line):
    with pytest.raises(TraceError) as caught:
        read_bars(lines(f"\n{line}\n"))
    assert caught.value.at == 2


def test_a_capture_names_the_bar_of_a_finding(tmp_path):
    story = [
        "memtype_free: (memtype_free+0x0) start=0xfc000000 end=0xfc001000",
        "memtype_free__ret: (a <- memtype_free) ret=-22",
    ]
    head = "          patlab-7       [000] ..... "
    (tmp_path / "trace.txt").write_text("".join(f"{head}{at}.0: {line}\n" for at, line in enumerate(story, 1)))
    (tmp_path / "iomem.txt").write_text(IOMEM)
    (tmp_path / "bars.txt").write_text(BARS)
    (finding,) = api.check([str(tmp_path)]).findings
    assert finding.place == "0000:00:04.0 BAR 2 (PCI Bus 0000:00)"
    (tmp_path / "bars.txt").write_text("x\n")
    report = api.check([str(tmp_path)])
    assert {found.place for found in report.findings if found.start > 0} == {"0000:00:04.0 (PCI Bus 0000:00)"}
    assert "trace-malformed" in {found.rule for found in report.findings}

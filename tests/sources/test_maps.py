"""Saved mappings of processes."""

import io

import pytest

from pat_check.errors import TraceError
from pat_check.sources.maps import Area, read_maps
from pat_check.sources.opening import lines_of

MAPS = b"""== pid 879
7fcc34126000-7fcc34132000 rw-s 185c00000 00:17 14674                     /sys/devices/pci0000:00/resource2_wc
Rss:                   0 kB
VmFlags: rd wr sh mr mw ms pf io de ar dd sd
== pid 880
"""


def read(data):
    return read_maps(lines_of(io.BytesIO(data), "maps.txt"))


def test_mappings_stand_below_their_process():
    flags = frozenset(("rd", "wr", "sh", "mr", "mw", "ms", "pf", "io", "de", "ar", "dd", "sd"))
    assert read(MAPS) == {879: [Area(0x7FCC34126000, 0x7FCC34132000, flags)], 880: []}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"7000-8000 rw-s 0 00:17 1 /x\n", r"maps\.txt:1: a mapping comes before"),
        (b"== pid 7\nVmFlags: rd\n", r"maps\.txt:2: VmFlags belong to no mapping"),
        (b"== pid 7\n\x1b[31m what is this\n", r"maps\.txt:2: is no line of smaps"),
    ],
)
def test_a_damaged_file_is_told_with_its_line(data, message):
    with pytest.raises(TraceError, match=message):
        read(data)

"""B16: a driver whose vm_ops->open() zaps what it gets, as vfio-pci did, untracks in the middle of a split."""

import pytest

from pat_check.eras import ERAS
from tests.scenario.stories import broken

MAPPED = """
app: v = mmap 32K, card, zap-on-open
app: remap_pfn_range v, fb, 32K
"""

#  pages    01234567
#  mapped   uuuuuuuu
#  the head ----        is new to the kernel when it is cut off: its open callback zaps it before the munmap does
HEAD_GOES = """
app: munmap v, 16K                        #! memtype-invalid-free@vm-pat* tracking-first-pte@unmap-region
expect dmesg "freeing invalid memtype"    @vm-pat*
expect dmesg "WARNING: get_pat_info"      @unmap-region
expect dmesg none                         @pfnmap-ctx
expect memtypes fb = [0, 32K) uc-
expect pte v + 16K = fb + 16K uc-
"""
#  pages    01234567
#  middle     --        and what lies above it are new one after the other
MIDDLE_GOES = """
app: munmap v + 8K, 8K                    #! tracking-first-pte@unmap-region
expect memtypes fb = [0, 8K) uc-          @vm-pat*
expect memtypes fb = [0, 32K) uc-         @!vm-pat*
expect pte v = fb uc-
expect pte v + 16K = none
"""
#  pages    01234567
#  read     ----        mprotect makes the lower part the new one
HEAD_READ_ONLY = """
app: mprotect v + 16K, 16K, ro            #! memtype-invalid-free@vm-pat*
expect pte v = none
expect pte v + 16K = fb + 16K uc-
"""
MOVED = """
app: w = mremap v, 32K, 32K               #! tracking-first-pte@vm-pat*
expect dmesg "WARNING: get_pat_info"      @vm-pat*
expect dmesg none                         @!vm-pat*
expect pte w = fb uc-
expect memtypes fb = [0, 32K) uc-
"""
FORKED = """
app: fork child
expect ret = 0
expect pte v = fb uc-
"""


@pytest.mark.parametrize("era", ERAS, ids=str)
@pytest.mark.parametrize(
    "then",
    [HEAD_GOES, MIDDLE_GOES, HEAD_READ_ONLY, MOVED, FORKED],
    ids=["head", "middle", "mprotect", "mremap", "fork"],
)
def test_the_open_callback_zaps_what_is_new(then, era):
    assert broken(MAPPED + then, era) == []

"""Golden vectors: short stories with the tree that real kernels had after each step, through the whole replay.

Every story is told twice: once as a recording with results, which the model must agree with, and once without any,
so that the model alone decides.
"""

import errno

import pytest

from pat_check import events, incidents
from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.eras import ERAS, era_of
from pat_check.events import Return
from pat_check.model import operations
from pat_check.model.machine import Machine
from pat_check.model.memory import Mtrr, Ram
from pat_check.model.tree import validate_tree
from pat_check.replay.loop import Replay

PAGE = 4096
BAR = 0xFD000000
"""Where page 0 of the maps lies: a device, and the MTRRs say uncachable."""
VIRTUAL = 0xFFFFC90000000000
BUSY, INVALID = -errno.EBUSY, -errno.EINVAL
COLUMNS = ("vm-pat", "pfnmap-ctx")


class Kernel:
    """One machine with 2 GiB of RAM that speaks to a replay in page numbers from `base`."""

    def __init__(self, era, *, recorded, base=BAR):
        machine = Machine(Ram([(0x1000, 0x9FC00), (0x100000, 0x80000000)]), Mtrr([(0xC0000000, 1 << 32, "uncachable")]))
        machine.origin_known = True
        self.incidents = []
        self.replay = Replay(machine, era, self.incidents.append)
        self.replay.context.probes_seen = True
        self.machine, self.era, self.recorded, self.base = machine, era, recorded, base
        self.at = 0

    @property
    def column(self):
        """The column of the golden table that holds for this era: its own, or that of an ancestor."""
        era = self.era
        while era.name not in COLUMNS:
            era = era_of(era.before)
        return era.name

    def either(self, vm_pat, pfnmap_ctx):
        """What this era's column says."""
        return {"vm-pat": vm_pat, "pfnmap-ctx": pfnmap_ctx}[self.column]

    def hear(self, kind, *fields):
        self.at += 1
        self.replay.run([kind(self.at, self.at / 1000, 0, 500, "patlab", *fields)])
        validate_tree(self.machine.memtypes)

    def returned(self, call, api, ret, got=-1):
        self.hear(Return, call, api, ret, got)

    def bytes_of(self, first, last):
        return self.base + first * PAGE, self.base + last * PAGE

    def reserve(self, first, last, req, *, ret=0, got=-1, strict=False):
        """memtype_reserve() of pages [first, last); `ret` and `got` are what the golden kernel answered."""
        newp = 0 if strict else VIRTUAL
        self.hear(events.MemtypeReserve, *self.bytes_of(first, last), req, newp)
        answer = (ret, got) if self.recorded else (None, -1)
        self.returned(events.MemtypeReserve, "memtype_reserve", *answer)

    def free(self, first, last, *, ret=0):
        """memtype_free() of pages [first, last)."""
        self.hear(events.MemtypeFree, *self.bytes_of(first, last))
        self.returned(events.MemtypeFree, "memtype_free", ret if self.recorded else None)

    def ioremap(self, first, last, pcm, *, got):
        """ioremap() in one of its flavours: a reservation inside, then an address."""
        start, end = self.bytes_of(first, last)
        self.hear(events.IoremapCaller, start, end - start, pcm)
        self.reserve(first, last, pcm, got=got)
        self.returned(events.IoremapCaller, "__ioremap_caller", VIRTUAL + self.at * PAGE)

    @property
    def pages(self):
        """The tree: (first page, last page, type) in its order."""
        nodes = [(node.start - self.base, node.end - self.base, node.type) for node in self.machine.memtypes]
        return [(start // PAGE, end // PAGE, type_) for start, end, type_ in nodes]

    @property
    def noticed(self):
        """The kinds of incident so far."""
        return [type(incident).__name__ for incident in self.incidents]

    @property
    def complaints(self):
        """The messages that the kernel must have printed: (row of memtype.md section 13, first page, last page)."""
        rest = self.replay.messages.expected.console.rest()
        return [(one.number, (one.start - self.base) // PAGE, (one.end - self.base) // PAGE) for one in rest]


@pytest.fixture(params=ERAS, ids=str)
def era(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["recorded", "predicted"])
def recorded(request):
    return request.param


@pytest.fixture
def kernel(era, recorded):
    return Kernel(era, recorded=recorded)


@pytest.fixture
def low_kernel(era, recorded):
    return Kernel(era, recorded=recorded, base=0)


# --- G1: four flavours of ioremap -----------------------------------------------------------------------------


def test_g1_every_later_ioremap_adopts_the_type_of_the_first(kernel):
    #  pages          01234567
    #  ioremap_wc     AAAAAAAA    WC
    #  ioremap        BBBBBBBB    WC
    #  ioremap_cache  CCCCCCCC    WC
    #  ioremap_uc     DDDDDDDD    WC
    for flavour in (WC, UC_MINUS, WB, UC):
        kernel.ioremap(0, 8, flavour, got=WC)
    assert kernel.pages == [(0, 8, WC)] * 4
    assert kernel.noticed == ["MemtypeAdopted"] * 3
    assert [(one.req, one.type) for one in kernel.incidents] == [(UC_MINUS, WC), (WB, WC), (UC, WC)]
    assert kernel.complaints == []


def test_g1_after_a_plain_ioremap_all_are_uncached_minus(kernel):
    #  pages          01234567
    #  ioremap        AAAAAAAA    UC-
    #  ioremap_wc     BBBBBBBB    UC-
    #  ioremap_cache  CCCCCCCC    UC-, as the MTRR makes it anyway
    #  ioremap_uc     DDDDDDDD    UC-
    for flavour in (UC_MINUS, WC, WB, UC):
        kernel.ioremap(0, 8, flavour, got=UC_MINUS)
    assert kernel.pages == [(0, 8, UC_MINUS)] * 4
    assert [(one.req, one.type) for one in kernel.incidents] == [(WC, UC_MINUS), (UC, UC_MINUS)]
    assert kernel.complaints == []


# --- G2: a request over two types -----------------------------------------------------------------------------


def test_g2_a_request_over_two_types_is_refused_for_the_types_of_the_entries(kernel):
    #  pages  0123
    #  uc-    AA
    #  wc       BB
    #  wc     ****    -EBUSY
    kernel.reserve(0, 2, UC_MINUS, got=UC_MINUS)
    kernel.reserve(2, 4, WC, got=WC)
    kernel.reserve(0, 4, WC, ret=BUSY)
    assert kernel.pages == [(0, 2, UC_MINUS), (2, 4, WC)]
    assert kernel.noticed == ["MemtypeRefused"]
    refused = kernel.incidents[0]
    assert (refused.ret, refused.cause) == (BUSY, "conflict")
    assert (refused.first, refused.second, refused.req) == (UC_MINUS, WC, WC)
    assert [(seen.start, seen.end) for seen in refused.clash] == [kernel.bytes_of(0, 2), kernel.bytes_of(2, 4)]


def test_g2_prints_the_conflict_and_the_failure(kernel):
    kernel.reserve(0, 2, UC_MINUS, got=UC_MINUS)
    kernel.reserve(2, 4, WC, got=WC)
    kernel.reserve(0, 4, WC, ret=BUSY)
    assert kernel.complaints == [(7, 0, 4), (8, 0, 4)]


# --- G3: a duplicate ------------------------------------------------------------------------------------------


def test_g3_one_free_takes_one_of_two_duplicates(kernel):
    #  pages  01234567
    #  uc-    AAAAAAAA
    #  uc-    BBBBBBBB
    #  free   --------    one of them
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    assert kernel.pages == [(0, 8, UC_MINUS)] * 2
    kernel.free(0, 8)
    assert kernel.pages == [(0, 8, UC_MINUS)]
    assert kernel.noticed == []


# --- G4 to G6: pieces -----------------------------------------------------------------------------------------


def test_g4_a_tail_free_shrinks_or_misses(kernel):
    #  pages  01234567
    #  uc-    AAAAAAAA
    #  free       ----
    #  left   AAAA          vm-pat
    #  left   AAAAAAAA      pfnmap-ctx, with #9
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.free(4, 8, ret=kernel.either(0, INVALID))
    assert kernel.pages == kernel.either([(0, 4, UC_MINUS)], [(0, 8, UC_MINUS)])
    assert kernel.noticed == kernel.either([], ["MemtypeFreeMissed"])
    assert kernel.complaints == kernel.either([], [(9, 4, 8)])


def test_g4_the_miss_knows_that_a_tail_was_meant(kernel):
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.free(4, 8, ret=kernel.either(0, INVALID))
    assert [one.relation for one in kernel.incidents] == kernel.either([], ["tail"])


def test_g5_a_head_free_misses_everywhere(kernel):
    #  pages  01234567
    #  uc-    AAAAAAAA
    #  free   ----
    #  left   AAAAAAAA
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.free(0, 4, ret=INVALID)
    assert kernel.pages == [(0, 8, UC_MINUS)]
    assert kernel.noticed == ["MemtypeFreeMissed"]
    assert kernel.incidents[0].relation == "head"
    assert kernel.complaints == [(9, 0, 4)]


def test_g6_tail_frees_hit_the_lowest_start_until_the_whole_cannot_be_freed(kernel):
    #  pages  01234567                   vm-pat                pfnmap-ctx
    #  uc-    AAAAAAAA
    #  uc-        BBBB
    #  free         --                   A is [0,6)            #9
    #  free       --                     A is [0,4)            #9
    #  free   --------                   #9                    A is gone
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.reserve(4, 8, UC_MINUS, got=UC_MINUS)
    whole, b = (0, 8, UC_MINUS), (4, 8, UC_MINUS)
    kernel.free(6, 8, ret=kernel.either(0, INVALID))
    assert kernel.pages == kernel.either([(0, 6, UC_MINUS), b], [whole, b])
    kernel.free(4, 6, ret=kernel.either(0, INVALID))
    assert kernel.pages == kernel.either([(0, 4, UC_MINUS), b], [whole, b])
    kernel.free(0, 8, ret=kernel.either(INVALID, 0))
    assert kernel.pages == kernel.either([(0, 4, UC_MINUS), b], [b])
    assert kernel.noticed == ["MemtypeFreeMissed"] * kernel.either(1, 2)
    assert kernel.complaints == kernel.either([(9, 0, 8)], [(9, 6, 8), (9, 4, 6)])


# --- G7, G8: write-back asks the MTRR -------------------------------------------------------------------------


def test_g7_write_back_on_a_device_is_stored_as_uncached_minus(kernel):
    #  pages  01234567
    #  wb     AAAAAAAA    UC-
    kernel.reserve(0, 8, WB, got=UC_MINUS)
    assert kernel.pages == [(0, 8, UC_MINUS)]
    assert kernel.noticed == []
    assert kernel.complaints == []


def test_g8_write_back_below_the_hole_stays_write_back(low_kernel):
    #  pages  9e 9f | a0
    #  wb     AA AA |         WB, as the fixed MTRR
    low_kernel.reserve(0x9E, 0xA0, WB, got=WB)
    assert low_kernel.pages == [(0x9E, 0xA0, WB)]
    assert low_kernel.noticed == []


# --- G9: the ISA hole -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("req", [WB, WC, UC_MINUS, UC, WT, WP])
def test_g9_in_the_isa_hole_nothing_is_stored_and_nothing_is_said(low_kernel, req):
    #  pages  9f | a0 a1 a2
    #  any       | ** **       WB, but nowhere kept
    low_kernel.reserve(0xA0, 0xA2, req, got=WB)
    low_kernel.free(0xA0, 0xA2)
    assert low_kernel.pages == []
    assert low_kernel.noticed == []
    assert low_kernel.complaints == []


@pytest.mark.parametrize("req", [WB, WC, UC_MINUS, UC, WT, WP])
def test_g9_in_the_isa_hole_everybody_is_granted_write_back(low_kernel, req):
    outcome = operations.memtype_reserve(low_kernel.machine, 0xA0000, 0xA2000, req, strict=False)
    assert (outcome.path, outcome.ret, outcome.new) == ("untracked", 0, WB)


# --- G10: write-through ---------------------------------------------------------------------------------------


def test_g10_write_through_alone_is_stored_as_asked(kernel):
    #  pages  01234567
    #  wt     AAAAAAAA    WT
    kernel.reserve(0, 8, WT, got=WT)
    assert kernel.pages == [(0, 8, WT)]
    assert kernel.noticed == []


def test_g10_write_through_over_uncached_minus_is_stored_as_that(kernel):
    #  pages  01234567
    #  uc-    AAAAAAAA
    #  wt       BBBB      UC-
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.reserve(2, 6, WT, got=UC_MINUS)
    assert kernel.pages == [(0, 8, UC_MINUS), (2, 6, UC_MINUS)]
    assert [(one.req, one.type) for one in kernel.incidents] == [(WT, UC_MINUS)]


# --- a golden story told wrongly is noticed -------------------------------------------------------------------


def test_another_result_than_the_golden_one_is_a_divergence(era):
    kernel = Kernel(era, recorded=True)
    kernel.reserve(0, 8, UC_MINUS, got=UC_MINUS)
    kernel.free(4, 8, ret=kernel.either(INVALID, 0))
    assert incidents.Diverged in {type(one) for one in kernel.incidents}


def test_another_type_than_the_golden_one_is_a_divergence(era):
    kernel = Kernel(era, recorded=True)
    kernel.reserve(0, 8, WB, got=WB)
    assert [(one.predicted, one.observed) for one in kernel.incidents] == [("uncached-minus", "write-back")]


def test_a_strict_request_over_another_type_is_refused_and_stored_nowhere(kernel):
    #  pages  01234567
    #  wc     AAAAAAAA
    #  uc-      ****      new == NULL: -EBUSY
    kernel.reserve(0, 8, WC, got=WC)
    kernel.reserve(2, 6, UC_MINUS, ret=BUSY, strict=True)
    assert kernel.pages == [(0, 8, WC)]
    assert [(one.first, one.second) for one in kernel.incidents] == [(UC_MINUS, WC)]
    assert kernel.complaints == [(7, 2, 6), (8, 2, 6)]

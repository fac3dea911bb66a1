"""Calls on ordinary VMAs come as one event, and lead to what each of them by itself leads to."""

import pytest

from pat_check.errors import TraceError
from pat_check.events.runs import FOLLOWED, TRACKED, Freeing, Mapping, OrdinaryVmas, Reserving, Run, Untracking
from pat_check.index.parts import saved
from pat_check.judge import Judge
from pat_check.model.vma import VM_IO, VM_MIXEDMAP, VM_PAT, VM_PFNMAP
from pat_check.replay.ordinary import Ordinary
from pat_check.replay.whole import Whole
from pat_check.session import Options, Session
from pat_check.sources.ftrace import Ftrace
from pat_check.sources.opening import open_lines
from tests.corpus import CORPUS, KEPT, captures
from tests.lanes import of_text

ALL = captures() if CORPUS.is_dir() else captures(KEPT)
CAPTURES = [one for one in ALL if one.length < 5_000]
BUSY = [one for one in ALL if 5_000 <= one.length < 15_000]
"""In which the same comes again and again, so that it comes as one."""


def line(function, payload, *, pid=240, ret="", cpu=1):
    caller = f"dup_mmap+0x1e7/0x8f0 <- {function}" if ret else f"{function}+0x4/0x180"
    name = f"{function}__ret" if ret else function
    return f"{'patlab':>16}-{pid:<7} [{cpu:03}] .....    25.713223: {name}: ({caller}) {ret or payload}\n"


def dup(vma, new, *, flags=0x71, ctx=0, pid=240):
    bounds = f"mm=0xff11000101f64d00 vm_start=0x400000 vm_end=0x401000 vm_flags={flags:#x} vm_pgoff=0x0"
    made = line("vm_area_dup", f"vma={vma:#x} {bounds} ctx={ctx:#x}", pid=pid)
    return made + line("vm_area_dup", "", pid=pid, ret=f"ret={new:#x}")


def copy(dst, vma, *, ret=0, flags=0x71):
    bounds = f"mm=0xff11000101f64d00 vm_start=0x400000 vm_end=0x401000 vm_flags={flags:#x} vm_pgoff=0x0 ctx=0x0"
    made = line("copy_page_range", f"dst={dst:#x} vma={vma:#x} {bounds}")
    return made + line("copy_page_range", "", ret=f"ret={ret:#x}")


OUTER, INNER = "unmap_single_vma", "unmap_page_range"


def zap(vma, mm=0xFF11000101F64D00, flags=0x71, api="__zap_vma_range"):
    bounds = f"mm={mm:#x} vm_start=0x400000 vm_end=0x401000 vm_flags={flags:#x} vm_pgoff=0x0 ctx=0x0"
    return line(api, f"vma={vma:#x} {bounds} start=0x400000 end=0x401000")


def free(vma, ctx=0):
    return line("vm_area_free", f"vma={vma:#x} mm=0xff11000101f64d00 ctx={ctx:#x}")


def pair(vma):
    return zap(vma, api=OUTER) + zap(vma, api=INNER)


FIRST = dup(0x10, 0x20) + copy(0x20, 0x10) + zap(0x20) + free(0x20) + pair(0x20)
"""One of each, which are told one by one."""


def shapes(text, scanner, monkeypatch):
    """The events behind the first of each kind: for a run its length, for others their names."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = of_text(FIRST + text)()
    events = [event for batch in Ftrace().batches(lines, runs=True) for event in batch][8:]
    return [event.count if isinstance(event, Run) else type(event).__name__ for event in events]


def test_what_is_followed():
    assert FOLLOWED == VM_PFNMAP | VM_IO | VM_MIXEDMAP
    assert TRACKED == VM_PAT


def test_a_fork_and_an_exit(scanner, monkeypatch):
    fork = "".join(dup(vma, vma + 1) + copy(vma + 1, vma) for vma in range(0x100, 0x150, 0x10))
    exits = "".join(zap(vma) for vma in range(0x100, 0x150, 0x10)) + "".join(free(vma) for vma in range(0x100, 0x104))
    assert shapes(fork, scanner, monkeypatch) == [20]
    assert shapes(fork + exits, scanner, monkeypatch) == [20 + 5 + 4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (zap(1), ["ZapVma"]),
        (zap(1) + zap(2, flags=0x71 | VM_PFNMAP) + zap(3) + zap(4), ["ZapVma", "ZapVma", 2]),
        (zap(1) + zap(2, mm=0x5000) + zap(3, mm=0x5000), ["ZapVma", 2]),
        (free(1) + free(2) + free(3, ctx=0x77) + free(4) + free(5), [2, 3]),
        (free(1) + free(2) + line("vm_area_free", "vma=0x3", pid=241) + free(4), [2, "VmAreaFree", "VmAreaFree"]),
        (free(1) + free(2) + line("kmalloc", "") + free(3), [3]),
        (pair(1) + pair(2) + zap(3, api=OUTER) + free(3), [6]),
        (zap(1, api=INNER) + zap(2, api=OUTER) + zap(2, api=INNER), ["ZapVma", 2]),
        (zap(1, api=OUTER) + zap(2, api=INNER), ["ZapVma", "ZapVma"]),
        (zap(1, api=OUTER) + free(1) + zap(1, api=INNER), [2, "ZapVma"]),
        (pair(1) + zap(2), [2, "ZapVma"]),
        (free(1) + free(2) + "not a line\n" + free(3), [2, "Malformed", "VmAreaFree"]),
        (dup(1, 2) + copy(2, 1), [4]),
        (dup(1, 2) + copy(3, 1), ["VmAreaDup", "Return", "CopyPageRange", "Return"]),
        (dup(1, 2) + copy(2, 1, ret=-12), ["VmAreaDup", "Return", "CopyPageRange", "Return"]),
        (dup(1, 2) + copy(2, 1, flags=0x71 | VM_IO), ["VmAreaDup", "Return", "CopyPageRange", "Return"]),
        (dup(1, 0) + free(1), ["VmAreaDup", "Return", "VmAreaFree"]),
        (dup(1, 2, ctx=5), ["VmAreaDup", "Return"]),
        (dup(1, 2, flags=VM_MIXEDMAP), ["VmAreaDup", "Return"]),
        (line("vm_area_dup", "vma=0x1") + free(1) + free(2), ["VmAreaDup", 2]),
        (line("vm_area_dup", "", ret="ret=0x1") + free(1) + free(2), ["Return", 2]),
    ],
)
def test_what_ends_a_run(text, expected, scanner, monkeypatch):
    assert shapes(text, scanner, monkeypatch) == expected


def test_nothing_comes_before_the_first_of_its_kind(scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = of_text(zap(1) + zap(2) + zap(3) + free(1) + free(2) + free(3))()
    events = [event for batch in Ftrace().batches(lines, runs=True) for event in batch]
    assert [type(event).__name__ for event in events] == ["ZapVma", "OrdinaryVmas", "VmAreaFree", "OrdinaryVmas"]


def test_runs_that_are_always_taken_apart_are_not_made_any_more(scanner, monkeypatch):
    """But tried again after a while; whoever uses them gets every one."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    other = line("vm_area_free", "vma=0x3", pid=241)
    text = zap(1) + free(1) + "".join(zap(vma) + zap(vma + 1) + other for vma in range(2, 12_002, 2))
    made = {True: [], False: []}
    for refuses, counts in made.items():
        for batch in Ftrace().batches(of_text(text)(), runs=True):
            runs = [event for event in batch if isinstance(event, Run)]
            counts.append(len(runs))
            for run in runs if refuses else ():
                assert len(run.events()) == run.count
    assert 5_990 < sum(made[False]) <= 6_000  # a block may end inside of one
    assert sum(made[True]) < sum(made[False]) - 4_000
    assert made[True][8] == 0 < sum(made[True][-20:])


# --- mappings ----------------------------------------------------------------------------------------------------


def mapped(*, pfn=0xFD000, size=0x2000, vma=0x10, addr=0x400000, middle="", pid=240):
    start, end = pfn << 12, (pfn << 12) + size
    area = f"vma={vma:#x} mm=0x5000 vm_start=0x400000 vm_end=0x402000 vm_flags=0xbb ctx=0x0"
    remap = f"{area} addr={addr:#x} pfn={pfn:#x} size={size:#x} prot=0x8000000000000037"
    outer = "remap_pfn_range", "remap_pfn_range_track"
    rows = [line(name, remap, pid=pid) for name in outer]
    rows.append(line("pfnmap_track", f"pfn={pfn:#x} size={size:#x} prot=0x8000000000000037", pid=pid))
    rows.append(line("memtype_reserve", f"start={start:#x} end={end:#x} req=2", pid=pid))
    rows.append(line("memtype_check_insert", f"start={start:#x} end={end:#x} type=2", pid=pid))
    rows += [line(name, "", ret="ret=0x0", pid=pid) for name in ("memtype_check_insert", "memtype_reserve")]
    rows += [middle, line("memtype_kernel_map_sync", f"base={start:#x} size={size:#x} pcm=2", pid=pid)]
    last = "memtype_kernel_map_sync", "pfnmap_track", "remap_pfn_range_track", "remap_pfn_range"
    return "".join([*rows, *(line(name, "", ret="ret=0x0", pid=pid) for name in last)])


def released(*, pfn=0xFD000, size=0x2000, end=0xFD002000, erased=0xFF11000101F64D00, freed=0):
    rows = [line(f"pfnmap_{name}", f"pfn={pfn:#x} size={size:#x}") for name in ("track_ctx_release", "untrack")]
    rows += [line(f"memtype_{name}", f"start=0xfd000000 end={end:#x}") for name in ("free", "erase")]
    rows.append(line("memtype_erase", "", ret=f"ret={erased:#x}"))
    return "".join([*rows, line("memtype_free", "", ret=f"ret={freed:#x}")])


ONCE = mapped() + released()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (mapped() + released(), [12, 6]),
        (mapped() + mapped(pid=241) + released() + released(), [12, 12, 6, 6]),
        (mapped(middle=line("kmalloc", "")), [12]),
        (mapped(middle="not a line\n"), 13),
        (mapped(middle=line("unmap_vmas", "vma=0x7 start=0x1000 end=0x2000", pid=7)), 13),
        (mapped(size=0x1000), 12),
        (mapped(addr=0x401000), 12),
        (mapped(vma=0), 12),
        (mapped().replace("ret=0x0", "ret=0xffffffea", 1), 12),
        (mapped().replace("check_insert) ret=0x0", "check_insert) ret=0x100000000"), 12),
        (mapped().replace("check_insert) ret=0x0", "check_insert) ret=0x8000000000000000"), 12),
        (mapped().replace("start=0xfd000000", "start=0xfd001000", 1), 12),
        (mapped().replace("size=0x2000 prot", "size=0x1000 prot", 3), 12),
        (mapped(pfn=0x80), 12),
        (released(end=0xFD001000), 6),
        (released(erased=0), 6),
        (released(erased=0xFFFFFFFFFFFFFFEA, freed=0xFFFFFFEA), 6),
        (released(size=0x1800), 6),
    ],
)
def test_what_is_a_whole_mapping(text, expected, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = of_text(ONCE + text)()
    events = [event for batch in Ftrace().batches(lines, runs=True) for event in batch][18:]
    runs = [event.count for event in events if isinstance(event, Mapping | Untracking)]
    if isinstance(expected, list):
        assert runs == expected
    else:
        lines = sum(event.count if isinstance(event, Run) else 1 for event in events)
        assert (runs, lines) == ([], expected)


def reserved(*, start=0xFD000000, end=0xFD002000, type_=2, ret=0, strange="", to="reserve_pfn_range"):
    rows = [line("memtype_reserve", f"start={start:#x} end=0xfd002000 req=2") + strange]
    rows.append(line("memtype_check_insert", f"start={start:#x} end={end:#x} type={type_}"))
    rows.append(line("memtype_check_insert", "", ret=f"ret={ret:#x}").replace("dup_mmap", "memtype_reserve"))
    return "".join([*rows, line("memtype_reserve", "", ret=f"ret={ret:#x}").replace("dup_mmap", to)])


def freed(*, start=0xFD000000, end=0xFD002000, erased=0xFF11000101F64D00, ret=0, strange=""):
    rows = [line("memtype_free", f"start={start:#x} end=0xfd002000") + strange]
    rows.append(line("memtype_erase", f"start={start:#x} end={end:#x}"))
    rows.append(line("memtype_erase", "", ret=f"ret={erased:#x}").replace("dup_mmap", "memtype_free"))
    return "".join([*rows, line("memtype_free", "", ret=f"ret={ret:#x}").replace("dup_mmap", "untrack_pfn")])


MISSED = 0xFFFFFFFFFFFFFFEA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (reserved(), [4]),
        (reserved(start=0xFD001000) + freed() + reserved(), [4, 4, 4]),
        (reserved(ret=0xFFFFFFF0), []),
        (reserved(end=0xFD001000), []),
        (reserved(start=0xFC001001), []),
        (reserved(start=0x1000), []),
        (reserved(strange=line("kmalloc", "")), [4]),
        (reserved(strange=line("vm_area_free", "vma=0x3", pid=241)), []),
        (reserved(to="track_pfn_remap"), []),
        (freed(), [4]),
        (freed(erased=0), [4]),
        (freed(erased=MISSED, ret=0xFFFFFFEA), [4]),
        (freed(erased=MISSED), []),
        (freed(ret=0xFFFFFFEA), []),
        (freed(end=0xFD001000), []),
        (freed(start=0xFD000800), []),
        (freed(strange="not a line\n"), []),
    ],
)
def test_what_is_one_reservation_and_what_one_free(text, expected, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = of_text(reserved() + freed() + text)()
    events = [event for batch in Ftrace().batches(lines, runs=True) for event in batch][8:]
    assert [event.count for event in events if isinstance(event, Reserving | Freeing)] == expected


@pytest.mark.parametrize(("result", "how"), [(0xFF11000101F64D00, "removed"), (0, "shrunk"), (MISSED, "missed")])
def test_how_a_free_went(result, how, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    lines = of_text(freed() + freed(erased=result, ret=0xFFFFFFEA if how == "missed" else 0))()
    run = [event for batch in Ftrace().batches(lines, runs=True) for event in batch][-1]
    assert isinstance(run, Freeing)
    assert (run.how, run.caller, run.call.end) == (how, "untrack_pfn+0x1e7/0x8f0", 0xFD002000)


@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_runs_are_made_of_the_same_events(capture, scanner, monkeypatch):
    file = capture.find("trace.txt")
    if file is None:
        pytest.skip("no text of ftrace")
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    alone = [event for batch in Ftrace().batches(open_lines(str(file))) for event in batch]
    told = []
    for batch in Ftrace().batches(open_lines(str(file)), runs=True):
        for event in batch:
            if isinstance(event, Run):
                several = event.events()
                assert len(several) == event.count
                last = several[-1]
                assert (last.at, last.time, last.cpu, last.pid, last.comm) == (
                    event.at,
                    event.time,
                    event.cpu,
                    event.pid,
                    event.comm,
                )
                told += several
            else:
                told.append(event)
    assert told == alone


def replayed(path, *, runs):
    """Findings, the summary, and everything that a replay holds."""
    judge = Judge("trace")
    session = Session(str(path), Options(), judge.hear)
    session.replay.play(session.batches(runs=runs))
    seen = session.summary()
    session.replay._last = None
    state = saved(session.replay)
    session.replay.finish()
    return seen, judge.close(), state


@pytest.mark.parametrize("capture", [*CAPTURES, *BUSY], ids=str)
def test_a_replay_of_runs_comes_to_the_same(capture, scanner, monkeypatch):
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    try:
        runs, alone = (replayed(capture.path, runs=runs) for runs in (True, False))
    except TraceError as refused:
        pytest.skip(str(refused))
    assert runs == alone


@pytest.mark.parametrize(
    ("part", "method", "kind"),
    [
        (Ordinary, "take", OrdinaryVmas),
        (Whole, "map", Mapping),
        (Whole, "untrack", Untracking),
        (Whole, "reserve", Reserving),
        (Whole, "free", Freeing),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_most_runs_are_taken_as_one(part, method, kind, scanner, monkeypatch):
    """Some have to be looked at call by call: where one is wanted, or a followed VMA comes without its flags."""
    monkeypatch.setattr("pat_check.sources.scanned.scanner_type", lambda: scanner)
    refused = []
    take = getattr(part, method)
    monkeypatch.setattr(part, method, lambda self, run: take(self, run) or refused.append(run))
    made = []
    for capture in CAPTURES:
        try:
            session = Session(str(capture.path), Options(), lambda incident: None)
        except TraceError:
            continue
        for batch in session.batches(runs=True):
            session.replay.play([batch])
            made += [event for event in batch if type(event) is kind]
    assert len(refused) < len(made) / 2

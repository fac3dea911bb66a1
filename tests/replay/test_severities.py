"""How bad a surprise is depends on what alone decides it, and on what is recorded."""

import pytest

from pat_check import api
from tests.claims import written

EMPTY = {"memtypes.txt": "PAT memtype list:\n"}


@pytest.fixture
def severities(tmp_path):
    """The severity of each finding of a trace, by rule."""

    def run(trace, era="vm-pat-6.12", probes=(), **beside):
        files = EMPTY | {name.replace("_", "-").replace("-txt", ".txt"): text for name, text in beside.items()}
        if probes:
            files["kprobe_profile.txt"] = "".join(f"  {probe}  1  0\n" for probe in probes)
        (tmp_path / "list.txt").write_text(files["memtypes.txt"])
        if "mtrr.txt" in files:
            (tmp_path / "mtrr").write_text(files["mtrr.txt"])
        options = api.Options(
            era=era,
            memtypes=str(tmp_path / "list.txt"),
            mtrr=str(tmp_path / "mtrr") if "mtrr.txt" in files else None,
        )
        report = api.check([str(written(trace, files, tmp_path / "capture"))], options)
        return {finding.rule: str(finding.severity) for told in report.findings for finding in told.all()}

    return run


SHRUNK = """
app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd008000 req=2 new=2
app-7 [000] 2.0: memtype_erase: start=0xfd004000 end=0xfd008000
app-7 [000] 2.1: memtype_erase__ret: ret={}
"""


def test_an_entry_that_shrinks_or_does_not_is_a_warning(severities):
    assert severities(SHRUNK.format("0x0"), "pfnmap-ctx")["model-divergence"] == "warning"
    assert severities(SHRUNK.format("0xffffffffffffffea"))["model-divergence"] == "warning"


def test_a_range_that_is_refused_against_the_rules_is_an_error(severities):
    trace = "app-7 [000] 1.0: memtype_reserve__ret: ret=-16 start=0xfd000000 end=0xfd008000 req=2 new=2"
    assert severities(trace)["model-divergence"] == "error"


UNCACHABLE = """reg00: base=0x0c0000000 ( 3072MB), size= 1024MB, count=1: uncachable
"""


def test_what_the_mtrrs_alone_decide_is_a_warning(severities):
    trace = "app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd008000 req=0 new=0"
    assert severities(trace, mtrr_txt=UNCACHABLE)["model-divergence"] == "warning"
    assert "model-divergence" not in severities(trace.replace("new=0", "new=2"), mtrr_txt=UNCACHABLE)


LOW = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 vm_flags=0xbb addr=0x7000 pfn=0xfd000 size=0x2000"
HIGH = "vma=0x20 mm=0x77 vm_start=0x9000 vm_end=0xb000 vm_flags=0xbb addr=0x9000 pfn=0xfd002 size=0x2000"
MAPPED = f"""
app-7 [000] 0.5: vm_area_free: vma=0x99 mm=0x66 vm_start=0x1000 vm_end=0x2000 vm_flags=0x71
app-7 [000] 1.0: remap_pfn_range: {LOW}
app-7 [000] 1.1: remap_pfn_range__ret: ret=0
app-7 [000] 1.2: remap_pfn_range: {HIGH}
app-7 [000] 1.3: remap_pfn_range__ret: ret=0
app-7 [000] 2.0: tracing_mark_write: checkpoint 1 after
"""
AREA = "{} rw-s fd000000 00:17 1    /sys/bus/pci/resource0\nVmFlags: rd wr sh mr mw ms pf io de dd sd\n"


LIVES = ("vm_area_dup", "vm_area_free", "__split_vma", "remap_pfn_range")
TRACKED = (*LIVES, "track_pfn_remap", "track_pfn_copy", "untrack_pfn")


@pytest.mark.parametrize(
    ("areas", "severity"),
    [
        (["7000-9000", "9000-b000"], None),
        (["7000-b000"], "warning"),
        (["7000-9000", "9000-d000"], "warning"),
        (["7000-9000", "9000-a000"], "error"),
        (["7000-9000"], "error"),
    ],
    ids=["as-they-are", "merged", "grown", "cut", "gone"],
)
def test_mappings_that_only_reach_further_are_a_warning(severities, areas, severity):
    saved = "== pid 7\n" + "".join(AREA.format(area) for area in areas)
    assert severities(MAPPED, probes=TRACKED, maps_01_after_txt=saved).get("snapshot-maps") == severity


@pytest.mark.parametrize("unset", [probe for probe in TRACKED if probe not in MAPPED])
def test_mappings_that_differ_are_an_info_where_not_all_that_changes_them_is_recorded(severities, unset):
    probes = [probe for probe in TRACKED if probe != unset]
    saved = "== pid 7\n" + AREA.format("7000-9000")
    assert severities(MAPPED, probes=probes, maps_01_after_txt=saved)["snapshot-maps"] == "info"


def test_newer_kernels_need_no_probe_of_functions_that_they_lack(severities):
    saved = "== pid 7\n" + AREA.format("7000-9000")
    assert severities(MAPPED, "pfnmap-ctx", LIVES, maps_01_after_txt=saved)["snapshot-maps"] == "error"


TYPES = "mapping type uncached-minus for [mem 0xfe000000-0xfe000fff], got write-combining"
SAYS = f"app-7 [000] 2.0: console: x86/PAT: app:7 map pfn expected {TYPES}\n"


def test_a_message_of_a_function_that_is_not_recorded_is_info(severities):
    reserved = "app-7 [000] 1.0: memtype_reserve__ret: ret=0 start=0xfd000000 end=0xfd001000 req=2 new=2\n"
    assert severities(reserved + SAYS)["dmesg-unexplained"] == "info"
    tracked = "app-7 [000] 0.5: reserve_pfn_range: paddr=0xfd000000 size=0x1000 prot=0x37 strict=0\n"
    tracked += reserved + "app-7 [000] 1.5: reserve_pfn_range__ret: ret=0\n"
    assert severities(tracked + SAYS)["dmesg-unexplained"] == "error"


def test_what_a_failed_mmap_leaves_is_leaked_when_the_process_ends(severities):
    trace = """
sh-1  [000] 0.5: sched_process_fork: comm=sh pid=1 child_comm=app child_pid=7
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000 addr=0x7000 pfn=0xfd000 size=0x2000
app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
app-7 [000] 1.2: memtype_reserve__ret: ret=0
app-7 [000] 1.3: remap_pfn_range__ret: ret=0
app-7 [000] 1.4: unmap_vmas: vma=0x10 start=0x7000 end=0x9000
app-7 [000] 2.0: exit_mmap: mm=0x77
app-7 [000] 2.1: sched_process_exit: comm=app pid=7 prio=120
"""
    assert severities(trace)["memtype-leak"] == "error"
    freed = "app-7 [000] 1.5: memtype_free: start=0xfd000000 end=0xfd002000\n"
    freed += "app-7 [000] 1.6: memtype_free__ret: ret=0\n"
    assert severities(trace.replace("app-7 [000] 2.0", f"{freed}app-7 [000] 2.0")) == {}


def test_what_a_driver_reserved_and_holds_when_it_goes_is_a_warning(severities):
    trace = """
insmod-7 [000] 0.5: module_load: mydrv
insmod-7 [000] 1.0: arch_io_reserve_memtype_wc: start=0xfd000000 size=0x2000
insmod-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1
insmod-7 [000] 1.2: memtype_reserve__ret: ret=0
insmod-7 [000] 1.3: arch_io_reserve_memtype_wc__ret: (probe+0x10/0x90 [mydrv] <- arch_io_reserve_memtype_wc) ret=0
rmmod-9 [000] 9.0: module_free: mydrv
"""
    assert severities(trace)["memtype-leak"] == "warning"

"""A recording that contradicts its era three times says so, and names the eras that fit."""

import pytest

from pat_check import api
from pat_check.eras import ERAS

VMA = "vma=0x10 mm=0x1 vm_start=0x7000 vm_end=0x9000 vm_flags=0x444bb"
ZAP = f"unmap_single_vma: {VMA} start=0x7000 end=0x9000"
UNTRACK = f"untrack_pfn: {VMA} pfn=0x0 size=0x0"


@pytest.fixture
def told(tmp_path):
    """What model-era says of a trace, by the era asked for."""

    def check(*calls):
        trace = tmp_path / "trace.txt"
        trace.write_text("".join(f"app-7 [000] {at}.0: {call}\n" for at, call in enumerate(calls, 1)))
        found = {}
        for era in ERAS:
            report = api.check([str(trace)], api.Options(era=era.name))
            for finding in report.findings:
                if finding.rule == "model-era":
                    found[era.name] = (str(finding.severity), finding.message.partition("times; ")[2])
        return found

    return check


def test_untracking_inside_the_zap_rules_out_unmap_region(told):
    assert told(*[ZAP, UNTRACK] * 3) == {
        "unmap-region": ("error", "vm-pat and vm-pat-6.12 fit"),
        "pfnmap-ctx": ("error", "vm-pat and vm-pat-6.12 fit"),
    }


def test_untracking_before_the_zap_rules_out_all_others(told):
    found = told(*[call.replace("0x10", f"{vma:#x}") for vma in range(0x20, 0x60, 0x10) for call in (UNTRACK, ZAP)])
    assert found == {era: ("error", "unmap-region fits") for era in ("vm-pat", "vm-pat-6.12", "pfnmap-ctx")}


def test_untracking_without_any_zap_recorded_says_nothing_of_the_order(told):
    assert set(told(*[UNTRACK] * 3)) == {"pfnmap-ctx"}


def test_two_contradictions_are_not_enough(told):
    assert told(*[ZAP, UNTRACK] * 2) == {}


@pytest.mark.parametrize("function", ["do_mas_munmap: mm=0x1", "__vma_adjust: vma=0x10", "vma_merge: mm=0x1"])
def test_a_function_that_was_gone_when_6_12_came_leaves_one_era(function, told):
    found = told(*[function] * 3)
    assert found == {era: ("error", "vm-pat fits") for era in ("vm-pat-6.12", "unmap-region", "pfnmap-ctx")}


@pytest.mark.parametrize(
    "function", ["pfnmap_setup_cachemode: pfn=0xfd000 size=0x1000", f"__zap_vma_range: {VMA} start=0x7000 end=0x8000"]
)
def test_a_function_of_the_contexts_leaves_one_era(function, told):
    found = told(*[function] * 3)
    assert found == {era: ("error", "pfnmap-ctx fits") for era in ("vm-pat", "vm-pat-6.12", "unmap-region")}


def test_a_function_that_builds_have_inlined_is_a_warning(told):
    found = told(*["get_pat_info: vma=0x10"] * 3)
    assert found == {
        "vm-pat": ("warning", "vm-pat-6.12 and unmap-region fit"),
        "pfnmap-ctx": ("error", "vm-pat-6.12 and unmap-region fit"),
    }


def test_a_function_that_another_returned_to_counts_like_one_that_was_called(told):
    split = (
        "__split_vma: vma=0x10 addr=0x8000",
        "__split_vma__ret: (vms_gather_munmap_vmas+0xc7/0x2a0 <- __split_vma) ret=0",
    )
    assert told(*split * 3) == {"vm-pat": ("error", "vm-pat-6.12 and unmap-region and pfnmap-ctx fit")}


def test_a_huge_entry_in_a_pfn_mapping_is_newer_than_vm_pat(told):
    insert = "vmf_insert_pfn_pmd: vma=0x10 addr=0x200000 pfn=0xfd000 vm_start=0x200000 vm_end=0x400000 vm_flags=0x444bb"
    assert told(*[insert] * 3) == {"vm-pat": ("error", "vm-pat-6.12 and unmap-region and pfnmap-ctx fit")}
    dax = insert.replace("0x444bb", "0x200000bb")
    assert told(*[dax] * 3) == {}


def test_what_is_seen_after_the_third_contradiction_still_rules_eras_out(told):
    found = told(*["track_pfn_insert: vma=0x10"] * 3, "get_pat_info: vma=0x10", ZAP, UNTRACK)
    assert found == {"pfnmap-ctx": ("error", "vm-pat-6.12 fits")}


def test_no_return_is_missed_of_a_function_that_only_tells_the_era(tmp_path):
    (tmp_path / "trace.txt").write_text(
        "app-7 [000] 1.0: do_mas_munmap: mm=0x1\n"
        "app-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1\n"
        "app-7 [000] 1.2: memtype_reserve__ret: ret=0\n"
        "app-7 [000] 1.3: vma_merge__ret: ret=0x0\n"
        "app-7 [000] 1.4: memtype_free: start=0xfd000000 end=0xfd002000\n"
        "app-7 [000] 1.5: memtype_free__ret: ret=0\n"
    )
    assert api.check([str(tmp_path / "trace.txt")], api.Options(era="vm-pat")).findings == []


def test_a_fork_that_gets_what_it_asks_for_falls_back_to_nothing(tmp_path):
    reserve = (
        "app-7 [000] {0}.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1\n"
        "app-7 [000] {0}.1: memtype_check_insert: start=0xfd000000 end=0xfd002000 type={1}\n"
        "app-7 [000] {0}.2: memtype_check_insert__ret: ret=0\n"
        "app-7 [000] {0}.3: memtype_reserve__ret: ret=0\n"
    )
    fork = "app-7 [000] 2.0: reserve_pfn_range: paddr=0xfd000000 size=0x2000 prot=0x2f strict=1\n"
    done = "app-7 [000] 4.0: reserve_pfn_range__ret: ret=0\n"
    (tmp_path / "trace.txt").write_text(reserve.format(1, 1) + fork + reserve.format(3, 2) + done)
    rules = [one.rule for one in api.check([str(tmp_path / "trace.txt")], api.Options(era="vm-pat")).findings]
    assert "memtype-fallback" not in rules

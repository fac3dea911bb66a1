"""What is not recorded is not held against the kernel: functions without a probe, the buffers of other CPUs."""

import re
import shutil
from pathlib import Path

import pytest

from pat_check import api
from tests.corpus import KEPT, text_of

TRACE = text_of(next((KEPT / "6.1" / "munmap-middle").glob("trace.txt*")))
LISTS = sorted((KEPT / "6.1" / "munmap-middle" / "snaps").glob("snap-*"))
OPEN = "nothing shows that memtype_free is recorded"
LEAKS = ("memtype-leak", "ioremap-leak")
DRIVER = """
ins-7 [000] 0.5: module_load: drv
ins-7 [000] 1.0: __ioremap_caller: phys=0xfd000000 size=0x2000 pcm=2
ins-7 [000] 1.1: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2
ins-7 [000] 1.2: memtype_reserve__ret: ret=0
ins-7 [000] 1.3: __ioremap_caller__ret: (probe+0x10/0x90 [drv] <- __ioremap_caller) ret=0xffa0000000654000
"""
FREED = """
rm-9 [000] 8.1: memtype_free: start=0xfd000000 end=0xfd002000
rm-9 [000] 8.2: memtype_free__ret: ret=0
"""
GONE = "\nrm-9 [000] 9.0: module_free: drv\n"
OTHERS = "".join(f"a-8 [000] 2.{at:03}: memtype_reserve__ret: ret=-22 start=0x0 end=0x0 req=2\n" for at in range(60))


@pytest.fixture
def seen(tmp_path):
    """The leaks (rule, severity) and the facts of a trace in a folder of a name, with files beside it."""

    def run(text, folder="a", beside=None):
        path = tmp_path / folder / "trace.txt"
        files = {"trace.txt": "".join(line + "\n" for line in text.split("\n") if line.strip()), **(beside or {})}
        for name, content in files.items():
            file = path.parent / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        report = api.check([str(path.parent if beside else path)], api.Options(era="vm-pat"))
        every = [one for root in report.findings for one in root.all()]
        leaks = [(one.rule, str(one.severity)) for one in every if one.rule in LEAKS]
        return leaks, report.inputs[0].facts

    return run


def without(text, *words):
    return "\n".join(line for line in text.split("\n") if not any(word in line for word in words))


UNPROBED = without(TRACE, "memtype_free", "memtype_erase")


def test_a_leak_beside_complete_frees_is_one(seen):
    leaks, facts = seen(TRACE)
    assert ("memtype-leak", "error") in leaks
    assert not any(OPEN in fact for fact in facts)


def test_without_any_free_nothing_is_known_of_leaks(seen):
    leaks, facts = seen(UNPROBED)
    assert leaks == []
    assert sum(OPEN in fact for fact in facts) == 1


def test_a_recording_that_says_what_it_probes_is_known(seen):
    leaks, facts = seen(UNPROBED, beside={"kprobe_profile.txt": "  memtype_free__ret    0    0\n"})
    assert ("memtype-leak", "error") in leaks
    assert not any(OPEN in fact for fact in facts)


EMPTY = "PAT memtype list:\n"
HELD = EMPTY + "PAT: [mem 0x00000000fd000000-0x00000000fd002000] uncached-minus\n"
BEGIN = "a-8 [000] 0.0: tracing_mark_write: checkpoint 0 before\n"
AFTER = "a-8 [000] 9.9: tracing_mark_write: checkpoint 1 after\n"


def test_a_list_that_still_has_the_reservation_proves_the_leak(seen):
    lists = {"snaps/snap-00-before.txt": EMPTY, "snaps/snap-01-after.txt": HELD}
    assert seen(BEGIN + DRIVER + OTHERS + GONE + AFTER, beside=lists)[0] == [("ioremap-leak", "error")]


def test_a_list_without_the_reservation_shows_no_leak(seen):
    lists = {"snaps/snap-00-before.txt": EMPTY, "snaps/snap-01-after.txt": EMPTY}
    assert seen(BEGIN + DRIVER + OTHERS + GONE + AFTER, beside=lists)[0] == []


def test_an_excerpt_shows_all_that_matters(seen):
    assert seen(DRIVER + GONE)[0] == [("ioremap-leak", "error")]


def test_at_length_an_iounmap_may_only_be_unprobed(seen):
    leaks, facts = seen(DRIVER + OTHERS + GONE)
    assert leaks == []
    assert any(OPEN in fact for fact in facts)


def test_a_free_shows_the_iounmap_that_is_not_probed(seen):
    assert seen(DRIVER + OTHERS + FREED + GONE)[0] == []


def test_what_other_frees_left_is_leaked(seen):
    other = FREED.replace("0xfd00", "0xfe00").replace("ret=0", "ret=-22")
    assert seen(DRIVER + OTHERS + other + GONE)[0] == [("ioremap-leak", "error")]


def test_lost_events_may_have_been_the_iounmap(seen):
    assert seen(DRIVER + "\nCPU:0 [LOST 3 EVENTS]\n" + GONE)[0] == [("ioremap-leak", "info")]


# --- one CPU ------------------------------------------------------------------------------------------------

HEADER = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 9/9   #P:4\n"
ONE = "only the events of CPU 0 of 4 are recorded"
STAYS = "all events are of CPU 0 of 4: taken for tasks that stayed there"


def test_the_buffer_of_one_cpu_proves_no_leak(seen):
    leaks, facts = seen(HEADER + DRIVER + GONE, "per_cpu/cpu0")
    assert leaks == [("ioremap-leak", "info")]
    assert any(ONE in fact for fact in facts)


def test_tasks_that_come_and_go_in_calls_show_the_buffer_of_one_cpu(seen):
    came = "x-5 [000] 0.1: memtype_free__ret: (untrack_pfn+0x1/0x9 <- memtype_free) ret=0\n"
    went = "x-5 [000] 0.2: memtype_reserve: start=0xfe000000 end=0xfe001000 req=2\n"
    leaks, facts = seen(HEADER + came + went + DRIVER + GONE)
    assert leaks == [("ioremap-leak", "info")]
    assert any(ONE in fact for fact in facts)


def test_tasks_that_stay_on_one_cpu_are_taken_for_pinned(seen):
    free = FREED.replace("0xfd00", "0xfe00").replace("ret=0", "ret=-22")
    leaks, facts = seen(HEADER + DRIVER + OTHERS + free + GONE)
    assert leaks == [("ioremap-leak", "error")]
    assert any(STAYS in fact for fact in facts)


def test_two_cpus_are_not_the_buffer_of_one(seen):
    leaks, facts = seen(HEADER + DRIVER + GONE.replace("[000]", "[001]"))
    assert leaks == [("ioremap-leak", "error")]
    assert not any("CPU 0" in fact for fact in facts)


# --- one probe less -------------------------------------------------------------------------------------------

FORKED = Path(__file__).parent.parent / "examples" / "fork-partial-6.12"
WHOLE = [FORKED, KEPT / "7.2" / "devmem-vs-bar", KEPT / "6.1" / "munmap-middle"]
_API = re.compile(r": (\w+?)(?:__ret)?: \(")


def errors(folder):
    report = api.check([str(folder)])
    assert report.inputs[0].error == ""
    return {one.rule for one in report.findings if one.severity >= api.Severity.ERROR}


@pytest.mark.parametrize("whole", WHOLE, ids=lambda path: path.name)
def test_a_probe_that_is_not_set_accuses_nobody(whole, tmp_path):
    text = text_of(next(whole.glob("trace.txt*")))
    known = errors(whole)
    for function in sorted(set(_API.findall(text))):
        folder = tmp_path / function
        shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("trace*", "kprobe*", "dynamic*"))
        (folder / "trace.txt").write_text(without(text, f": {function}: (", f": {function}__ret: ("))
        assert errors(folder) - known == set(), function


SHARED = """
app-7 [000] 1.0: remap_pfn_range: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0xa000 vm_flags=0xfb ctx=0x0 addr=0x7000 \
pfn=0xfd000 size=0x3000
app-7 [000] 1.1: pfnmap_track: pfn=0xfd000 size=0x3000
app-7 [000] 1.2: memtype_reserve: start=0xfd000000 end=0xfd003000 req=2
app-7 [000] 1.3: memtype_reserve__ret: ret=0
app-7 [000] 1.4: pfnmap_track__ret: ret=0
app-7 [000] 1.5: remap_pfn_range__ret: ret=0
app-7 [000] 2.0: vm_area_dup: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0xa000 vm_flags=0xfb ctx=0xcc
app-7 [000] 2.1: vm_area_dup__ret: ret=0x20
app-7 [000] 3.0: vm_area_free: vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x8000 vm_flags=0xfb ctx=0xcc
app-7 [000] 4.0: vm_area_free: vma=0x20 mm=0x77 vm_start=0x8000 vm_end=0xa000 vm_flags=0xfb ctx=0xcc
app-7 [000] 4.1: pfnmap_track_ctx_release: ctx=0xcc pfn=0xfd000 size=0x3000
app-7 [000] 4.2: memtype_free: start=0xfd000000 end=0xfd003000
app-7 [000] 4.3: memtype_free__ret: ret=0
""".replace("\\\n", "")


@pytest.mark.parametrize("unset", ["nothing", "vm_area_dup", "vm_area_free"])
def test_a_context_is_counted_where_all_that_counts_is_recorded(tmp_path, unset):
    file = tmp_path / "trace.txt"
    file.write_text(without(SHARED.lstrip(), unset))
    options = api.Options(era="pfnmap-ctx")
    assert api.check([str(file)], options).findings == []
    file.write_text(SHARED.replace("4.0: vm_area_free", "4.0: vm_area_dup").lstrip())
    assert {one.rule for one in api.check([str(file)], options).findings} == {"model-divergence"}


def test_without_the_memtype_layer_the_other_layers_that_are_missing_are_named(tmp_path):
    file = tmp_path / "trace.txt"
    file.write_text(
        "app-7 [000] 1.0: copy_page_range: dst=0x30 vma=0x10\napp-7 [000] 1.1: copy_page_range__ret: ret=0\n"
    )
    facts = api.check([str(file)], api.Options(era="vm-pat")).inputs[0].facts
    assert "no memtype_reserve or memtype_free is recorded: nothing of this layer was checked" in facts
    named = next(fact for fact in facts if fact.startswith("nothing shows that these are recorded"))
    assert named.endswith("not checked: drivers, PFN tracking, remap, inserts, zaps, VMAs, exit")

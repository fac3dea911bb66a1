"""A recording of one task's calls alone, as `pat-check record --comm` makes it, raises no false alarm."""

import json
import re
import shutil
from collections import Counter

import pytest

from pat_check import api
from pat_check.record.wanted import wanted_in
from tests.corpus import CORPUS, captures, text_of

HOT = {one.function for one in wanted_in("full") if one.group in ("mm", "full")}
HOT |= {"copy_page_range", "dup_mmap", "exit_mmap"}
"""What is recorded of tasks of one name alone."""

EVENT = re.compile(r"\s*(?P<comm>.+?)-\d+\s+.*?: (?P<function>\w+?)(?:__ret)?: ")
SCENARIOS = ("exec", "modules-user", "unfiltered", "fork-tree", "exit", "tgid", "threads", "many", "vfio")
CAPTURES = [one for one in captures() if one.length < 6_000 and str(one).split("/")[-1] in SCENARIOS]


def alarms(folder, least=api.Severity.WARNING):
    report = api.check([str(folder)])
    found = [finding for root in report.findings for finding in root.all()]
    return Counter((one.rule, one.message) for one in found if one.severity >= least), report.inputs[0]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus")
@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_nothing_new_is_told_of_the_tasks_of_one_name(capture, tmp_path):
    folder = tmp_path / "capture"
    shutil.copytree(capture.path, folder, ignore=shutil.ignore_patterns("trace.txt*", "maps-*"))
    lines = text_of(capture.trace).splitlines(keepends=True)
    seen = [(line, EVENT.match(line)) for line in lines]
    comms = Counter(match["comm"] for _, match in seen if match is not None and match["function"] in HOT)
    if len(comms) < 2:
        pytest.skip("calls of one task alone are recorded anyway")
    (folder / "trace.txt").write_text("".join(lines))
    whole, _ = alarms(folder)
    for comm, _ in comms.most_common(3):
        kept = [line for line, match in seen if match is None or match["function"] not in HOT or match["comm"] == comm]
        (folder / "trace.txt").write_text("".join(kept))
        (folder / "meta.json").write_text(json.dumps({**capture.meta, "filter": f"comm {comm}"}))
        found, seen_in = alarms(folder)
        assert not found - whole
        assert any(f"of tasks named {comm} alone" in fact for fact in seen_in.facts)


def test_references_of_other_tasks_are_not_missed(tmp_path):
    """The child, of another name, still shares the context when the parent's release is seen."""
    area = "mm=0x77 vm_start=0x7000 vm_end=0x9000"
    (tmp_path / "trace.txt").write_text(
        f"""
 app-7 [000] 0.1: tracing_mark_write: here
 app-7 [000] 1.0: remap_pfn_range: vma=0x10 {area} addr=0x7000 pfn=0xfd000 size=0x2000 ctx=0x0 vm_flags=0x444bb
 app-7 [000] 1.1: remap_pfn_range__ret: (mmap+0x1/0x2 <- remap_pfn_range) ret=0
 app-7 [000] 2.0: vm_area_dup: vma=0x10 {area} vm_flags=0x444bb ctx=0x5
 app-7 [000] 2.1: vm_area_dup__ret: (dup_mmap+0x1/0x2 <- vm_area_dup) ret=0x20
 app-7 [000] 3.0: vm_area_free: vma=0x10 ctx=0x5
 app-8 [000] 4.0: pfnmap_track_ctx_release: ctx=0x5 pfn=0xfd000 size=0x2000
"""
    )
    unfiltered, _ = alarms(tmp_path, api.Severity.INFO)
    (tmp_path / "meta.json").write_text('{"kernel": "6.16.1", "filter": "comm app"}')
    filtered, seen = alarms(tmp_path, api.Severity.INFO)
    assert "model-divergence" in {rule for rule, _ in unfiltered}
    assert "model-divergence" not in {rule for rule, _ in filtered}
    assert any("of tasks named app alone" in fact for fact in seen.facts)

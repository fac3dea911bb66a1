"""What rules hand over to be drawn: the range of the finding against the reservations around it."""

import pytest

from pat_check import api
from pat_check.reporters.drawing import page_map
from pat_check.rulebook import own_rules
from tests.claims import written

BY_ID = {rule.rule_id(): rule for rule in own_rules()}

#  The rows of each rule's own violating trace, as the report draws them.
MAPS = {
    "memtype-invalid-free": ["reserved UC-  |uuuuuuuu|", "freed         |xxxx|"],
    "memtype-double-free": ["freed       |xx|", "again       |xx|"],
    "memtype-downgrade": ["reserved UC-  |uuuuuuuu|", "asked WC      |WW|"],
    "memtype-conflict": ["reserved UC-  |uu|", "reserved WC     |WW|", "asked WC      |WWWW|"],
    "memtype-foreign-free": ["theirs UC-  |u|", "freed       |x|"],
    "memtype-overlap-types": ["reserved WC   |WWWWWWWW|", "reserved UC-      |uuuu|"],
    "end-match-theft": ["theirs UC-  |uuuuuuuu|", "freed             |xx|", "own UC-         |uuuu|"],
    "snapshot-mismatch": ["replayed UC-  |uu|", "listed UC-    |uuuu|"],
}


@pytest.mark.parametrize("rule_id", MAPS)
def test_a_finding_is_drawn_against_what_it_concerns(rule_id, tmp_path):
    rule = BY_ID[rule_id]
    trace = written(rule.violating, rule.beside, tmp_path)
    options = api.Options(era="vm-pat-6.12")
    findings = [one for one in api.check([str(trace)], options).findings if one.rule == rule_id]
    rows = [row for row in page_map(findings[0].drawn) if "|" in row]
    assert rows == MAPS[rule_id]


def test_a_leak_is_drawn_when_more_than_one_is_left(tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text(
        BY_ID["memtype-leak"]
        .violating.lstrip("\n")
        .replace(
            "app-7 [000] 2.0: exit_mmap",
            "app-7 [000] 1.2: remap_pfn_range: vma=0x11 mm=0x77 vm_start=0xa000 vm_end=0xb000 addr=0xa000 pfn=0xfd003 "
            "size=0x1000\n"
            "app-7 [000] 1.3: memtype_reserve: start=0xfd003000 end=0xfd004000 req=1\n"
            "app-7 [000] 2.0: exit_mmap",
        )
    )
    findings = [one for one in api.check([str(trace)]).findings if one.rule == "memtype-leak"]
    assert [list(page_map(one.drawn)) for one in findings] == [
        ["each 4 KiB  0xfd000000-0xfd004000", "leaked UC-  |uu|", "leaked WC      |W|"]
    ]

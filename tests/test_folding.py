"""Findings of one root cause are one finding, and what is not of one cause stays apart."""

from collections import Counter

from pat_check import api, plays
from pat_check.eras import era_of
from pat_check.findings import Finding, Report, Severity
from pat_check.folding import fold
from pat_check.gate.policy import Policy, apply_policy
from pat_check.judge import Judge
from pat_check.rulebook import Rulebook
from pat_check.scenario.parser import parse
from pat_check.session import Options, Session
from tests.scenario.stories import HEAD


def played(story, era="unmap-region"):
    return plays.play(parse(HEAD + story, "story.pat"), era_of(era))


def told(story, era="unmap-region", **policy):
    """The findings of a report, where those of one cause are one."""
    report = Report("0", findings=[*(play := played(story, era)).findings, *play.ignored])
    report.findings.sort(key=lambda finding: finding.line)
    apply_policy(report, Policy(**policy))
    return report.findings


def rules(findings):
    return [finding.rule for finding in findings]


ZAPPED = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: munmap v
"""


def test_a_leak_is_a_note_of_the_lost_entry_that_led_to_it():
    (finding,) = told(ZAPPED)
    assert finding.rule == "tracking-first-pte"
    assert rules(finding.folded) == ["memtype-leak"]
    (note,) = [note for note in finding.notes if "[memtype-leak]" in note.message]
    assert note.message.startswith("memtype [0xfd000000-0xfd004000) uncached-minus is leaked: its owner")


def test_what_is_folded_must_be_claimed_all_the_same():
    play = played(ZAPPED.replace("munmap v", "munmap v  #! tracking-first-pte"))
    assert [mark.rule for mark in play.unexpected] == ["memtype-leak"]
    play = played(ZAPPED.replace("munmap v", "munmap v  #! tracking-first-pte memtype-leak"))
    assert play.is_as_claimed


def test_a_comment_that_silences_the_cause_leaves_what_it_led_to():
    first, second = told(ZAPPED.replace("app: munmap", "# pat-check: ignore[tracking-first-pte]\napp: munmap"))
    assert {first.rule: first.counts, second.rule: second.counts} == {"tracking-first-pte": False, "memtype-leak": True}
    assert not first.folded
    assert not second.folded


def test_a_rule_that_is_not_selected_leaves_what_it_led_to():
    (finding,) = told(ZAPPED, ignore=("tracking",))
    assert finding.rule == "memtype-leak"


def test_what_a_team_finds_worse_is_the_finding():
    (finding,) = told(ZAPPED, severities=(("memtype-leak", Severity.FATAL),))
    assert (finding.rule, rules(finding.folded)) == ("memtype-leak", ["tracking-first-pte"])


def test_a_reservation_that_is_only_still_held_has_nothing_to_do_with_the_last_line():
    play = played("app: v = mmap 16K, private\napp: remap_pfn_range v, fb, 16K\napp: write v", "pfnmap-ctx")
    assert rules(play.findings) == ["mapping-cow-mode", "memtype-leak"]


def test_two_offences_at_one_line_are_two():
    story = (
        "drv: memory_disable fb\napp: v = mmap 16K\napp: mmap_read_lock {\n  remap_pfn_range v, fb, 16K\n}\napp: exit"
    )
    assert rules(told(story, "pfnmap-ctx")) == ["locking-remap", "mapping-revoked"]


def test_a_lock_that_is_not_held_gives_nobody_another_type():
    story = "drv: memtype_reserve fb, 16K, wc\napp: v = mmap 16K\n"
    story += "app: mmap_read_lock {\n  remap_pfn_range v, fb, 16K\n}\napp: exit\ndrv: memtype_free fb, 16K"
    assert rules(told(story, "pfnmap-ctx")) == ["locking-remap", "memtype-downgrade"]


SPLIT = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: mprotect v, 4K, ro
app: mprotect v + 8K, 4K, ro
app: munmap v
app: exit
"""


def test_the_pieces_of_one_reservation_are_one_finding_and_so_is_what_is_left_of_it():
    (finding,) = told(SPLIT)
    assert finding.rule == "memtype-invalid-free"
    assert Counter(rules(finding.all())) == {"memtype-invalid-free": 3, "memtype-leak": 1}
    assert [note.line for note in finding.notes][-3:] == [14, 14, 15]


def test_reservations_that_fail_apart_are_apart():
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: w = mmap 16K
app: remap_pfn_range w, fb + 32K, 16K
app: munmap v, 4K
app: munmap w, 4K
app: exit
"""
    first, second = told(story)
    assert (first.line, second.line) == (14, 15)


def test_the_same_line_is_no_cause_where_the_memory_is_another():
    story = """
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: w = mmap 16K
app: remap_pfn_range w, fb + 32K, 16K
drv: zap_vma_ptes v
app: mprotect w, 4K, ro
app: exit
"""
    first, second = told(story)
    assert {first.rule, second.rule} == {"memtype-invalid-free", "tracking-first-pte"}


def test_the_worse_of_two_is_the_finding():
    (finding, _) = told("drv: memremap_pages fb, 32K\ndrv: memunmap_pages fb, 16K", "vm-pat")
    assert (finding.rule, finding.severity) == ("memtype-invalid-free", Severity.ERROR)
    assert rules(finding.folded) == ["tracking-memunmap-pages"]


def again(times):
    return "drv: memtype_reserve fb, 16K, wc\n" + "app: v = mmap 16K\napp: remap_pfn_range v, fb, 16K\n" * times


def test_the_same_downgrade_of_one_task_is_told_once():
    findings = told(again(3) + "kvm: v = mmap 16K\nkvm: remap_pfn_range v, fb, 16K", "pfnmap-ctx")
    downgrades = [finding for finding in findings if finding.rule == "memtype-downgrade"]
    assert [(finding.line, finding.task.comm) for finding in downgrades] == [(11, "app"), (17, "kvm")]
    assert [note.line for note in downgrades[0].notes if note.message == "the same again here"] == [13, 15]


def test_many_repetitions_are_counted():
    finding = told(again(12), "pfnmap-ctx")[0]
    assert [note.message for note in finding.notes][-1] == "and 3 more findings of this cause"
    assert len(list(finding.all())) == 12


def test_repetitions_do_not_change_the_fingerprint():
    assert told(again(1), "pfnmap-ctx")[0].fingerprint == told(again(5), "pfnmap-ctx")[0].fingerprint


def test_of_the_same_again_and_again_nine_are_told_and_the_rest_counted(tmp_path):
    """Also where each is an offence by itself, which is not folded."""
    frees = [f"app-8 [000] {at}.0: memtype_free: start=0xfd000000 end=0xfd002000" for at in range(50)]
    other = "app-9 [000] 60.0: memtype_free: start=0xfd000000 end=0xfd002000"
    (tmp_path / "trace.txt").write_text("\n".join([*frees, other]) + "\n")
    found = api.check([str(tmp_path)]).findings
    assert [one.line for one in found] == [*range(1, 10), 51]
    assert found[0].notes[-1].message == "and 41 more findings like it, which are only counted"
    assert [one.more for one in found] == [41, *[0] * 9]
    assert len({one.fingerprint for one in found}) == 10


def test_what_a_counted_finding_has_spoilt_leads_to_the_first():
    def finding(rule, line, born):
        return Finding(rule, Severity.ERROR, rule, line, reservations=((born, 0x1000, 1),))

    first, leak = finding("memtype-invalid-free", 2, 1), finding("memtype-leak", 9, 5)
    first.count(finding("memtype-invalid-free", 6, 5), spoils=True)
    assert fold([first, leak], Rulebook()) == [first]
    assert first.folded == [leak]


def test_of_endless_repetitions_a_recording_keeps_some_and_counts_the_rest(tmp_path):
    """What is reported is the same as if all were kept: the first line, eight notes, and how many more."""
    lines = ["drv-7 [000] 0.5: memtype_reserve: start=0xfd000000 end=0xfd010000 req=2"]
    for at in range(200):
        lines.append(f"app-8 [000] {at + 1}.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=1")
        lines.append(f"app-8 [000] {at + 1}.5: memtype_free: start=0xfd000000 end=0xfd002000")
    (tmp_path / "trace.txt").write_text("\n".join(lines) + "\n")
    (finding,) = [one for one in api.check([str(tmp_path)]).findings if one.rule == "memtype-downgrade"]
    assert finding.line == 2
    assert finding.notes[-1].message == "and 191 more findings of this cause"
    assert len(finding.folded) < 20
    judge = Judge("trace")
    session = Session(str(tmp_path), Options(), judge.hear)
    session.run()
    every = [one for one in judge.close() if one.rule == "memtype-downgrade"]
    assert len(every) == 200
    assert every[0].fingerprint == finding.fingerprint

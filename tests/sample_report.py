"""The one sample report that every reporter's test writes: each field filled once, each oddity once."""

from pat_check.findings import (
    Baseline,
    Extent,
    Finding,
    Gone,
    Input,
    Note,
    Report,
    RuleText,
    Severity,
    Suppression,
    Task,
)

HOSTILE_COMM = "\x1b[2J\x1b]0;pwned\x07[bold]x\u202e"
"""A comm that clears the screen, sets the title, speaks rich's markup and reverses the writing direction."""

HOSTILE_TEXT = (
    "a|b `x` ```<script>alert(1)</script> [y](http://evil) @user #1 **z** ::error::w %0A ]]> &amp; \\|"
    "\x00\r\n::stop\udcff\ud800\n| c |\n```\n</details>"
)
"""What a marker or a symbol may hold: something for every format that a report is written in."""

HOSTILE = Finding(
    rule="memtype-leak",
    severity=Severity.ERROR,
    message=HOSTILE_TEXT,
    line=3,
    notes=[Note(2, HOSTILE_TEXT), Note(1, HOSTILE_TEXT, HOSTILE_TEXT), Note(0, HOSTILE_TEXT)],
    file=HOSTILE_TEXT + ".txt",
    time=1.0,
    task=Task(HOSTILE_COMM, 7),
    help=HOSTILE_TEXT,
    fingerprint="0" * 32,
    place=HOSTILE_TEXT,
    suppression=None,
    drawn=[Extent(HOSTILE_TEXT, 0, 0x1000, HOSTILE_TEXT)],
)
"""A finding of which every word comes from an enemy."""

_URI = "https://pat-check.example/rules/"


def _rule(rule, severity, summary):
    family = rule.split("-")[0]
    text = f"{summary}\n\n## Why it matters\nThe *range* is not what `pat_memtype_list` says.\n\n```\na trace\n```\n"
    return RuleText(rule, family, severity, summary, text, f"mind {rule}", f"{_URI}{rule}.md")


SAMPLE = Report(
    version="0.1.0",
    inputs=[
        Input(
            path="fork-partial/trace.txt",
            format="ftrace",
            era="vm-pat-6.12",
            era_reason="meta.json says kernel 6.12.107+deb13-amd64",
            lines=1309,
            events=1061,
            ignored=241,
            malformed=1,
            lost=12,
            live=9,
            unmatched=2,
            snapshots=6,
            snapshots_equal=5,
            snapshots_unanchored=1,
            mappings=4,
            mappings_equal=3,
            mappings_unseen=2,
            mappings_unowned=1,
            messages=2,
            messages_explained=2,
            ignored_names={
                "sys_enter_mmap": 100,
                "sys_exit_mmap": 100,
                "sched_switch": 20,
                "my_probe": 10,
                "x\x1b[31m": 6,
                "b": 3,
                "a": 2,
            },
            layers=["memtype", "PFN tracking"],
            facts=[
                "no event says when a driver is unloaded, so no leak is blamed on one",
                "no MTRR was recorded: every request for write-back is taken as granted",
            ],
        ),
        Input(path="clean.pat", format="pat", era="pfnmap-ctx", era_reason="as asked with --era", lines=12, events=4),
        Input(path="other\n.txt", format="", era="", era_reason="", error="other\n.txt: is a JPEG image, not a trace"),
    ],
    findings=[
        Finding(
            rule="memtype-invalid-free",
            severity=Severity.ERROR,
            message="memtype_free [0xfd002000-0xfd004000) matches no reservation: [0xfd000000-0xfd004000) ends there,"
            " but begins earlier",
            line=117,
            notes=[
                Note(77, "reserved here as write-combining, for remap_pfn_range"),
                Note(101, "copied by fork here"),
                Note(3, "x86/PAT: pat-fork:512 freeing invalid memtype [mem 0xfd002000-0xfd003fff]", "dmesg.txt"),
                Note(0, "the reservation stays until the machine restarts"),
            ],
            file="fork-partial/trace.txt",
            time=12.345678,
            task=Task(HOSTILE_COMM, 512),
            start=0xFD002000,
            end=0xFD004000,
            help="unmap the whole mapping at once, or mark it VM_DONTCOPY before fork",
            fingerprint="memtype-invalid-free:fd002000-fd004000",
            era="vm-pat-6.12",
            place="0000:00:02.0 (PCI Bus 0000:00)",
            baseline=Baseline.NEW,
            drawn=[
                Extent("reserved", 0xFD000000, 0xFD004000, "WC"),
                Extent("freed", 0xFD002000, 0xFD004000),
            ],
        ),
        Finding(
            rule="memtype-leak",
            severity=Severity.WARNING,
            message="[0xfd000000-0xfd004000) is still reserved although its owner exited",
            line=1309,
            file="fork-partial/trace.txt",
            time=52000.0,
            task=Task("", -1),
            start=0xFD000000,
            end=0xFD004000,
            fingerprint="memtype-leak:fd000000-fd004000",
        ),
        Finding(
            rule="trace-lost-events",
            severity=Severity.INFO,
            message="[red]12 events are missing here[/red]",
            line=900,
            file="fork-partial/trace.txt",
            fingerprint="trace-lost-events",
        ),
        Finding(
            rule="memtype-leak",
            severity=Severity.WARNING,
            message="[0x0-0x1000) is still reserved although its owner exited",
            line=1309,
            file="fork-partial/trace.txt",
            start=0,
            end=0x1000,
            fingerprint="memtype-leak:0-1000",
        ),
        Finding(
            rule="memtype-downgrade",
            severity=Severity.WARNING,
            message="ioremap of [0xfe000000-0xfe010000) asked for WC and got UC-",
            line=12,
            file="fork-partial/trace.txt",
            start=0xFE000000,
            end=0xFE010000,
            fingerprint="memtype-downgrade:fe000000",
            baseline=Baseline.UNCHANGED,
        ),
        Finding(
            rule="memtype-double-free",
            severity=Severity.ERROR,
            message="memtype [0xfe000000-0xfe001000) is freed twice, now by iounmap",
            line=8,
            notes=[Note(5, "first freed here")],
            file="clean.pat",
            start=0xFE000000,
            end=0xFE001000,
            fingerprint="memtype-double-free:fe000000",
            suppression=Suppression("the driver is out of tree", "clean.pat", 7, True),
        ),
        Finding(
            rule="memtype-leak",
            severity=Severity.FATAL,
            message="[0xff000000-0xff001000) is still reserved although its owner exited",
            line=1310,
            file="fork-partial/trace.txt",
            start=0xFF000000,
            end=0xFF001000,
            fingerprint="memtype-leak:ff000000",
            suppression=Suppression("known: see the thread of May", "pat-check.toml", 4, False),
        ),
    ],
    gone=[
        Gone("memtype-conflict", "memtype [0xfc000000-0xfc001000) is refused", "fork-partial/trace.txt", "gone:1"),
    ],
    hidden=[
        Finding("memtype-isa", Severity.INFO, "[0xa0000-0xb0000) is in the tree", 4, file="fork-partial/trace.txt"),
        Finding("memtype-range", Severity.WARNING, "[0x1-0x2) is not aligned", 5, file="fork-partial/trace.txt"),
    ],
    rules=[
        _rule("memtype-conflict", Severity.ERROR, "A reservation is refused."),
        _rule("memtype-double-free", Severity.ERROR, "A memtype reservation is freed a second time."),
        _rule("memtype-downgrade", Severity.WARNING, "A range is granted another type."),
        _rule("memtype-invalid-free", Severity.ERROR, "A range is freed that is not reserved with these bounds."),
        _rule("memtype-leak", Severity.ERROR, "A memtype reservation outlives whoever made it."),
        _rule("trace-lost-events", Severity.INFO, "The recording lost events."),
    ],
)

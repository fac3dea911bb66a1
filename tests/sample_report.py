"""The one sample report that every reporter's test writes: each field filled once, each oddity once."""

from pat_check.findings import Finding, Input, Note, Report, Severity, Task

HOSTILE_COMM = "\x1b[2J\x1b]0;pwned\x07[bold]x\u202e"
"""A comm that clears the screen, sets the title, speaks rich's markup and reverses the writing direction."""

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
    ],
)

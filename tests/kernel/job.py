"""What is recorded in the guest; captures are left in /out."""

import gzip
import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path

from guest import (
    LEAKS,
    NOTHING,
    PATIENCE,
    PYTHON,
    RECORD,
    WHOLE,
    WORKLOAD,
    check,
    left_behind,
    run,
    said,
    started,
    until,
)

UP = Path("/tmp/the  command's up")  # blanks and quotes must reach the command
ENDLESS = (PYTHON, "-c", f'import time; open("{UP}", "w"); time.sleep(1000)')
STEPS = ("split", "map", "protect", "fork", "exit")
SHELL = "/bin/sh"
SCRIPTS = ("tracefs", "trace-cmd", "perf", "bpftrace")


def recorders():
    run(*RECORD, "--doctor")
    run(*RECORD, "-o", "/out/mm", "--probes", "mm", "--", *WORKLOAD)
    run(*RECORD, "-o", "/out/followed", "--probes", "full", "--follow", "--", *WORKLOAD)
    check("nothing is left behind", not left_behind())


def scripts():
    texts = {}
    for tool in SCRIPTS:
        with open("/tmp/record.sh", "w") as script:
            run(*RECORD, "--print", tool, stdout=script)
        texts[tool] = Path("/tmp/record.sh").read_text()
        run(SHELL, "/tmp/record.sh", f"/out/script-{tool}", *WORKLOAD)
        check(f"the script for {tool} leaves nothing behind", not left_behind())
        script = subprocess.Popen([SHELL, "/tmp/record.sh", f"/out/ended-{tool}", *ENDLESS])
        until("the command runs", UP.exists)
        UP.unlink()
        script.terminate()
        check(f"a signal ends the script for {tool} in good order", script.wait(PATIENCE) == 0)
        check(f"a script for {tool} that was ended leaves nothing behind", not left_behind())
    script = Path("/tmp/record.sh")
    script.write_text(re.sub(r" -m \d+ ", " -m 1 ", texts["perf"]))
    run(SHELL, "/tmp/record.sh", "/out/small-perf", *WORKLOAD)


def attached(name, *options):
    """A process that has mappings before it is recorded; its mappings are saved after each step."""
    stepper = subprocess.Popen((PYTHON, "/steps.py"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stepper.stdout.readline()
    pid = ("--pid", str(stepper.pid)) if not options else ()
    recorder = started(name, *pid, *options, command=())
    snaps = Path("/out", name, "snaps")
    for step in STEPS:
        print(step, file=stepper.stdin, flush=True)
        stepper.stdout.readline()
        before = len(list(snaps.iterdir()))
        recorder.send_signal(signal.SIGUSR1)
        until(f"mappings after {step}", lambda before=before: len(list(snaps.iterdir())) >= before + 2)
    stepper.kill()
    stepper.wait()
    recorder.send_signal(signal.SIGINT)
    check(f"the recorder of {name} ends well", recorder.wait() == 0)


def module():
    """Functions of a driver that is a module: those that `full` knows, and one by name."""
    run(PYTHON, "/vfio.py", "load")
    options = ("--probes", "full", "--function", "vfio_pci_core_read", "-o", "/out/module")
    run(*RECORD, *options, "--", PYTHON, "/vfio.py")
    run(*RECORD, "-o", "/out/refused", "--function", "nvme:nvme_probe", "--", *NOTHING, expected=2)
    with gzip.open("/out/module/trace.txt.gz", "rt") as trace:
        seen = Counter(re.findall(r": (vfio_\w+): \(", trace.read()))
    print(dict(seen))
    check("the mmap handler of a module is seen", seen["vfio_pci_core_mmap"] == seen["vfio_pci_core_mmap__ret"] == 1)
    check("its fault handler is seen", seen["vfio_pci_mmap_fault"] + seen["vfio_pci_mmap_huge_fault"] > 0)
    check("a function that was asked for is seen", seen["vfio_pci_core_read"] > 0)
    check("nothing is left behind in a module", not left_behind())


def watched():
    """The whole of pat-check: it replays while it records."""
    told = said(*WHOLE, "--live", "-o", "/out/live", "--", *WORKLOAD)
    check("a live replay tells what leaks, where it does", ("[memtype-" in told) == LEAKS)
    command = (PYTHON, "/steps.py", "leak") if LEAKS else WORKLOAD
    told = said(*WHOLE, "--until-finding", "-o", "/out/until-finding", "--", *command)
    check("a flight recorder stops at what leaks, where it does", ("ended with 143" in told) == LEAKS)
    check("nothing is left behind by a flight recorder", not left_behind())


def refused_interrupted_killed():
    recorder = started("interrupted")
    run(*RECORD, "-o", "/out/second", "--", *NOTHING, expected=2)
    check("the first recorder goes on", recorder.poll() is None)
    recorder.send_signal(signal.SIGINT)
    check("a recorder that is interrupted ends well", recorder.wait() == 0)
    check("nothing is left behind by a recorder that was interrupted", not left_behind())

    recorder = started("/tmp/killed")
    recorder.kill()
    recorder.wait()
    check("a recorder that is killed leaves its probes", len(left_behind()) > 10)
    run(*RECORD, "--doctor", stdout=subprocess.DEVNULL)
    run(*RECORD, "-o", "/out/after", "--", *NOTHING)
    check("the next recorder removes what was left", not left_behind())

    run(*RECORD, "-o", "/out/small", "--buffer", "4", "--probes", "full", "--", *WORKLOAD)
    check("nothing is left behind by a small buffer", not left_behind())


PARTS = {
    "recorders": recorders,
    "scripts": scripts,
    "pid": lambda: attached("pid"),
    "comm": lambda: attached("comm", "--comm", "steps"),
    "module": module,
    "watched": watched,
    "ends": refused_interrupted_killed,
}

if os.path.exists("/bin/busybox"):
    subprocess.run(["/bin/busybox", "--install", "-s", "/bin"], check=True)
wanted = os.environ.get("PARTS", "").split(",")
for name, part in PARTS.items():
    if name in wanted or wanted == [""]:
        part()
print("done", flush=True)

"""What jobs in the guest share: commands that must end as expected, and claims that must hold."""

import os
import subprocess
import time
from pathlib import Path

TRACING = Path("/sys/kernel/tracing")
PYTHON = "/bin/python3"
RECORD = (PYTHON, "-m", "pat_check.record")
WORKLOAD = (PYTHON, "/workload.py")
NOTHING = (PYTHON, "-c", "pass")
FOREVER = (PYTHON, "-c", "import time; time.sleep(1000)")
PATIENCE = 120  # seconds; the guest is slow


def run(*words, expected=0, **options):
    """Run a command to its end."""
    print("==", *words, flush=True)
    began = time.monotonic()
    code = subprocess.run(words, check=False, **options).returncode
    wrong = "" if code == expected else f" FAILED: not {expected}"
    print(f"-> exit code {code} after {time.monotonic() - began:.0f} s{wrong}", flush=True)


def check(what, holds):
    """Say whether something holds."""
    print(what if holds else f"FAILED: not: {what}", flush=True)


def left_behind():
    """What of recorders is in tracefs."""
    instances = [path.name for path in (TRACING / "instances").iterdir()]
    return instances + (TRACING / "dynamic_events").read_text().splitlines()


def until(what, holds):
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            print(f"FAILED: never: {what}", flush=True)
            return
        time.sleep(0.1)


def started(name, *options, command=FOREVER, program=RECORD, **more):
    """A recorder that runs in the background, once its first list is saved."""
    words = [*program, "-o", os.path.join("/out", name), *options, *(("--", *command) if command else ())]
    print("==", *words, "&", flush=True)
    recorder = subprocess.Popen(words, **more)
    until("a first list", lambda: list(Path("/out", name, "snaps").glob("snap-*-before.txt")))
    return recorder

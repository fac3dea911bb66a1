"""What jobs in the guest share: commands that must end as expected, and claims that must hold."""

import os
import subprocess
import time
from pathlib import Path

TRACING = Path("/sys/kernel/tracing")
PYTHON = "/bin/python3"
RECORD = (PYTHON, "-m", "pat_check.record")
WHOLE = (PYTHON, "-c", "import sys; sys.path[0] = '/whole'; from pat_check.cli import cli; cli()", "record")
LEAKS = tuple(map(int, os.uname().release.split(".")[:2])) < (6, 16)  # mappings that are unmapped in parts
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


def said(*words):
    """What a command says that must end well."""
    print("==", *words, flush=True)
    done = subprocess.run(words, check=False, stderr=subprocess.PIPE, text=True)
    print(done.stderr, f"-> exit code {done.returncode}{' FAILED: not 0' if done.returncode else ''}", flush=True)
    return done.stderr


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

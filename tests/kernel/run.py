"""Boot a Debian kernel under QEMU, record a small workload in it, and replay the captures.

``python -m tests.kernel.run KERNEL...`` with 6.1, 6.12, 6.16 or 7.2; takes a few minutes a kernel, without KVM.
Needs qemu-system-x86_64 and, for the printed scripts, a static busybox; trace-cmd, perf and bpftrace are downloaded.
A kernel passes when every saved list and mapping agrees with the model, nothing was malformed, nothing was lost but
where a buffer is too small on purpose, no recorded result differs from its prediction, and nothing is left behind in
tracefs.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

from pat_check import api
from tests.kernel.fetch import modules, tools, vmlinuz
from tests.kernel.image import build

MACHINE = ("-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "2G", "-no-reboot")
DEVICES = (
    *("-device", "intel-iommu"),  # for vfio
    *("-display", "none", "-nodefaults", "-vga", "none"),
    *("-device", "pci-testdev,membar=16M"),
    *("-object", "memory-backend-ram,id=shm,size=64M,share=on", "-device", "ivshmem-plain,memdev=shm"),
)
BOOT = "console=ttyS0 panic=-1 quiet loglevel=4 iomem=relaxed intel_iommu=on rdinit=/init"
SECONDS = 600  # enough where a core is free
WRONG = {"model-divergence", "model-era", "snapshot-mismatch", "snapshot-maps", "trace-lost-events", "trace-malformed"}
WITH_MAPPINGS = {"mm", "followed", "pid", "comm", "live"}
OF_LOSS = {"snapshot-mismatch", "snapshot-maps", "trace-lost-events"}


DRIVERS = ("vfio_iommu_type1", "vfio_pci")


def boot(kernel, image, folder, values):
    """Run the job in a guest; what it left in /out is then below `folder`/out.

    Returns the seconds that it took, and those of CPU.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    extra = [("bin/busybox", values.busybox)] if values.busybox else []
    drivers = dict(module for name in DRIVERS for module in modules(kernel, name))
    (folder / "initrd.gz").write_bytes(build("job.py", extra, tools(kernel), drivers.items()))
    line = folder / "line.tar.gz"
    command = [
        *("nice", "qemu-system-x86_64", *MACHINE, *DEVICES),
        *("-serial", f"file:{folder / 'console.txt'}", "-serial", f"file:{line}"),
        *("-kernel", str(image), "-initrd", str(folder / "initrd.gz"), "-append", f"{BOOT} PARTS={values.parts}"),
    ]
    began, used = time.monotonic(), _cpu()
    try:
        subprocess.run(command, check=True, timeout=values.seconds)
    except subprocess.TimeoutExpired:
        sys.exit(f"{said(folder)}\nthe guest did not come to its end in {values.seconds} s")
    with tarfile.open(line) as tar:
        tar.extractall(folder, filter="data")
    return time.monotonic() - began, _cpu() - used


def _cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def said(folder):
    """What the guest wrote to its console."""
    return (folder / "console.txt").read_text(errors="replace").replace("\r", "")


def judged(capture):
    """A row of the table, and what is wrong with a capture; one named small... has lost events, and must say so."""
    lossy = capture.name.startswith("small")
    report = api.check([str(capture)])
    (seen,) = report.inputs
    found = Counter(finding.rule for finding in report.findings)
    wrong = [f"{capture.name}: {seen.error}"] if seen.error else []
    wrong += [f"{capture.name}: {rule}" for rule in found if rule in WRONG - (OF_LOSS if lossy else set())]
    wrong += [f"{capture.name}: no list was compared"] * (seen.snapshots == 0)
    if lossy:
        wrong += [f"{capture.name}: the loss is not told"] * ("trace-lost-events" not in found)
    else:
        wrong += [f"{capture.name}: lists differ"] * (seen.snapshots_equal < seen.snapshots)
        wrong += [f"{capture.name}: mappings differ"] * (seen.mappings_equal < seen.mappings)
        wrong += [f"{capture.name}: no mapping was compared"] * (capture.name in WITH_MAPPINGS and not seen.mappings)
    findings = ", ".join(f"{rule} {count}" for rule, count in sorted(found.items())) or "none"
    lists, mappings = f"{seen.snapshots_equal}/{seen.snapshots}", f"{seen.mappings_equal}/{seen.mappings}"
    return f"| {capture.name} | {seen.era} | {seen.events:,} | {lists} | {mappings} | {findings} |", wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kernels", nargs="+", metavar="KERNEL")
    parser.add_argument("--vmlinuz", help="boot this image, and download none")
    parser.add_argument("--busybox", default=shutil.which("busybox"), help="a static busybox, for the printed script")
    parser.add_argument("--parts", default="", help="of the job, separated by commas; else all")
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, help="how long a guest may take; more on a busy machine"
    )
    parser.add_argument("--out", default="/tmp/pat-check-kernel", help="where captures and consoles stay")
    values = parser.parse_args()
    failed = False
    for kernel in values.kernels:
        folder = Path(values.out) / kernel
        seconds, used = boot(kernel, values.vmlinuz or vmlinuz(kernel), folder, values)
        console = said(folder)
        print(console)
        wrong = [line for line in console.splitlines() if "FAILED" in line]
        wrong += [] if "\ndone\n" in console else ["the job did not come to its end"]
        print(f"Kernel {kernel}, {seconds:.0f} s, {used:.0f} s of CPU\n")
        print("| capture | era | events | lists | mappings | findings |")
        print("|---|---|---|---|---|---|")
        for capture in sorted(path for path in (folder / "out").iterdir() if path.is_dir()):
            row, problems = judged(capture)
            print(row)
            wrong += problems
        print("\n" + "\n".join(f"failed: {problem}" for problem in wrong) if wrong else "\npassed", flush=True)
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""docs/reference/inputs.md: what can be read, and what may lie beside a trace."""

from __future__ import annotations

import inspect

from pat_check.docs.markdown import code, page, table
from pat_check.sources.formats import SOURCES

_INTRO = """
The format of an input is found from its first lines; `--input-format` names it where that fails. Any input may be
compressed (gzip, xz, zstd, bzip2), whatever it is called; `-` is standard input. Bytes that are not UTF-8 are kept as
`\\xNN`. A line that cannot be read is counted, quoted and reported as `trace-malformed`; `--strict` makes damage an
error."""

_SCENARIO = """
`pat` is a scenario, recognised by its ending `.pat`: see [scenarios](../scenarios.md)."""

_CAPTURE = """
A directory is a capture: a trace with what was saved beside it. Everything but the trace may be missing.

| File | Holds |
|---|---|
| `trace.txt`, else `trace-cmd-report.txt`, `perf-script.txt`, `bpftrace.txt`, `mmiotrace.txt`, `trace` | the trace |
| `dmesg.txt` | the kernel log of the same time; it is the recording where there is no other |
| `iomem.txt` | `/proc/iomem`, as root: what is RAM, and names for ranges |
| `mtrr.txt` | `/proc/mtrr` |
| `bars.txt` | BARs, as `record` saves them: `0xfebd1000-0xfebd10ff 0000:00:04.0 bar0 1af4:1110 ivshmem` |
| `meta.json` | an object whose `kernel`, `release` or `uname` says the kernel release, and so the era |
| `dynamic_events.txt`, `kprobe_events.txt`, `kprobe_profile.txt` | which functions were probed, as tracefs tells |
| `snaps/snap-NN-NAME.txt` | `/sys/kernel/debug/x86/pat_memtype_list` at checkpoint NN |
| `snaps/maps-NN-NAME.txt` | mappings of processes at checkpoint NN, below lines `== pid N` |

Each may be compressed: `trace.txt.xz`. A checkpoint is a line `checkpoint NN NAME` written to `trace_marker`. The first
snapshot is the state to start from; at every other the kernel's list is compared with the model's, and a difference is
`snapshot-mismatch`. A trace without any marker is compared with its last snapshot at the end."""

_SIDE = """
Without a capture, options say the same: `--memtypes FILE` is a `pat_memtype_list` read when the trace began, `--iomem
FILE` and `--mtrr FILE` are copies of the files in `/proc`. A [machine](configuration.md) of the configuration holds
them for all traces that were recorded there.

`/proc/iomem` must be read as root: everybody else sees zeros, and pat-check refuses such a file. The ends of ranges in
`pat_memtype_list` are exclusive, unlike those of `/proc/iomem` and of the kernel's messages."""


def inputs_page() -> str:
    """The page."""
    rows = [(code(source.name), source.title, inspect.getdoc(source) or "") for source in SOURCES]
    return page(
        "Inputs",
        _INTRO,
        "## Formats",
        "In the order in which they are asked.",
        table(("Name", "Is", ""), rows),
        _SCENARIO,
        "## Captures",
        _CAPTURE,
        "## Facts beside a trace",
        _SIDE,
    )

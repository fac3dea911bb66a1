"""What the README promises of its own recipe: recordings made with it raise no error that a full one does not."""

import lzma
import re
import shutil
from pathlib import Path

import pytest

from pat_check import api

ROOT = Path(__file__).parent.parent
CAPTURES = sorted(path.parent for path in (ROOT / "tests" / "captures").glob("*/*/trace.txt.xz"))
PROBE = re.compile(r"^[pr]:(?P<event>\w+) \w+ (?P<fields>.*)$", re.MULTILINE)
EVENT = re.compile(r"(?:^.{16}-\d+ .*?: )(?P<event>\w+): ")
FIELD = re.compile(r" (?P<name>\w+)=\S+")
TRACEPOINTS = {"sched_process_fork", "sched_process_exec", "sched_process_exit", "module_load", "module_free"}
ALIASES = {"mode": "pcm"}


def recipe(page="README.md"):
    """The events of the probes of a page, each with the fields that it records."""
    text = (ROOT / page).read_text()
    block = text[text.index("cat >> kprobe_events") : text.index("\nEND\n")]
    return {
        match["event"]: {part.partition("=")[0] for part in match["fields"].split()} for match in PROBE.finditer(block)
    }


def reduced(line, probes):
    """The line as the recipe would have recorded it; None for what it does not record."""
    match = EVENT.match(line)
    if match is None:
        return line
    event = match["event"]
    if event in TRACEPOINTS or event == "tracing_mark_write":
        return line
    if event not in probes:
        return None
    wanted = probes[event]
    head, tail = line[: match.end()], line[match.end() :]
    return head + FIELD.sub(lambda field: field[0] if ALIASES.get(field["name"], field["name"]) in wanted else "", tail)


def test_the_how_to_has_the_same_recipe():
    assert recipe("docs/how-to/record.md") == recipe()


def test_the_recipe_names_events_that_are_known():
    probes = recipe()
    assert len(probes) > 12
    assert {"memtype_check_insert__ret", "memtype_erase__ret", "remap_pfn_range"} <= set(probes)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_recording_of_the_recipe_is_not_judged_worse_than_a_full_one(capture, tmp_path):
    probes = recipe()
    folder = shutil.copytree(
        capture, tmp_path / "capture", ignore=shutil.ignore_patterns("trace*", "kprobe_profile.txt")
    )
    lines = lzma.decompress((capture / "trace.txt.xz").read_bytes()).decode().splitlines()
    if any("latency trace" in line for line in lines[:5]):
        pytest.skip("this layout is reduced by its other print")
    kept = [line for line in (reduced(line, probes) for line in lines) if line is not None]
    assert len(kept) < len(lines)
    (folder / "trace.txt").write_text("\n".join(kept) + "\n")
    full, small = api.check([str(capture)]), api.check([str(folder)])
    assert small.inputs[0].error == ""
    assert small.inputs[0].snapshots_equal == small.inputs[0].snapshots == full.inputs[0].snapshots
    assert errors(small) <= errors(full)


def errors(report):
    return {(finding.rule, finding.start, finding.end) for finding in report.findings if finding.severity >= 2}

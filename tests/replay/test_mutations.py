"""Real recordings with one nested call gone or altered: the difference is told where it is."""

import re
import shutil
from functools import lru_cache

import pytest

from pat_check import api
from pat_check.findings import Severity
from pat_check.model.vma import VM_PFNMAP
from tests.corpus import KEPT, text_of

NEAR = 12  # lines
NESTED = (
    "track_pfn_remap",
    "track_pfn_copy",
    "unmap_single_vma",
    "untrack_pfn",
    "reserve_pfn_range",
    "remap_pfn_range_track",
    "pfnmap_track",
    "pfnmap_track_ctx_release",
    "pfnmap_untrack",
    "memtype_reserve",
    "memtype_free",
)
MAY_BE_INLINED = ("get_pat_info", "memtype_kernel_map_sync")
WHOLE = (
    "__split_vma",
    "copy_page_range",
    "copy_vma",
    "dup_mmap",
    "exit_mmap",
    "unmap_vmas",
    "untrack_pfn_clear",
    "vm_area_dup",
    *MAY_BE_INLINED,
)
CAPTURES = ("6.1/munmap-middle", "6.12/fork-partial", "6.16/conflict", "7.2/devmem-vs-bar", "7.2/pl-double-free")
CHANGED = (
    (r"\bpaddr=0x(\w+)", 0x1000),
    (r"\bpfn=0x(?!0\b)(\w+)", 1),
    (r"\bvma=0x(\w+)", 8),
    (r"\bend=0x(\w+)", 0x1000),
)
_EVENT = re.compile(r": (\w+): ")
_FLAGS = re.compile(r"vm_flags=0x(\w+)")


@lru_cache(maxsize=1)
def lines_of(name):
    return text_of(next((KEPT / name).glob("trace.txt*"))).split("\n")


@lru_cache(maxsize=1)
def probes_of(name):
    """What was probed, in the form of kprobe_profile: else one call that is gone may only have been unprobed."""
    found = {match[1] for line in lines_of(name) if (match := _EVENT.search(line)) is not None}
    return "".join(f"  {event}  1  0\n" for event in sorted(found))


def places(name, function):
    """Three of the lines where a mapping of PFNs, or a driver, comes to this function."""
    found = []
    for at, line in enumerate(lines_of(name)):
        if f": {function}: " in line:
            flags = _FLAGS.search(line)
            if flags is None or int(flags[1], 16) & VM_PFNMAP or "remap" in function:
                found.append(at)
    return found[:: max(1, len(found) // 3)][:3]


def wholes(name, function):
    """Some lines where such a call must be missed: not the first of what a compiler may have inlined."""
    found = places(name, function)
    if function == "unmap_vmas":
        return [at for at in found if "end=0xffffffffffffffff" in lines_of(name)[at]]
    return found[1:] if function in MAY_BE_INLINED else found


def return_of(name, function, at):
    """The line of the return of a call; the line of the call itself where none is recorded."""
    lines = lines_of(name)
    task = lines[at].split("[")[0]
    ends = (number for number in range(at, len(lines)) if f": {function}__ret: " in lines[number])
    return next((number for number in ends if lines[number].startswith(task)), at)


WHOLE_CASES = [(name, function) for name in CAPTURES for function in WHOLE if wholes(name, function)]
CASES = [(name, function) for name in CAPTURES for function in NESTED if places(name, function)]


@pytest.fixture
def errors(tmp_path):
    """The errors of a capture whose trace has other lines: how often (rule, line)."""

    def run(name, lines):
        folder = tmp_path / "capture"
        shutil.copytree(KEPT / name, folder, ignore=shutil.ignore_patterns("trace*"), dirs_exist_ok=True)
        (folder / "trace.txt").write_text("\n".join(lines))
        (folder / "kprobe_profile.txt").write_text(probes_of(name))
        report = api.check([str(folder)])
        every = [one for root in report.findings for one in root.all()]
        return {(one.rule, one.line) for one in every if one.severity >= Severity.ERROR}

    return run


@pytest.mark.parametrize(("name", "function"), CASES, ids=lambda case: case)
def test_a_call_that_is_gone_is_told_where_it_was(errors, name, function):
    lines = lines_of(name)
    known = errors(name, lines)
    for at in places(name, function):
        found = errors(name, lines[:at] + lines[at + 1 :]) - {(rule, line - (line > at)) for rule, line in known}
        assert any(abs(line - at) <= NEAR for _, line in found), lines[at]


@pytest.mark.parametrize(("name", "function"), WHOLE_CASES, ids=lambda case: case)
def test_a_call_that_is_gone_with_its_return_is_told(errors, name, function):
    lines = lines_of(name)
    known = {rule for rule, _ in errors(name, lines)}
    for at in wholes(name, function):
        back = return_of(name, function, at)
        kept = [line for number, line in enumerate(lines) if number not in (at, back)]
        found = {rule for rule, _ in errors(name, kept)}
        assert "model-divergence" in found - known, lines[at]


@pytest.mark.parametrize(("name", "function"), CASES, ids=lambda case: case)
def test_a_call_with_other_arguments_is_told_where_it_is(errors, name, function):
    lines = lines_of(name)
    known = errors(name, lines)
    for at in places(name, function):
        altered = lines[at].partition(": ")[2]
        for pattern, more in CHANGED:
            altered, count = re.subn(pattern, lambda one: raised(one, more), altered)  # noqa: B023
            if count:
                break
        found = errors(name, [*lines[:at], lines[at].partition(": ")[0] + ": " + altered, *lines[at + 1 :]]) - known
        assert any(abs(line - at) <= NEAR for _, line in found), lines[at]


def raised(match, more):
    name, _, _ = match[0].partition("=")
    return f"{name}={int(match[1], 16) + more:#x}"

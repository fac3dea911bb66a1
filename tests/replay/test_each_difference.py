"""Each function, field and result of real recordings: what differs is shown, or nested.md says why it is not."""

import re
import shutil
from collections import Counter, defaultdict

import pytest

from pat_check import api
from pat_check.docs.nested import SILENT
from pat_check.events import Telltale
from pat_check.events.runs import FOLLOWED
from pat_check.sources.specs import SPECS
from tests.corpus import KEPT, text_of

CAPTURES = ("6.1/munmap-middle", "6.12/fork-partial", "6.16/conflict", "7.2/devmem-vs-bar", "7.2/pl-double-free")
FUNCTIONS = {spec.function: spec for spec in SPECS if spec.call is not Telltale}
POINTERS = ("vma", "dst", "ctx")
MODES = ("req", "type", "pcm", "new")
FLAGS = ("vm_flags", "newflags")
_EVENT = re.compile(r"(?P<head>.*?-(?P<pid>\d+) .*?: (?P<event>\w+): )(?P<fields>.*)")
_FIELD = re.compile(r"\b(\w+)=(-?\w+)")
_RESULT = re.compile(r"\bret=(-?\w+)")
_VM_FLAGS = re.compile(r"\bvm_flags=0x(\w+)")


def other(field, text):
    """Another value of a field, as a kernel might print it."""
    value = int(text, 0)
    if field in POINTERS:
        return hex(value + 0x40) if value else "0xff11000109990040"
    if field in ("mm", "oldmm"):
        return hex(value ^ 0x10000)
    if field in MODES:
        return "1" if value == 2 else "2"
    if field in ("strict", "new_below"):
        return str(1 - value)
    if field == "prot":
        return hex(value ^ (0x8 if value & 0x8 else 0x18 & ~value or 0x10))
    if field in FLAGS:
        return hex(value ^ 0x400)  # VM_PFNMAP
    if field in ("pfn", "numpages", "ranges"):
        return hex(value + 1)
    return hex(value - 0x1000 if value >> 63 and field == "end" else value + 0x1000)


def other_result(spec, text):
    """Other results: a failure, or a success; another address only where it says which VMA."""
    value = int(text, 0)
    if not spec.pointer:
        return ["-22"] if value == 0 else ["0"]
    if value == 0 or value >= (1 << 64) - 4095:
        return ["0xff11000104a89840"]
    return ["0x0"] if spec.function == "memtype_erase" else ["0x0", hex(value + 0x40)]


class Recording:
    """A capture, whose calls are paired with their returns."""

    def __init__(self, name, tmp_path):
        self.lines = text_of(next((KEPT / name).glob("trace.txt*"))).split("\n")
        self.folder = tmp_path / name.replace("/", "-")
        shutil.copytree(KEPT / name, self.folder, ignore=shutil.ignore_patterns("trace*"))
        self.matches = [_EVENT.match(line) for line in self.lines]
        hits = Counter(match["event"] for match in self.matches if match)
        profile = "".join(f"  {event}  {count}  0\n" for event, count in sorted(hits.items()))
        (self.folder / "kprobe_profile.txt").write_text(profile)
        self.calls, self.returns = defaultdict(list), {}
        opened = defaultdict(list)
        for at, match in enumerate(self.matches):
            if match is None:
                continue
            function = match["event"].removesuffix("__ret")
            if match["event"] in FUNCTIONS and self.is_special(match["fields"], function):
                self.calls[function].append(at)
            if match["event"] in FUNCTIONS:
                opened[match["pid"], function].append(at)
            elif opened[match["pid"], function]:
                self.returns[opened[match["pid"], function].pop()] = at
        self.known = self.shown(self.lines)

    def is_special(self, fields, function):
        """Whether a call is of a PFN, I/O or mixed mapping, or of none; a VMA to be mapped has no flag yet."""
        flags = _VM_FLAGS.search(fields)
        return flags is None or int(flags[1], 16) & FOLLOWED or "remap" in function

    def shown(self, lines):
        """What is said of these lines, places apart."""
        (self.folder / "trace.txt").write_text("\n".join(lines))
        report = api.check([str(self.folder)])
        every = [one for root in report.findings for one in root.all()]
        found = Counter((one.rule, one.severity, re.sub(r"0x\w+", "", one.message)) for one in every)
        return found, report.inputs[0].facts, report.inputs[0].unmatched

    def tries(self):
        """Of the call in the middle of each function: function, what is changed, the lines then."""
        for function, places in self.calls.items():
            spec, at = FUNCTIONS[function], places[len(places) // 2]
            back = self.returns.get(at)
            yield function, "call", self.without(at, back)
            names = {name for field in (*spec.fields, *spec.trailing) for name in field.names}
            for field in _FIELD.finditer(self.matches[at]["fields"]):
                if field[1] in names:
                    yield function, field[1], self.altered(at, field.span(2), other(*field.groups()))
            if back is not None:
                yield function, "half", self.without(at)
                yield function, "half", self.without(back)
                result = _RESULT.search(self.matches[back]["fields"])
                for text in other_result(spec, result[1]):
                    yield function, "result", self.altered(back, result.span(1), text)

    def without(self, *places):
        return [line for at, line in enumerate(self.lines) if at not in places]

    def altered(self, at, span, text):
        head, fields = self.matches[at]["head"], self.matches[at]["fields"]
        return [*self.lines[:at], head + fields[: span[0]] + text + fields[span[1] :], *self.lines[at + 1 :]]

    def says_more(self, lines):
        """Whether a change leads to a finding or to a fact of the summary."""
        found, facts, unmatched = self.shown(lines)
        return bool(found - self.known[0]) or (facts, unmatched) != self.known[1:]


@pytest.fixture
def tried(tmp_path):
    """What was changed in any recording, and what of it was shown nowhere."""
    every, silent = set(), set()
    for name in CAPTURES:
        recording = Recording(name, tmp_path)
        for function, what, lines in recording.tries():
            every.add((function, what))
            if not recording.says_more(lines):
                silent.add((function, what))
    return every, silent


def test_each_difference_is_shown_or_said_to_be_implied_by_nothing(tried):
    every, silent = tried
    said = {(function, what) for one in SILENT for function in one.functions.split() for what in one.what.split()}
    assert silent - said == set()
    assert (said & every) - silent == set(), "it is shown"
    assert len(every) > 150

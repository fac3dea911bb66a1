"""Definitions made from the BTF of the corpus' kernels, against those that these kernels took when it was recorded."""

import lzma
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from pat_check.events import Telltale
from pat_check.record import events
from pat_check.record.btf import Btf
from pat_check.record.modules import Types
from pat_check.record.probes import recipe_for
from pat_check.record.wanted import GROUPS, TRACEPOINTS, WANTED, tracepoints_in, wanted_in
from pat_check.sources import catalogue
from pat_check.sources.specs import SPECS
from tests.record.assembler import Assembler

KERNELS = Path(__file__).parent / "kernels"
NAMES = ("6.1", "6.12", "6.16", "7.2")
LINE = re.compile(r"(?P<kind>\w+):\w+/(?P<event>\w+) (?P<function>\S+) (?P<fields>.*)")


@cache
def recipe(kernel, group="full"):
    return recipe_for(Types(Btf(lzma.decompress((KERNELS / kernel / "btf.xz").read_bytes()), kernel)), group)


@cache
def as_written(kernel):
    """By event: the function, and the fields with their fetch arguments."""
    text = (KERNELS / kernel / "kprobe_events.as-written.txt").read_text()
    matches = [LINE.fullmatch(line) for line in text.splitlines() if line]
    return {match["event"]: (match["kind"], match["function"], fields(match["fields"])) for match in matches}


def fields(text):
    return dict(word.split("=", 1) for word in text.split())


def skipped(kernel):
    lines = (KERNELS / kernel / "probes-skipped.txt").read_text().splitlines()
    return {line.partition(":")[0] for line in lines}


@cache
def asked_for(kernel):
    """The functions that were to be probed when the corpus was recorded."""
    return {function for _, function, _ in as_written(kernel).values()} | skipped(kernel)


@pytest.mark.parametrize("kernel", NAMES)
def test_every_field_is_read_from_where_the_kernel_was_seen_to_have_it(kernel):
    compared = 0
    for definition in recipe(kernel).definitions:
        line = LINE.fullmatch(events.kprobe(definition, "g"))
        if definition.function not in asked_for(kernel):
            continue
        kind, function, truth = as_written(kernel)[definition.event]
        assert (line["kind"], line["function"]) == (kind, function)
        mine = fields(line["fields"])
        common = set(mine) & set(truth)
        compared += len(common)
        assert {name: mine[name] for name in common} == {name: truth[name] for name in common}
    assert compared > 200


@pytest.mark.parametrize("kernel", NAMES)
def test_functions_are_left_out_exactly_where_the_kernel_has_none(kernel):
    wanted = {entry.function for entry in WANTED} & asked_for(kernel)
    assert len(wanted) > 50
    assert {left.function for left in recipe(kernel).left_out} & wanted == wanted & skipped(kernel)
    assert recipe(kernel).functions() & wanted == wanted - skipped(kernel)


@pytest.mark.parametrize("kernel", NAMES)
def test_replay_reads_every_event_of_the_groups_before_full(kernel):
    for definition in recipe(kernel, "mm").definitions:
        spec, is_return = catalogue.resolve(definition.event)
        assert (spec.function, is_return) == (definition.function, definition.is_return)
        values = {field.name: "0x1000" for field in definition.fields}
        if is_return:
            assert catalogue.return_of(spec, values, "", 1, 0.0, 0, 1, "x").ret == 0x1000
        else:
            catalogue.entry_of(spec, values, 1, 0.0, 0, 1, "x")


def test_every_function_that_replay_reads_is_probed():
    read = {spec.function for spec in SPECS if spec.call is not Telltale}
    assert read == {wanted.function for wanted in wanted_in("mm")}


@pytest.mark.parametrize("kernel", NAMES)
def test_every_field_that_replay_reads_is_recorded_where_the_function_has_it(kernel):
    missing = set()
    for definition in recipe(kernel, "mm").definitions:
        if not definition.is_return:
            spec, _ = catalogue.resolve(definition.event)
            recorded = {field.name for field in definition.fields}
            wanted = (*spec.fields, *spec.trailing)
            missing |= {(spec.function, field.names[0]) for field in wanted if not recorded & set(field.names)}
    assert {(function, name) for function, name in missing if name != "ctx"} == without(
        recipe(kernel, "mm").functions()
    )
    assert bool({function for function, name in missing if name == "ctx"} - NO_VMA) == (kernel in ("6.1", "6.12"))


NO_VMA = {"pfnmap_untrack", "pfnmap_track_ctx_release"}


def without(functions):
    """What no argument of a function tells."""
    of_no_vma = {(function, name) for function in NO_VMA for name in ("vma", "mm", "vm_start", "vm_end", "vm_flags")}
    others = {("untrack_pfn_clear", "pfn"), ("untrack_pfn_clear", "size")}
    return {(function, name) for function, name in of_no_vma | others if function in functions}


@pytest.mark.parametrize("kernel", NAMES)
def test_arguments_at_a_return_only_where_the_kernel_reads_them(kernel):
    reading = [definition.event for definition in recipe(kernel).definitions if definition.reads_arguments_at_return]
    assert bool(reading) == (kernel != "6.1")
    assert recipe(kernel).fprobes == (kernel != "6.1")


def test_a_group_holds_those_before_it():
    functions = [{wanted.function for wanted in wanted_in(group)} for group in GROUPS]
    assert all(small < large for small, large in pairwise(functions))
    assert set(TRACEPOINTS["memtype"]) <= set(tracepoints_in("full"))
    assert tracepoints_in("memtype") == list(TRACEPOINTS["memtype"])


def kernel_with(*params, vma=()):
    """A kernel whose only function is track_pfn_copy."""
    out = Assembler()
    word = out.integer("unsigned long", 8)
    wide = out.struct("wide", 16, ("a", word, 0))
    struct = out.struct("vm_area_struct", 80, *((name, word, offset) for name, offset in vma))
    types = {"word": word, "wide": wide, "vma": out.pointer(struct)}
    out.function("track_pfn_copy", *((name, types[kind]) for name, kind in params))
    return Btf(out.blob(), "made")


WHOLE = (("vm_start", 0), ("vm_end", 8), ("vm_mm", 16), ("vm_flags", 32), ("vm_pgoff", 40))


def why(btf):
    return next(left.why for left in recipe_for(Types(btf), "tracking").left_out if left.function == "track_pfn_copy")


def test_offsets_are_those_of_this_kernel():
    moved = tuple((name, offset + 8) for name, offset in WHOLE)
    btf = kernel_with(("dst_vma", "vma"), ("src_vma", "vma"), vma=moved)
    entry = next(made for made in recipe_for(Types(btf), "tracking").definitions if not made.is_return)
    assert events.arguments(entry) == (
        "dst=$arg1:x64 vma=$arg2:x64 mm=+24($arg2):x64 vm_start=+8($arg2):x64 vm_end=+16($arg2):x64"
        " vm_flags=+40($arg2):x64 vm_pgoff=+48($arg2):x64"
    )


@pytest.mark.parametrize(
    ("btf", "reason"),
    [
        (
            kernel_with(("dst_vma", "vma"), ("src_vma", "vma"), vma=WHOLE[1:]),
            "struct vm_area_struct has no member vm_start",
        ),
        (kernel_with(("dst_vma", "vma"), ("source", "vma"), vma=WHOLE), "has no parameter src_vma"),
        (kernel_with(("dst_vma", "vma"), ("src_vma", "word"), vma=WHOLE), "is no pointer"),
        (kernel_with(("by_value", "wide"), ("dst_vma", "vma"), ("src_vma", "vma"), vma=WHOLE), "by value"),
        (kernel_with(), "has no parameter dst_vma"),
        (Btf(Assembler().blob(), "empty"), "no function of this kernel"),
    ],
)
def test_what_the_types_do_not_say_is_left_out_with_the_reason(btf, reason):
    assert reason in why(btf)

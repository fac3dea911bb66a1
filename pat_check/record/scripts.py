"""The same recipe as a script for a machine without Python; what it records is a capture that replays, too."""

from __future__ import annotations

from collections.abc import Callable

from pat_check.errors import RecordError
from pat_check.record.bpftrace import program
from pat_check.record.events import forms
from pat_check.record.files import Files
from pat_check.record.machine import release
from pat_check.record.modules import types_of
from pat_check.record.probes import Recipe, recipe_for
from pat_check.record.request import Request
from pat_check.record.templates import BEGIN, BPFTRACE, CHECK, NEEDS, PERF, PROBES, TRACE_CMD, TRACEFS
from pat_check.record.wanted import tracepoints_in

_RUNS_THE_COMMAND = ("perf", "bpftrace")  # these end it when they end
_BUFFER = 8192  # kB for each CPU


def script(tool: str, request: Request, files: Files) -> str:
    """The script for `tool`, one of SCRIPTS; raises RecordError when the types of the kernel cannot be read."""
    types = types_of(request.kernel_btf, files)
    kernel = f"the kernel of {request.kernel_btf}" if request.kernel_btf else f"Linux {release(files)}"
    check = "" if request.kernel_btf else CHECK.format(release=release(files))
    recipe = recipe_for(types, request.probes, request.functions)
    if not recipe.definitions:
        raise RecordError(f"{types.kernel.path}: knows none of the functions to probe")
    begin = BEGIN.format(
        kernel=_one_line(kernel),
        probes=request.probes,
        tool=tool,
        check=check,
        needs="" if tool == "tracefs" else NEEDS.format(tool=tool),
        ends_work="INT" if tool in _RUNS_THE_COMMAND else "TERM",
        ends_tool="INT" if tool == "trace-cmd" else "TERM",
    )
    return begin + _BODIES[tool](recipe, request)


def _tracefs(recipe: Recipe, request: Request) -> str:
    tracepoints = " ".join(tracepoints_in(request.probes))
    buffer = request.buffer or _BUFFER
    return PROBES + TRACEFS.format(probes=_probes(recipe), tracepoints=tracepoints, buffer=buffer)


def _trace_cmd(recipe: Recipe, request: Request) -> str:
    tracepoints = " ".join(f"-e {name.replace('/', ':')}" for name in tracepoints_in(request.probes))
    buffer = request.buffer or _BUFFER
    return PROBES + TRACE_CMD.format(probes=_probes(recipe), tracepoints=tracepoints, buffer=buffer)


def _perf(recipe: Recipe, request: Request) -> str:
    tracepoints = " ".join(f"-e {name.replace('/', ':')}" for name in tracepoints_in(request.probes))
    return PROBES + PERF.format(probes=_probes(recipe), tracepoints=tracepoints, pages=_pages(request))


def _bpftrace(recipe: Recipe, request: Request) -> str:
    functions = " ".join(dict.fromkeys(definition.function for definition in recipe.definitions))
    return BPFTRACE.format(program=program(recipe), functions=functions, pages=_pages(request))


def _pages(request: Request) -> int:
    """The buffer of each CPU in pages: perf and bpftrace want a power of two."""
    return 1 << max(1, (request.buffer or _BUFFER) // 4).bit_length() - 1


_BODIES: dict[str, Callable[[Recipe, Request], str]] = {
    "tracefs": _tracefs,
    "trace-cmd": _trace_cmd,
    "bpftrace": _bpftrace,
    "perf": _perf,
}

SCRIPTS: tuple[str, ...] = tuple(_BODIES)
"""The tools that a script can use."""


def _probes(recipe: Recipe) -> str:
    lines = (forms(made, "@", fprobes=recipe.fprobes) for made in recipe.definitions)
    return "\n".join("probe " + " ".join(f"'{form}'" for form in line) for line in lines)


def _one_line(text: str) -> str:
    """A text that can stand in a comment."""
    return "".join(char if char.isprintable() else "?" for char in text)

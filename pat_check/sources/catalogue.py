"""The event catalogue at work: names of events resolved to functions, fields to arguments."""

from __future__ import annotations

from collections.abc import Callable

from pat_check import events
from pat_check.events import Call, Event, Return
from pat_check.sources.patterns import Pattern
from pat_check.sources.specs import BY_FUNCTION, Field, Spec

_MAX = 1 << 64

_RETURN = Pattern(r"(?:__ret|_ret|__return|__exit)$")
_STRUCT = Pattern(r"\(STRUCT\)\[(0x[0-9a-f]{1,16})\]")  # of one word, by option func-args
_FAULT = "(fault)"  # a probe followed a pointer to nowhere
_ENTRY = Pattern(r"__entry$")
_DEFAULT_NAME = Pattern(r"(?P<kind>[prf])_(?P<function>\w+)_(?:0x[0-9a-f]+|\d+)$")


def resolve(name: str) -> tuple[Spec, bool] | None:
    """The function that an event name stands for, and whether the event is its return.

    Understands ``F``, ``F__ret``, ``F_ret`` (bpftrace), ``F__return`` (perf probe), ``F__entry`` and
    ``F__exit`` (fprobe defaults), ``p_F_0`` and ``r_F_0`` (kprobe defaults). None for other events.
    """
    spec = BY_FUNCTION.get(name)
    if spec is not None:
        return spec, False
    if default := _DEFAULT_NAME.match(name):
        spec = BY_FUNCTION.get(default["function"])
        return None if spec is None else (spec, default["kind"] == "r")
    for pattern, is_return in ((_RETURN, True), (_ENTRY, False)):
        if match := pattern.search(name):
            spec = BY_FUNCTION.get(name[: match.start()])
            return None if spec is None else (spec, is_return)
    return None


class FieldError(ValueError):
    """A needed field is missing or is not a number."""


def number(text: str) -> int:
    """A value as tools print it: ``0x1f``, ``31``, ``-22``, ``1 [_PAGE_CACHE_MODE_WC]``, ``(STRUCT)[0x27]``."""
    try:
        return int(text, 0)
    except ValueError:
        pass
    word = text.split(None, 1)[0] if text.strip() else ""
    if (struct := _STRUCT.fullmatch(word)) is not None:
        word = struct[1]
    try:
        return int(word, 0)
    except ValueError:
        raise FieldError(f"{text[:40]!r} is not a number") from None


def entry_of(spec: Spec, fields: dict[str, str], at: int, time: float | None, cpu: int, pid: int, comm: str) -> Call:
    """The call event of `spec` from named fields; raises FieldError when one is missing or no number."""
    values = _values(spec, spec.fields, fields)
    if spec.convert is not None:
        values = spec.convert(values)
    if not spec.trailing:
        return spec.call(at, time, cpu, pid, comm, *values, *spec.extra)
    trailing = _values(spec, spec.trailing, fields)
    return spec.call(at, time, cpu, pid, comm, *values, *spec.extra, *trailing)


def _values(spec: Spec, wanted: tuple[Field, ...], fields: dict[str, str]) -> list[int]:
    values: list[int] = []
    for field in wanted:
        for name in field.names:
            text = fields.get(name)
            if text is not None and (text != _FAULT or field.default is None):
                try:
                    try:
                        value = int(text, 0)
                    except ValueError:
                        value = number(text)
                    if not -_MAX < value < _MAX:
                        raise FieldError(f"{name}={text[:40]} is wider than 64 bits")
                except FieldError:
                    if not field.lenient:
                        raise
                    value = -1
                values.append(value)
                break
        else:
            if field.default is None:
                raise FieldError(f"{spec.function} has no field {field.names[0]}=")
            values.append(field.default)
    return values


def return_of(
    spec: Spec,
    fields: dict[str, str],
    caller: str,
    at: int,
    time: float | None,
    cpu: int,
    pid: int,
    comm: str,
) -> Return:
    """The return event of `spec`; its `entry` is set when the fields hold all arguments."""
    text = fields.get("ret", fields.get("retval"))
    ret = None if text is None else number(text)
    if ret is not None and not -_MAX < ret < _MAX:
        raise FieldError(f"ret={str(text)[:40]} is wider than 64 bits")
    if ret is not None and not spec.pointer:
        ret = signed(ret)
    got = -1
    for name in spec.got:
        if name in fields:
            mode = number(fields[name])
            got = mode if 0 <= mode <= 5 else -1  # a NULL new_type reads as garbage
    try:
        entry = entry_of(spec, fields, at, time, cpu, pid, comm) if "start" in fields else None
    except FieldError:
        entry = None
    return Return(at, time, cpu, pid, comm, spec.call, spec.function, ret, got, caller, entry)


def signed(value: int) -> int:
    """An int result that a tool printed as an unsigned 32- or 64-bit number."""
    if 0x8000_0000 <= value <= 0xFFFF_FFFF:
        return value - (1 << 32)
    if value >= 1 << 63:
        return value - _MAX
    return value


def tracepoint(name: str, payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Event | None:
    """The event of a tracepoint that the model listens to; None for every other one."""
    decode = TRACEPOINTS.get(name)
    return None if decode is None else decode(payload, at, time, cpu, pid, comm)


# Searched for in lines that may hold anything: bounded, so that no line takes quadratic time.
_FORK = Pattern(
    r"comm=(?P<comm>.{0,64}) pid=(?P<pid>\d{1,10}) child_comm=(?P<child_comm>.{0,64}) child_pid=(?P<child>\d{1,10})"
)
_EXEC = Pattern(r"filename=(?P<filename>.{0,4096}) pid=(?P<pid>\d{1,10}) old_pid=\d+")
_EXIT = Pattern(r"comm=.{0,64} pid=(?P<pid>\d{1,10}) prio=\d+")


def _fork(payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Event:
    if (match := _FORK.search(payload)) is None:
        raise FieldError("sched_process_fork has no child_pid=")
    parent = pid if pid >= 0 else int(match["pid"])
    return events.SchedProcessFork(at, time, cpu, parent, comm, match["child_comm"], int(match["child"]))


def _exec(payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Event:
    if (match := _EXEC.search(payload)) is None:
        raise FieldError("sched_process_exec has no pid=")
    return events.SchedProcessExec(at, time, cpu, int(match["pid"]), comm, match["filename"])


def _exit(payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Event:
    if (match := _EXIT.search(payload)) is None:
        raise FieldError("sched_process_exit has no pid=")
    dead = payload.rstrip().endswith("group_dead=true")
    return events.SchedProcessExit(at, time, cpu, pid, comm, int(match["pid"]), dead)


def _module_load(payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Event:
    return events.ModuleLoad(at, time, cpu, pid, comm, payload.split(None, 1)[0] if payload.strip() else "?")


def _module_free(payload: str, at: int, time: float | None, cpu: int, pid: int, comm: str) -> Event:
    return events.ModuleFree(at, time, cpu, pid, comm, payload.split(None, 1)[0] if payload.strip() else "?")


TRACEPOINTS: dict[str, Callable[[str, int, float | None, int, int, str], Event]] = {
    "sched_process_fork": _fork,
    "sched_process_exec": _exec,
    "sched_process_exit": _exit,
    "module_load": _module_load,
    "module_free": _module_free,
}

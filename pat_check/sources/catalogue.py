"""The event catalogue: which kernel functions are read, with which fields, under which names.

Names are those of the kernel and of its own probe definitions; `Spec.fields` maps the names that other
people and other tools give to the same arguments. This table is the only place that knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pat_check import events
from pat_check.events import Call, Event, Return

PAGE_SHIFT = 12
PFN_MASK = (1 << 52) - 1
"""The page number in a pfn_t, whose top bits are flags (kernels up to 6.16)."""

_MAX = 1 << 64


@dataclass(frozen=True, slots=True)
class Field:
    """An argument: the names it goes by, and what stands for it where a recording has none of them."""

    names: tuple[str, ...]
    default: int | None = None  # None: the event is malformed without it


@dataclass(frozen=True, slots=True)
class Spec:
    """How one kernel function becomes an event."""

    function: str
    call: type[Call]
    fields: tuple[Field, ...]
    extra: tuple[object, ...] = ()  # appended to the field values
    pointer: bool = False  # the result is an address, not a number
    got: tuple[str, ...] = ()  # names of the granted mode in the return event
    convert: Callable[[list[int]], list[int]] | None = None


def _f(*names: str, default: int | None = None) -> Field:
    return Field(names, default)


_START = _f("start", "arg1", "es")
_END = _f("end", "arg2")
_VMA = _f("vma", "vma_ptr", default=0)
_MM = _f("mm", default=0)
_VM_START = _f("vm_start", "vs", default=-1)
_VM_END = _f("vm_end", "ve", default=-1)
_ZAP_START = _f("start", "start_addr", "addr", "address", "vs", "ds", default=-1)
_ZAP_END = _f("end", "end_addr", "ve", "de", default=-1)


def _pfn_to_start(values: list[int]) -> list[int]:
    values[0] = (values[0] & PFN_MASK) << PAGE_SHIFT
    return values


def _plain_pfn(values: list[int]) -> list[int]:
    values[3] &= PFN_MASK
    return values


def _insert(function: str, size: int) -> Spec:
    fields = (_VMA, _MM, _f("addr", "address"), _f("pfn"))
    return Spec(function, events.InsertPfn, fields, (size, function), convert=_plain_pfn)


def _remap(function: str, addr: Field | None = None) -> Spec:
    fields = (
        _VMA,
        _MM,
        _VM_START,
        _VM_END,
        addr or _f("addr", "start", default=-1),
        _f("pfn", default=-1),
        _f("size", default=-1),
    )
    return Spec(function, events.RemapPfnRange, fields, (function,))


def _zap(function: str) -> Spec:
    return Spec(function, events.ZapVma, (_VMA, _MM, _ZAP_START, _ZAP_END), (function,))


SPECS: tuple[Spec, ...] = (
    Spec(
        "memtype_reserve",
        events.MemtypeReserve,
        (
            _START,
            _END,
            _f("req", "req_type", "arg3", "want"),
            _f("newp", "new_type", "arg4", default=-1),
        ),
        got=("new", "got"),
    ),
    Spec("memtype_free", events.MemtypeFree, (_START, _END)),
    Spec(
        "memtype_check_insert",
        events.MemtypeCheckInsert,
        (_f("start", "es", default=-1), _f("end", default=-1), _f("type", default=-1)),
        got=("type",),
    ),
    Spec("memtype_erase", events.MemtypeErase, (_START, _END), pointer=True),
    Spec(
        "memtype_reserve_io",
        events.MemtypeReserveIo,
        (_START, _END, _f("req", default=-1)),
        got=("type",),
    ),
    Spec("memtype_free_io", events.MemtypeFreeIo, (_START, _END)),
    Spec("arch_io_reserve_memtype_wc", events.ArchIoReserveMemtypeWc, (_START, _f("size", "arg2"))),
    Spec("arch_io_free_memtype_wc", events.ArchIoFreeMemtypeWc, (_START, _f("size", "arg2"))),
    Spec(
        "memtype_kernel_map_sync",
        events.MemtypeKernelMapSync,
        (_f("base", "arg1"), _f("size", "arg2"), _f("pcm", "arg3")),
    ),
    Spec(
        "__ioremap_caller",
        events.IoremapCaller,
        (_f("phys", "phys_addr", "arg1"), _f("size", "arg2"), _f("pcm", "mode", "arg3")),
        pointer=True,
    ),
    Spec("iounmap", events.Iounmap, (_f("addr", "arg1"),)),
    *(
        Spec(api, events.SetMemory, (_f("addr", "arg1"), _f("numpages", "arg2")), (api,))
        for api in ("set_memory_uc", "set_memory_wc", "set_memory_wb")
    ),
    _remap("remap_pfn_range"),
    _remap("remap_pfn_range_track"),
    _remap("remap_pfn_range_complete"),
    _remap("track_pfn_remap"),
    Spec(
        "reserve_pfn_range",
        events.ReservePfnRange,
        (_f("paddr", "start"), _f("size"), _f("prot", default=-1)),
        ("reserve_pfn_range",),
    ),
    Spec(
        "pfnmap_track",
        events.ReservePfnRange,
        (_f("pfn"), _f("size"), _f("prot", default=-1)),
        ("pfnmap_track",),
        convert=_pfn_to_start,
    ),
    *(
        Spec(api, events.FreePfnRange, (_VMA, _MM), (api,))
        for api in ("untrack_pfn", "pfnmap_untrack", "pfnmap_track_ctx_release")
    ),
    *(
        Spec(
            api,
            events.CopyPageRange,
            (
                _f("dst", "dst_vma", default=0),
                _f("vma", "src", "src_vma", default=0),
                _MM,
            ),
            (api,),
        )
        for api in ("copy_page_range", "track_pfn_copy")
    ),
    Spec("dup_mmap", events.DupMmap, (_f("mm"), _f("oldmm"))),
    _zap("unmap_single_vma"),
    _zap("unmap_page_range"),
    _zap("__zap_vma_range"),
    Spec("unmap_vmas", events.UnmapVmas, (_ZAP_START, _ZAP_END)),
    Spec("exit_mmap", events.ExitMmap, (_f("mm"),)),
    _insert("vmf_insert_pfn_prot", 1 << 12),
    _insert("vmf_insert_mixed", 1 << 12),
    _insert("vmf_insert_pfn_pmd", 1 << 21),
    _insert("vmf_insert_pfn_pmd_prot", 1 << 21),
    _insert("vmf_insert_pfn_pud", 1 << 30),
    _insert("vmf_insert_pfn_pud_prot", 1 << 30),
)

BY_FUNCTION: dict[str, Spec] = {spec.function: spec for spec in SPECS}

_RETURN = re.compile(r"(?:__ret|_ret|__return|__exit)$")
_ENTRY = re.compile(r"__entry$")
_DEFAULT_NAME = re.compile(r"(?P<kind>[prf])_(?P<function>\w+)_(?:0x[0-9a-f]+|\d+)$")


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
    """A value as tools print it: ``0x1f``, ``31``, ``-22``, ``1 [_PAGE_CACHE_MODE_WC]``."""
    try:
        return int(text, 0)
    except ValueError:
        pass
    word = text.split(None, 1)[0] if text.strip() else ""
    try:
        return int(word, 0)
    except ValueError:
        raise FieldError(f"{text[:40]!r} is not a number") from None


def entry_of(spec: Spec, fields: dict[str, str], at: int, time: float | None, cpu: int, pid: int, comm: str) -> Call:
    """The call event of `spec` from named fields; raises FieldError when one is missing or no number."""
    values: list[int] = []
    for field in spec.fields:
        for name in field.names:
            text = fields.get(name)
            if text is not None:
                try:
                    value = int(text, 0)
                except ValueError:
                    value = number(text)
                if not -_MAX < value < _MAX:
                    raise FieldError(f"{name}={text[:40]} is wider than 64 bits")
                values.append(value)
                break
        else:
            if field.default is None:
                raise FieldError(f"{spec.function} has no field {field.names[0]}=")
            values.append(field.default)
    if spec.convert is not None:
        values = spec.convert(values)
    return spec.call(at, time, cpu, pid, comm, *values, *spec.extra)


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
_FORK = re.compile(
    r"comm=(?P<comm>.{0,64}) pid=(?P<pid>\d{1,10}) child_comm=(?P<child_comm>.{0,64}) child_pid=(?P<child>\d{1,10})"
)
_EXEC = re.compile(r"filename=(?P<filename>.{0,4096}) pid=(?P<pid>\d{1,10}) old_pid=\d+")
_EXIT = re.compile(r"comm=.{0,64} pid=(?P<pid>\d{1,10}) prio=\d+")


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
    return events.SchedProcessExit(at, time, cpu, pid, comm, int(match["pid"]))


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

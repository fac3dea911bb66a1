"""The recipe as a program for bpftrace: a line ``time_ns cpu pid comm event name=value ...`` for each event."""

from __future__ import annotations

from dataclasses import replace

from pat_check.record.probes import Definition, Fetch, Field, Recipe

_HEADER = 'BEGIN { printf("# time_ns cpu pid comm event args\\n"); }\n'
_IN_REGISTERS = 6  # arguments; the others lie on the stack, above the return address
_TYPES = {
    **{f"{letter}{bits}": f"uint{bits}" for letter in "xu" for bits in (8, 16, 32, 64)},
    **{f"s{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
}
_UNREADABLE = 0xFFFFFFFF  # stands for what a NULL pointer points to; no cache mode
_SIGNED = frozenset(("s8", "s16", "s32", "s64"))


def program(recipe: Recipe) -> str:
    """The program, a probe each for every entry and return."""
    keeping = {made.function: made for made in recipe.definitions if made.reads_arguments_at_return}
    lines = [_HEADER]
    for definition in recipe.definitions:
        kept = keeping.get(definition.function)
        if definition.is_return:
            lines.append(_return(definition))
        else:
            lines.append(_probe("kprobe", definition, [_value(field) for field in definition.fields], _keep(kept)))
    return "".join(lines)


def _return(definition: Definition) -> str:
    """At a return the registers hold other things: what a pointer points to is found by what the entry has kept."""
    slots = _kept(definition)
    values = []
    fields = [field for field in definition.fields if field.fetch is None or field.fetch.offsets]
    for field in fields:
        if field.fetch is None:
            values.append(f"({_TYPES[field.type]})retval")
        else:
            pointer = f"@{definition.function}{field.fetch.slot}[tid]"
            values.append(f"{pointer} ? {_read(pointer, field.fetch, field.type)} : {_UNREADABLE}")
    clean = "".join(f" delete(@{definition.function}{slot}[tid]);" for slot in slots)
    return _probe("kretprobe", replace(definition, fields=tuple(fields)), values, clean)


def _keep(returning: Definition | None) -> str:
    if returning is None:
        return ""
    return "".join(f" @{returning.function}{slot}[tid] = {_argument(slot)};" for slot in _kept(returning))


def _kept(definition: Definition) -> list[int]:
    """The arguments that hold pointers to be followed at the return."""
    return sorted({field.fetch.slot for field in definition.fields if field.fetch is not None and field.fetch.offsets})


def _probe(kind: str, definition: Definition, values: list[str], more: str) -> str:
    words = "".join(f" {field.name}={_format(field)}" for field in definition.fields)
    event = definition.function + ("_ret" if definition.is_return else "")
    shown = ", ".join(["nsecs", "cpu", "tid", "comm", *values])
    return f'{kind}:{definition.function} {{ printf("%llu %d %d %s {event}{words}\\n", {shown});{more} }}\n'


def _format(field: Field) -> str:
    return "%d" if field.type in _SIGNED else "0x%lx"


def _value(field: Field) -> str:
    assert field.fetch is not None, "an entry has no result"
    return _read(_argument(field.fetch.slot), field.fetch, field.type)


def _argument(slot: int) -> str:
    return f"arg{slot - 1}" if slot <= _IN_REGISTERS else f'*(uint64*)(reg("sp") + {8 * (slot - _IN_REGISTERS)})'


def _read(base: str, fetch: Fetch, kind: str) -> str:
    if not fetch.offsets:
        return base if _TYPES[kind] == "uint64" else f"({_TYPES[kind]}){base}"
    text = base
    for offset in fetch.offsets[:-1]:
        text = f"*(uint64*)({text} + {offset})"
    return f"*({_TYPES[kind]}*)({text} + {fetch.offsets[-1]})"

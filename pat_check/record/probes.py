"""Probe definitions for one kernel: arguments and offsets of the wanted fields, found in its BTF."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pat_check.errors import RecordError
from pat_check.record.btf import Btf, Parameter
from pat_check.record.modules import Types
from pat_check.record.signature import arguments_of, result_of
from pat_check.record.wanted import WANTED, Wanted, wanted_in

RETURN: str = "__ret"
"""What the event of a return is called: that of the function and this."""

_FIELD = re.compile(r"(?P<name>\w+)=(?P<path>[^:]+)(?::(?P<type>\w+))?$")
_MACRO = re.compile(r"(?P<macro>VMA|CTX)\((?P<path>[^)]*)\)$")
_STEP = re.compile(r"(->|\.)(\w+)")
_VMA_MEMBERS = {"mm": "vm_mm", **dict.fromkeys(("vm_start", "vm_end", "vm_flags", "vm_pgoff"))}


@dataclass(frozen=True, slots=True)
class Fetch:
    """Where a value lies: an argument, and the offsets in bytes of each pointer that is followed from there."""

    slot: int  # register or stack place, from 1, as the kernel's $argN counts
    offsets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A value of an event. `fetch` is None for the result of the function."""

    name: str
    fetch: Fetch | None
    type: str


@dataclass(frozen=True, slots=True)
class Definition:
    """An event at the entry of a function, or at its return."""

    function: str
    is_return: bool
    fields: tuple[Field, ...]
    module: str = ""  # that has the function; empty: the kernel itself

    @property
    def event(self) -> str:
        """The name of the event, by which replay knows it."""
        return self.function + RETURN if self.is_return else self.function

    def without_arguments(self) -> Definition:
        """The same, for a kernel that cannot read arguments at a return."""
        return replace(self, fields=tuple(field for field in self.fields if field.fetch is None))

    @property
    def reads_arguments_at_return(self) -> bool:
        """Whether `without_arguments` would be another definition."""
        return self.is_return and any(field.fetch is not None for field in self.fields)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A function that is not probed, and why."""

    function: str
    why: str


@dataclass(slots=True)
class Recipe:
    """What to record on a kernel."""

    definitions: list[Definition]
    left_out: list[LeftOut]
    fprobes: bool  # the kernel has fprobe events

    def functions(self) -> set[str]:
        """The functions whose entry is probed."""
        return {definition.function for definition in self.definitions if not definition.is_return}


def recipe_for(types: Types, group: str, functions: Sequence[str] = ()) -> Recipe:
    """The definitions of a group for a kernel, and those of more `functions`, given as NAME or MODULE:NAME.

    Raises RecordError for types that are damaged and for functions that are nowhere or in several places.
    """
    btf = types.kernel
    at_return = btf.struct("probe_entry_arg") is not None  # Linux kernel commit 25f00e40ce79 (in v6.9)
    recipe = Recipe([], [], btf.struct("trace_fprobe") is not None)
    for wanted in wanted_in(group):
        try:
            recipe.definitions += _definitions(types, wanted, at_return)
        except _Absent as absent:
            recipe.left_out.append(LeftOut(wanted.function, str(absent)))
    for name in functions:
        module, found = _named(types, name)
        if not any((made.module, made.function) == (module, found) for made in recipe.definitions):
            if any(made.function == found for made in recipe.definitions):
                raise RecordError(f"{name}: another function of that name is recorded")
            try:
                recipe.definitions += _definitions(types, _wanted(module, found), at_return, module)
            except _Absent as absent:
                raise RecordError(f"{name}: {absent}") from None
    recipe.left_out += [LeftOut(f"{module}:*", why) for module, why in types.unread.items()]
    return recipe


def _wanted(module: str, function: str) -> Wanted:
    """What to record of a function that was asked for: all arguments, but what replay reads of those that it knows."""
    known = [wanted for wanted in WANTED if wanted.function == function and not module]
    return known[0] if known else Wanted(function, "", ())


def _named(types: Types, name: str) -> tuple[str, str]:
    """The one place of a function that was asked for."""
    module, colon, function = name.rpartition(":")
    if not re.fullmatch(r"[A-Za-z_]\w*", function, re.ASCII):
        raise RecordError(f"{name!r} is the name of no function: NAME or MODULE:NAME")
    places = [place for place, _ in types.of(function)]
    if colon and module not in places:
        raise RecordError(f"{name}: not in the BTF of {module} (is it loaded?), or several times")
    if not places:
        raise RecordError(f"{name}: not in the BTF of the kernel and of its loaded modules, or several times")
    if not colon and len(places) > 1:
        choices = " and ".join(f"{place}:{function}" if place else "the kernel" for place in places)
        raise RecordError(f"{name}: is in {choices}: name the module")
    return (module if colon else places[0]), function


class _Absent(Exception):
    """This kernel has no such function, parameter or member."""


def _definitions(types: Types, wanted: Wanted, at_return: bool, module: str | None = None) -> list[Definition]:
    """The entry and the return. Functions of modules are those that replay does not read, with all their arguments."""
    places = [place for place in types.of(wanted.function, modules=not wanted.fields) if module in (None, place[0])]
    if not places:
        where = "this kernel" if wanted.fields else "this kernel or its modules"
        raise _Absent(f"no function of {where}, or always inlined")
    if len(places) > 1 and places[0][0]:
        raise _Absent(f"is in several modules: {', '.join(name for name, _ in places)}")
    home, btf = places[0]
    parameters = btf.function(wanted.function) or ()
    ways = wanted.fields or (arguments_of(btf, parameters),)
    result = wanted.ret if wanted.fields else result_of(btf, wanted.function)
    made = [Definition(wanted.function, False, _first_possible(btf, parameters, ways), home)]
    if result:
        fields = [Field("ret", None, result)]
        if at_return and wanted.at_return:
            fields += _fields(btf, parameters, wanted.at_return)
        made.append(Definition(wanted.function, True, tuple(fields), home))
    return made


def _first_possible(btf: Btf, parameters: tuple[Parameter, ...], ways: tuple[str, ...]) -> tuple[Field, ...]:
    problems = []
    for way in ways:
        try:
            return tuple(_fields(btf, parameters, way))
        except _Absent as absent:
            problems.append(str(absent))
    raise _Absent("; ".join(dict.fromkeys(problems)))


def _fields(btf: Btf, parameters: tuple[Parameter, ...], text: str) -> list[Field]:
    fields: list[Field] = []
    for word in text.split():
        if macro := _MACRO.match(word):
            fields += (_vma if macro["macro"] == "VMA" else _ctx)(btf, parameters, macro["path"])
        else:
            match = _FIELD.match(word)
            assert match is not None, word
            fetch, _ = _resolve(btf, parameters, match["path"])
            fields.append(Field(match["name"], fetch, match["type"] or "x64"))
    return fields


def _vma(btf: Btf, parameters: tuple[Parameter, ...], path: str) -> list[Field]:
    """vma, mm, vm_start, vm_end, vm_flags, vm_pgoff, and ctx where VMAs have one."""
    fetch, vma = _resolve(btf, parameters, path)
    fields = [Field("vma", fetch, "x64")]
    for name, member in _VMA_MEMBERS.items():
        fields.append(Field(name, _follow(btf, fetch, vma, member or name)[0], "x64"))
    target = btf.pointee(vma)
    if target is not None and btf.member(target, "pfnmap_track_ctx") is not None:
        fields.append(Field("ctx", _follow(btf, fetch, vma, "pfnmap_track_ctx")[0], "x64"))
    return fields


def _ctx(btf: Btf, parameters: tuple[Parameter, ...], path: str) -> list[Field]:
    """ctx, pfn and size of the pfnmap_track_ctx around a kref."""
    fetch, _ = _resolve(btf, parameters, path)
    ctx = btf.struct("pfnmap_track_ctx")
    members = {name: btf.member(ctx, name) for name in ("kref", "pfn", "size")} if ctx is not None else {}
    kref, pfn, size = (members.get(name) for name in ("kref", "pfn", "size"))
    if kref is None or pfn is None or size is None:
        raise _Absent("struct pfnmap_track_ctx has no kref, pfn and size")
    if kref.offset:
        raise _Absent("the kref of struct pfnmap_track_ctx is not at its beginning")
    pointed = [
        Field(name, Fetch(fetch.slot, (*fetch.offsets, at.offset)), "x64")
        for name, at in (("pfn", pfn), ("size", size))
    ]
    return [Field("ctx", fetch, "x64"), *pointed]


def _resolve(btf: Btf, parameters: tuple[Parameter, ...], path: str) -> tuple[Fetch, int]:
    """Where the value of a path lies, and its type."""
    read, path = path.startswith("*"), path.removeprefix("*")
    name = re.split(r"->|\.", path, maxsplit=1)[0]
    fetch, typed = _argument(btf, parameters, name)
    for step, member in _STEP.findall(path):
        if step == "->":
            fetch, typed = _follow(btf, fetch, typed, member)
        else:
            fetch, typed = _into(btf, fetch, typed, member)
    if read:
        target = btf.pointee(typed)
        if target is None:
            raise _Absent(f"{path} is no pointer")
        fetch, typed = Fetch(fetch.slot, (*fetch.offsets, 0)), target
    return fetch, typed


def _argument(btf: Btf, parameters: tuple[Parameter, ...], name: str) -> tuple[Fetch, int]:
    """The register or stack place of a parameter.

    Structures of at most 8 bytes (pgprot_t, pfn_t) take one register as numbers do; where wider ones come first the
    place is not told, for then registers and stack are filled in another order.
    """
    for slot, parameter in enumerate(parameters, 1):
        if btf.is_struct(parameter.type) and btf.size(parameter.type) > 8:
            raise _Absent(f"a structure is passed by value before {name}")
        if parameter.name == name:
            return Fetch(slot), parameter.type
    raise _Absent(f"has no parameter {name}")


def _follow(btf: Btf, fetch: Fetch, typed: int, member: str) -> tuple[Fetch, int]:
    """A member of what a pointer points to."""
    target = btf.pointee(typed)
    if target is None:
        raise _Absent(f"what has the member {member} is no pointer")
    found = btf.member(target, member)
    if found is None:
        raise _Absent(f"struct {btf.name(target) or '?'} has no member {member}")
    return Fetch(fetch.slot, (*fetch.offsets, found.offset)), found.type


def _into(btf: Btf, fetch: Fetch, typed: int, member: str) -> tuple[Fetch, int]:
    """A member of a structure that is itself a member."""
    found = btf.member(typed, member)
    if found is None or not fetch.offsets:
        raise _Absent(f"{btf.name(typed) or 'a structure'} has no member {member}")
    return Fetch(fetch.slot, (*fetch.offsets[:-1], fetch.offsets[-1] + found.offset)), found.type

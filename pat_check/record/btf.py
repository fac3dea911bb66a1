"""BTF, the kernel's description of its own types: prototypes of functions, offsets of members.

The format is that of Documentation/bpf/btf.rst of the Linux kernel. The data is checked as it is read; whatever is
wrong with it raises RecordError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pat_check.errors import RecordError

_MAGIC = 0xEB9F
_SWAPPED = 0x9FEB
_HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, header length, types at, length, strings at, length
_TYPE = struct.Struct("<III")  # name, info, size or type
_WORD = struct.Struct("<I")
_PARAM = struct.Struct("<II")  # name, type
_MEMBER = struct.Struct("<III")  # name, type, offset in bits
_ARRAY = struct.Struct("<III")  # type, index type, number of elements

_INT, _PTR, _ARRAY_KIND, _STRUCT, _UNION, _ENUM, _FWD, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT = range(1, 12)
_FUNC, _FUNC_PROTO, _VAR, _DATASEC, _FLOAT, _DECL_TAG, _TYPE_TAG, _ENUM64 = range(12, 20)
_SIZES: dict[int, tuple[int, int]] = {  # bytes behind the common part: always, and for each of vlen
    _INT: (4, 0),
    _PTR: (0, 0),
    _ARRAY_KIND: (12, 0),
    _STRUCT: (0, 12),
    _UNION: (0, 12),
    _ENUM: (0, 8),
    _FWD: (0, 0),
    _TYPEDEF: (0, 0),
    _VOLATILE: (0, 0),
    _CONST: (0, 0),
    _RESTRICT: (0, 0),
    _FUNC: (0, 0),
    _FUNC_PROTO: (0, 8),
    _VAR: (4, 0),
    _DATASEC: (0, 12),
    _FLOAT: (0, 0),
    _DECL_TAG: (4, 0),
    _TYPE_TAG: (0, 0),
    _ENUM64: (0, 12),
}
_TRANSPARENT = frozenset((_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TYPE_TAG))
_POINTER_SIZE = 8
_SIGNED = 1  # of the encoding of a number
_DEPTH = 64  # of typedefs and of anonymous members; what is nested deeper goes round in a circle


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function; the name is empty where the kernel's declaration has none."""

    name: str
    type: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure: byte offset from its beginning, and type."""

    offset: int
    type: int


class Btf:
    """One blob of BTF; that of a module is split, its lower types and strings are those of `base`, the kernel's."""

    def __init__(self, data: bytes, path: str, base: Btf | None = None) -> None:
        self.path = path
        self._base = base
        self._data = data
        self._first: int = base._end if base is not None else 1  # type 0 is void
        self._first_string: int = base._end_string if base is not None else 0
        self._strings, types, end = self._sections()
        self._end_string: int = self._first_string + len(self._strings)
        self._at: list[int] = []
        self._named: dict[tuple[int, str], list[int]] = {}
        self._index(types, end)
        self._end: int = self._first + len(self._at)

    def function(self, name: str) -> tuple[Parameter, ...] | None:
        """The parameters of a function; None when there is no such function, or several of that name.

        What a module has hides what the kernel has.
        """
        function = self._only(_FUNC, name)
        if function is None:
            return None
        proto = self._type(function)[2]
        kind, count, _ = self._type(proto)
        if kind != _FUNC_PROTO:
            raise self._broken(f"the function {name} has no prototype")
        params = list(_PARAM.iter_unpack(self._behind(proto, 8 * count)))
        if params and params[-1] == (0, 0):
            params.pop()  # stands for `...`
        return tuple(Parameter(self._string(at), typed) for at, typed in params)

    def has(self, name: str) -> bool:
        """Whether this blob itself, and not its base, has exactly one function of that name."""
        return len(self._named.get((_FUNC, name), ())) == 1

    def result(self, name: str) -> int | None:
        """The type of the result of a function, 0 for void; None as `function` says it."""
        function = self._only(_FUNC, name)
        return None if function is None else self._type(self._type(function)[2])[2]

    def struct(self, name: str) -> int | None:
        """The structure of that name; None when there is none, or several."""
        return self._only(_STRUCT, name)

    def pointee(self, type_id: int) -> int | None:
        """The type that a pointer points to; None for what is no pointer."""
        kind, _, target = self._type(self._plain(type_id))
        return target if kind == _PTR else None

    def member(self, type_id: int, name: str) -> Member | None:
        """The member of a structure or union, also of an anonymous one inside; None when there is none.

        A bit field has no byte offset and counts as absent.
        """
        return self._member(type_id, name, _DEPTH)

    def size(self, type_id: int) -> int:
        """The size of a type in bytes; 0 of void and of functions."""
        plain = self._plain(type_id)
        kind, _, value = self._type(plain)
        if kind in (_INT, _STRUCT, _UNION, _ENUM, _ENUM64, _FLOAT):
            return value
        if kind == _PTR:
            return _POINTER_SIZE
        if kind == _ARRAY_KIND:
            element, _, count = _ARRAY.unpack(self._behind(plain, 12))
            return self.size(element) * int(count) if element > 0 and element < plain else 0
        return 0

    def is_signed(self, type_id: int) -> bool:
        """Whether a value of the type is a number that may be negative."""
        plain = self._plain(type_id)
        kind = self._type(plain)[0]
        return kind == _ENUM or (kind == _INT and bool(_WORD.unpack(self._behind(plain, 4))[0] >> 24 & _SIGNED))

    def is_struct(self, type_id: int) -> bool:
        """Whether a value of the type is a structure or union."""
        return self._type(self._plain(type_id))[0] in (_STRUCT, _UNION)

    def name(self, type_id: int) -> str:
        """The name of a structure, union, enum or integer; empty for what has none."""
        plain = self._plain(type_id)
        return self._string(self._name_at(plain)) if plain else "void"

    def _only(self, kind: int, name: str) -> int | None:
        ids = self._named.get((kind, name), [])
        if not ids and self._base is not None:
            return self._base._only(kind, name)
        return ids[0] if len(ids) == 1 else None

    def _sections(self) -> tuple[bytes, int, int]:
        """The strings, and where the types begin and end."""
        data = self._data
        if len(data) < _HEADER.size:
            raise self._broken(f"{len(data)} bytes are too few for a header")
        magic, version, _, length, types_at, types_len, strings_at, strings_len = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            other = " (it is of a big-endian machine)" if magic == _SWAPPED else ""
            raise RecordError(f"{self.path}: is no BTF{other}")
        if version != 1:
            raise RecordError(f"{self.path}: is BTF of version {version}, only 1 can be read")
        types, strings = length + types_at, length + strings_at
        if length < _HEADER.size or types + types_len > len(data) or strings + strings_len > len(data):
            raise self._broken("a section reaches beyond the end")
        if strings_len and data[strings + strings_len - 1]:
            raise self._broken("the strings have no end")
        return data[strings : strings + strings_len], types, types + types_len

    def _index(self, at: int, end: int) -> None:
        """Where each type begins, and the functions and structures by name."""
        data = self._data
        while at < end:
            if at + _TYPE.size > end:
                raise self._broken("the types end inside one")
            name, info, _ = _TYPE.unpack_from(data, at)
            kind = info >> 24 & 0x1F
            sizes = _SIZES.get(kind)
            if sizes is None:
                raise self._broken(f"type {self._first + len(self._at)} is of the unknown kind {kind}")
            if name and kind in (_FUNC, _STRUCT):
                self._named.setdefault((kind, self._string(name)), []).append(self._first + len(self._at))
            self._at.append(at)
            # vlen of a function is its linkage
            at += _TYPE.size + sizes[0] + sizes[1] * (info & 0xFFFF)
        if at != end:
            raise self._broken("the types end inside one")

    def _where(self, type_id: int) -> tuple[Btf, int]:
        """The blob that holds a type, and where in it."""
        if type_id < self._first and self._base is not None:
            return self._base._where(type_id)
        if not self._first <= type_id < self._first + len(self._at):
            raise self._broken(f"there is no type {type_id}")
        return self, self._at[type_id - self._first]

    def _type(self, type_id: int) -> tuple[int, int, int]:
        """Kind, vlen, and size or type; void is of kind 0."""
        if type_id == 0:
            return 0, 0, 0
        blob, at = self._where(type_id)
        _, info, value = _TYPE.unpack_from(blob._data, at)
        return info >> 24 & 0x1F, info & 0xFFFF, value

    def _behind(self, type_id: int, size: int) -> bytes:
        """What follows the common part of a type; _index() has seen that it is there."""
        blob, at = self._where(type_id)
        return blob._data[at + _TYPE.size : at + _TYPE.size + size]

    def _name_at(self, type_id: int) -> int:
        blob, at = self._where(type_id)
        return int(_WORD.unpack_from(blob._data, at)[0])

    def _plain(self, type_id: int) -> int:
        """A type without the typedefs and qualifiers around it."""
        for _ in range(_DEPTH):
            kind, _, target = self._type(type_id)
            if kind not in _TRANSPARENT:
                return type_id
            type_id = target
        raise self._broken(f"type {type_id} is defined by itself")

    def _member(self, type_id: int, name: str, depth: int) -> Member | None:
        if depth == 0:
            raise self._broken(f"type {type_id} holds itself")
        for at, member in self._members(self._plain(type_id)):
            if at:
                if self._string(at) == name:
                    return member
            elif member is not None and (inner := self._member(member.type, name, depth - 1)) is not None:
                return Member(member.offset + inner.offset, inner.type)
        return None

    def _members(self, type_id: int) -> Iterator[tuple[int, Member | None]]:
        """Where the name of each member stands, and the member; None for a bit field."""
        kind, count, _ = self._type(type_id)
        if kind not in (_STRUCT, _UNION):
            return
        blob, at = self._where(type_id)
        with_sizes = _TYPE.unpack_from(blob._data, at)[1] >> 31
        for name, typed, bits in _MEMBER.iter_unpack(self._behind(type_id, 12 * count)):
            width, offset = (bits >> 24, bits & 0xFFFFFF) if with_sizes else (0, bits)
            yield name, Member(offset // 8, typed) if not width and offset % 8 == 0 else None

    def _string(self, at: int) -> str:
        if at < self._first_string and self._base is not None:
            return self._base._string(at)
        at -= self._first_string
        end = self._strings.find(b"\0", at) if 0 <= at < len(self._strings) else -1
        if end < 0:
            raise self._broken("a name is outside of the strings")
        return self._strings[at:end].decode("utf-8", "backslashreplace")

    def _broken(self, what: str) -> RecordError:
        return RecordError(f"{self.path}: is damaged BTF: {what}")

"""What to record of a function of which nothing is known but its types: every argument, and the result."""

from __future__ import annotations

from pat_check.record.btf import Btf, Parameter
from pat_check.record.wanted import VMA_FIELDS

_IN_A_REGISTER = 8  # bytes
_LONGEST = 31  # of the name of an argument in tracefs


def arguments_of(btf: Btf, parameters: tuple[Parameter, ...]) -> str:
    """The fields in the words of `wanted`; a VMA, and that of a fault, with its bounds and flags.

    What has no name, and what comes after a structure that is passed by value, is left out.
    """
    words: list[str] = []
    used: set[str] = set()
    for parameter in parameters:
        size = btf.size(parameter.type)
        if btf.is_struct(parameter.type) and size > _IN_A_REGISTER:
            break
        if not parameter.name:
            continue
        target = btf.pointee(parameter.type)
        pointed = btf.name(target) if target else ""
        if pointed == "vm_area_struct" and not used & VMA_FIELDS:
            used |= VMA_FIELDS
            words.append(f"VMA({parameter.name})")
        elif pointed == "vm_fault" and not used & {*VMA_FIELDS, "addr"}:
            used |= {*VMA_FIELDS, "addr"}
            words.append(f"VMA({parameter.name}->vma) addr={parameter.name}->address")
        else:
            label = _unused(parameter.name, used)
            used.add(label)
            words.append(f"{label}={parameter.name}:x{_bits(size)}")
    return " ".join(words)


def result_of(btf: Btf, function: str) -> str:
    """The type of the result as tracefs writes it; empty where there is none, or none in a register."""
    typed = btf.result(function)
    size = btf.size(typed) if typed else 0
    if not typed or size > _IN_A_REGISTER or (not size and btf.pointee(typed) is None):
        return ""
    return f"{'s' if btf.is_signed(typed) else 'x'}{_bits(size)}"


def _bits(size: int) -> int:
    return 8 * size if size in (1, 2, 4) else 64


def _unused(name: str, used: set[str]) -> str:
    label, number = name[:_LONGEST], 2
    while label in used:
        label, number = f"{name[: _LONGEST - 4]}_{number}", number + 1
    return label

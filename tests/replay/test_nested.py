"""Each function of the catalogue makes the calls of docs/reference/nested.md, or the one that is missing is told."""

import pytest

from pat_check import api
from pat_check.docs.nested import PREDICTED
from pat_check.events import Telltale
from pat_check.sources.specs import BY_FUNCTION, SPECS

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
HELD = "PAT: [mem 0x00000000fd000000-0x00000000fd002000] uncached-minus\n"
VMA = "vma=0x10 mm=0x77 vm_start=0x7000 vm_end=0x9000"
MAPPED = f"{VMA} vm_flags=0x444bb ctx=0xc0"
TRACKED = f"{VMA} vm_flags=0x10444bb"
REMAP = f"{VMA} vm_flags=0xbb ctx=0x0 addr=0x7000 pfn=0xfd000 size=0x2000 prot=0x37"
RANGE = "start=0xfd000000 end=0xfd002000"
DRIVER = "start=0xfd000000 size=0x2000"
PFN = "pfn=0xfd000 size=0x2000"
PAGEMAP = "start=0xfd000000 end=0xfd001fff nr_range=1"
WITH = {
    "remap_pfn_range": REMAP,
    "remap_pfn_range_complete": REMAP,
    "remap_pfn_range_track": REMAP,
    "track_pfn_remap": REMAP,
    "reserve_pfn_range": "paddr=0xfd000000 size=0x2000 prot=0x37",
    "pfnmap_track": f"{PFN} prot=0x37",
    "memtype_reserve": f"{RANGE} req=2",
    "memtype_check_insert": f"{RANGE} type=2",
    "memtype_free": RANGE,
    "memtype_erase": RANGE,
    "memremap_pages": PAGEMAP,
    "memunmap_pages": PAGEMAP,
    "dup_mmap": "mm=0x88 oldmm=0x77",
    "vm_area_dup": MAPPED,
    "copy_page_range": f"dst=0x30 {TRACKED}",
    "track_pfn_copy": f"dst=0x30 {TRACKED}",
    "__split_vma": f"{MAPPED} addr=0x8000 new_below=0",
    "copy_vma": f"{MAPPED} addr=0x17000 len=0x2000",
    "mprotect_fixup": f"{MAPPED} start=0x7000 end=0x8000 newflags=0x444b9",
    "vm_area_free": MAPPED,
    "pfnmap_track_ctx_release": f"ctx=0xc0 {PFN}",
    "pfnmap_untrack": PFN,
    "unmap_vmas": "vma=0x10 start=0x7000 end=0x9000",
    "unmap_single_vma": f"{TRACKED} start=0x7000 end=0x9000",
    "unmap_page_range": f"{MAPPED} start=0x7000 end=0x9000",
    "__zap_vma_range": f"{MAPPED} start=0x7000 end=0x9000",
    "untrack_pfn": f"{TRACKED} pfn=0x0 size=0x0",
    "__ioremap_caller": "phys=0xfd000000 size=0x2000 pcm=2",
    "iounmap": "addr=0xffa0000000075000",
    "memtype_reserve_io": f"{RANGE} req=2",
    "memtype_free_io": RANGE,
    "arch_io_reserve_memtype_wc": DRIVER,
    "arch_io_free_memtype_wc": DRIVER,
    "set_memory_uc": "addr=0xff11000000100000 numpages=2",
    "set_memory_wc": "addr=0xff11000000100000 numpages=2",
    "set_memory_wb": "addr=0xff11000000100000 numpages=2",
}
RETURNS = {
    "__ioremap_caller": "0xffa0000000075000",
    "vm_area_dup": "0x30",
    "copy_vma": "0x30",
    "memremap_pages": "0xff11000000000000",
    "memtype_erase": "0xff11000000000040",
    **dict.fromkeys(("remap_pfn_range", "remap_pfn_range_complete", "remap_pfn_range_track"), "0"),
    **dict.fromkeys(("track_pfn_remap", "reserve_pfn_range", "pfnmap_track", "memtype_reserve", "memtype_free"), "0"),
    **dict.fromkeys(("dup_mmap", "copy_page_range", "track_pfn_copy", "__split_vma", "mprotect_fixup"), "0"),
    **dict.fromkeys(("memtype_reserve_io", "arch_io_reserve_memtype_wc", "memtype_check_insert"), "0"),
    **dict.fromkeys(("set_memory_uc", "set_memory_wc", "set_memory_wb"), "0"),
}
TYPED = {"arch_io_reserve_memtype_wc": "1", "set_memory_wc": "1"}
LIVES = ("vm_area_dup", "vm_area_free", "__split_vma", "exit_mmap", "copy_vma")


def lines(*functions, **changed):
    """These calls, each inside the one before."""
    texts = {**WITH, **changed}
    entries = [f"{function}: {texts[function]}" for function in functions]
    returns = [f"{function}__ret: ret={RETURNS[function]}" for function in reversed(functions) if function in RETURNS]
    return entries + returns


SHARED = [*lines("remap_pfn_range"), *lines("vm_area_dup"), f"vm_area_free: {MAPPED.replace('0x10', '0x30')}"]
RESERVES = ("reserve_pfn_range", "memtype_reserve")
ZAPS = ("unmap_single_vma", "unmap_page_range", "__zap_vma_range")
INSIDE = {"dup_mmap": lines("vm_area_dup", vm_area_dup=TRACKED)}
BY_RESULT = dict.fromkeys(("memtype_check_insert", "memtype_erase"), "went elsewhere; the model predicts into the tree")
"""What is said where the function that decides is missing."""


def made(chain):
    """A mapping, with the calls that this recording has probes on."""
    return lines("remap_pfn_range", "track_pfn_remap", *(one for one in RESERVES if one in chain))


def before(caller, chain):
    """What must have happened for the caller to make these calls."""
    must = chain[0]
    if caller == "unmap_vmas":
        zapped = [*made(chain), *lines("unmap_vmas", *chain), "vm_area_free: vma=0x10"] if must in ZAPS else []
        return [*zapped, *made(chain)]
    if must in BY_RESULT:
        other = ("0xfd000000", "0xfd100000"), ("0xfd002000", "0xfd102000")
        seen = [*lines("memtype_reserve", "memtype_check_insert"), *lines("memtype_free", "memtype_erase")]
        for here, there in other:
            seen = [line.replace(here, there) for line in seen]
        return seen + (lines("memtype_reserve", "memtype_check_insert") if caller == "memtype_free" else [])
    if caller in ("untrack_pfn", "unmap_single_vma", "track_pfn_copy", "copy_page_range"):
        return made(chain) + (lines("vm_area_dup", vm_area_dup=TRACKED) if caller == "copy_page_range" else [])
    return {"iounmap": lines("__ioremap_caller"), "vm_area_free": SHARED}.get(caller, [])


def calls(caller, chain):
    """One call of the caller with the chain inside."""
    changed = {"memtype_reserve": f"{RANGE} req={TYPED.get(caller, '2')}"}
    if caller in ("copy_page_range", "track_pfn_copy"):
        changed["reserve_pfn_range"] = "paddr=0xfd000000 size=0x2000 prot=0x37 strict=1"
    if caller == "memunmap_pages":
        changed["untrack_pfn"] = f"vma=0x0 {PFN}"
    first, *rest = lines(caller, **changed)
    nested = lines(*chain, **changed) if chain else []
    return [first, *INSIDE.get(caller, []), *nested, *rest, "vm_area_free: vma=0x99"]


@pytest.fixture
def told(tmp_path):
    """The model-divergences of a trace in which these functions are probed: message, and the lines of its story."""

    def run(era, trace, probed):
        folder = tmp_path / "capture"
        folder.mkdir(exist_ok=True)
        text = "".join(f"app-7 [000] {at:03}.0: {line}\n" for at, line in enumerate(trace))
        (folder / "trace.txt").write_text(text)
        (folder / "iomem.txt").write_text(IOMEM)
        (folder / "kprobe_profile.txt").write_text("".join(f"  {name}  1  0\n" for name in probed))
        held = HELD * trace.count("memtype_free__ret: ret=0")
        (tmp_path / "list.txt").write_text(f"PAT memtype list:\n{held}")
        report = api.check([str(folder)], api.Options(era=era, memtypes=str(tmp_path / "list.txt")))
        every = [one for root in report.findings for one in root.all() if one.rule == "model-divergence"]
        return [(one.message, {one.line, *(note.line for note in one.notes)}) for one in every]

    return run


ROWS = [
    pytest.param(era, row.function, chain[at:], id=f"{era}-{row.function}-{chain[at]}")
    for row in PREDICTED
    for era, chain in (
        ("vm-pat-6.12", row.vm_pat.split()),
        ("unmap-region", row.vm_pat.split()),
        ("pfnmap-ctx", row.contexts.split()),
    )
    for at in range(len(chain))
    if (era, row.function, chain[at]) != ("unmap-region", "unmap_vmas", "unmap_single_vma")  # untracks before it
    if (era, row.function) != ("unmap-region", "unmap_single_vma")  # and not inside
]


@pytest.mark.parametrize(("era", "caller", "chain"), ROWS)
def test_the_first_recorded_function_of_a_chain_must_come(told, era, caller, chain):
    chain = [one for one in chain if one == chain[0] or one not in ZAPS]  # of kernels of different age
    start, whole = before(caller, chain), calls(caller, chain)
    probed = {caller, *chain, *LIVES, *(line.partition(":")[0] for line in start + whole)}
    probed = {name for name in probed if name.removesuffix("__ret") in BY_FUNCTION}
    assert told(era, start + whole, probed) == []
    bare = start + calls(caller, ())
    found = told(era, bare, probed)
    expected = BY_RESULT.get(chain[0], f"did not call {chain[0]}(), which the model predicts")
    assert any(expected in message for message, _ in found), found
    at = len(start) + 1
    assert any(at in story for message, story in found if expected in message), "the line of the caller is in the story"


def test_every_function_of_the_catalogue_has_its_row():
    read = [spec.function for spec in SPECS if spec.call is not Telltale]  # the others only tell the era
    assert sorted(row.function for row in PREDICTED) == sorted(read)


def test_every_row_without_a_chain_says_why():
    assert [row.function for row in PREDICTED if not row.vm_pat and not row.contexts and not row.why] == []

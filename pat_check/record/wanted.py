"""What is probed: functions, and where in their arguments the values lie that replay reads.

A field is ``NAME=PATH`` with an optional ``:TYPE`` (x64 where there is none). PATH begins with the name of a parameter
in the kernel's source; ``->`` follows a pointer, ``.`` goes into a structure, a leading ``*`` reads what a pointer
points to. ``VMA(PATH)`` stands for the fields of a VMA, ``CTX(PATH)`` for those of the pfnmap_track_ctx whose kref PATH
points to. No number of an argument and no offset stands here: they come from the BTF of the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUPS: tuple[str, ...] = ("memtype", "tracking", "mm", "full")
"""Sets of probes, each with those before it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A function to probe."""

    function: str
    group: str
    fields: tuple[str, ...]  # ways to find the values, of which the first that this kernel's types allow is taken;
    # none: every argument and the result, as the types tell them
    ret: str = ""  # type of the result; empty: the return is not probed
    at_return: str = ""  # fields read again at the return, where the kernel can


def _of(group: str, function: str, *fields: str, ret: str = "", at_return: str = "") -> Wanted:
    return Wanted(function, group, fields, ret, at_return)


VMA_FIELDS: frozenset[str] = frozenset(("vma", "mm", "vm_start", "vm_end", "vm_flags", "vm_pgoff", "ctx"))
"""What VMA(PATH) stands for; not every kernel has the last."""

_REMAP = "VMA(vma) addr=addr pfn=pfn size=size prot=prot"
_INSERT = ("VMA(vma) addr=addr pfn=pfn prot=pgprot", "VMA(vma) addr=addr pfn=pfn")
_INSERT_MIXED = "VMA(vma) addr=addr pfn=pfn prot=vma->vm_page_prot"  # what the function inserts with
_INSERT_HUGE = (
    "VMA(vmf->vma) addr=vmf->address pfn=pfn prot=pgprot write=write:u8",
    "VMA(vmf->vma) addr=vmf->address pfn=pfn prot=vmf->vma->vm_page_prot write=write:u8",
    "VMA(vmf->vma) addr=vmf->address pfn=pfn prot=vmf->vma->vm_page_prot",
)

WANTED: tuple[Wanted, ...] = (
    _of(
        "memtype",
        "memtype_reserve",
        "start=start end=end req=req_type:u32 newp=new_type",
        ret="s32",
        at_return="start=start end=end req=req_type:u32 new=*new_type:u32",
    ),
    _of("memtype", "memtype_free", "start=start end=end", ret="s32", at_return="start=start end=end"),
    _of(
        "memtype",
        "memtype_check_insert",
        "start=entry_new->start end=entry_new->end type=entry_new->type:u32",
        ret="s32",
        at_return="type=entry_new->type:u32",
    ),
    _of("memtype", "memtype_erase", "start=start end=end", ret="x64"),
    _of(
        "memtype",
        "memtype_reserve_io",
        "start=start end=end req=*type:u32",
        ret="s32",
        at_return="type=*type:u32",
    ),
    _of("memtype", "memtype_free_io", "start=start end=end"),
    _of("memtype", "memtype_kernel_map_sync", "base=base size=size pcm=pcm:u32", ret="s32"),
    _of("memtype", "arch_io_reserve_memtype_wc", "start=start size=size", ret="s32"),
    _of("memtype", "arch_io_free_memtype_wc", "start=start size=size"),
    *(
        _of("memtype", api, "start=pgmap->range.start end=pgmap->range.end nr_range=pgmap->nr_range:s32", ret=ret)
        for api, ret in (("memremap_pages", "x64"), ("memunmap_pages", ""))
    ),
    _of("memtype", "__ioremap_caller", "phys=phys_addr size=size pcm=pcm:u32", ret="x64"),
    _of("memtype", "iounmap", "addr=addr"),
    _of("memtype", "set_memory_uc", "addr=addr numpages=numpages:s32", ret="s32"),
    _of("memtype", "set_memory_wc", "addr=addr numpages=numpages:s32", ret="s32"),
    _of("memtype", "set_memory_wb", "addr=addr numpages=numpages:s32", ret="s32"),
    _of("tracking", "remap_pfn_range", _REMAP, ret="s32"),
    _of("tracking", "remap_pfn_range_track", _REMAP, ret="s32"),
    _of(
        "tracking",
        "remap_pfn_range_complete",
        "VMA(vma) addr=action->remap.start pfn=action->remap.start_pfn size=action->remap.size"
        " prot=action->remap.pgprot",
        ret="s32",
    ),
    _of(
        "tracking",
        "track_pfn_remap",
        "VMA(vma) prot=*prot pfn=pfn addr=addr size=size",
        ret="s32",
        at_return="prot=*prot vm_flags=vma->vm_flags",
    ),
    _of(
        "tracking",
        "reserve_pfn_range",
        "paddr=paddr size=size prot=*vma_prot strict=strict_prot:s32",
        ret="s32",
    ),
    _of("tracking", "pfnmap_track", "pfn=pfn size=size prot=*prot", ret="s32", at_return="prot=*prot"),
    _of("tracking", "get_pat_info", "VMA(vma)", ret="s32"),
    _of("tracking", "untrack_pfn", "VMA(vma) pfn=pfn size=size"),
    _of("tracking", "untrack_pfn_clear", "VMA(vma)"),
    _of("tracking", "pfnmap_untrack", "pfn=pfn size=size"),
    _of("tracking", "pfnmap_track_ctx_release", "CTX(ref)"),
    _of("tracking", "track_pfn_copy", "dst=dst_vma VMA(src_vma)", ret="s32"),
    _of("tracking", "copy_page_range", "dst=dst_vma VMA(src_vma)", ret="s32"),
    _of("tracking", "dup_mmap", "mm=mm oldmm=oldmm", ret="s32"),
    _of("tracking", "exit_mmap", "mm=mm"),
    _of("mm", "vm_area_dup", "VMA(orig)", ret="x64"),
    _of("mm", "__split_vma", "VMA(vma) addr=addr new_below=new_below:s32", ret="s32"),
    _of("mm", "copy_vma", "VMA(*vmap) addr=addr len=len pgoff=pgoff", ret="x64"),
    _of("mm", "mprotect_fixup", "VMA(vma) start=start end=end newflags=newflags", ret="s32"),
    _of("mm", "vm_area_free", "VMA(vma)"),
    _of("mm", "unmap_single_vma", "VMA(vma) start=start_addr end=end_addr"),
    _of("mm", "unmap_page_range", "VMA(vma) start=addr end=end"),
    _of("mm", "__zap_vma_range", "VMA(vma) start=start end=end"),
    _of(
        "mm",
        "unmap_vmas",
        "vma=unmap->first mm=unmap->first->vm_mm start=unmap->vma_start end=unmap->vma_end",
        "vma=vma mm=vma->vm_mm start=start_addr end=end_addr",
    ),
    _of("mm", "vmf_insert_pfn_prot", *_INSERT, ret="x32"),
    _of("mm", "vmf_insert_mixed", _INSERT_MIXED, ret="x32"),
    _of("mm", "vmf_insert_pfn_pmd", *_INSERT_HUGE, ret="x32"),
    _of("mm", "vmf_insert_pfn_pmd_prot", *_INSERT_HUGE, ret="x32"),
    _of("mm", "vmf_insert_pfn_pud", *_INSERT_HUGE, ret="x32"),
    _of("mm", "vmf_insert_pfn_pud_prot", *_INSERT_HUGE, ret="x32"),
    # What replay reads at most to tell the era, and people who look at a trace do.
    _of("full", "track_pfn_insert", "vma=vma prot=*prot pfn=pfn"),
    _of("full", "pfnmap_setup_cachemode", "pfn=pfn size=size prot=*prot", ret="s32", at_return="prot=*prot"),
    _of("full", "vm_iomap_memory", "vma=vma start=start len=len", ret="s32"),
    _of("full", "zap_page_range_single", "VMA(vma) addr=address size=size"),
    _of("full", "zap_vma_ptes", "VMA(vma) addr=address size=size"),
    _of("full", "zap_vma_range", "VMA(vma) addr=address size=size"),
    _of("full", "zap_special_vma_range", "VMA(vma) addr=address size=size"),
    _of(
        "full",
        "unmap_mapping_range",
        "mapping=mapping begin=holebegin len=holelen even_cows=even_cows:s32",
    ),
    _of(
        "full",
        "move_vma",
        "vma=vrm->vma old_addr=vrm->addr old_len=vrm->old_len new_len=vrm->new_len new_addr=vrm->new_addr",
        "VMA(vma) old_addr=old_addr old_len=old_len new_len=new_len new_addr=new_addr",
        ret="x64",
    ),
    _of("full", "__mmu_notifier_invalidate_range_start", "mm=range->mm start=range->start end=range->end"),
    _of("full", "__mmu_notifier_invalidate_range_end", "mm=range->mm start=range->start end=range->end"),
    _of("full", "handle_mm_fault", "vma=vma addr=address flags=flags:x32", ret="x32"),
    # Who maps: handlers of mmap and of faults, most of them in modules.
    *(
        _of("full", function)
        for function in (
            "mmap_mem",
            "mmap_mem_prepare",
            "pci_mmap_resource_range",
            "vfio_pci_core_mmap",
            "vfio_pci_mmap_fault",
            "vfio_pci_mmap_huge_fault",
            "uio_mmap",
            "uio_vma_fault",
            "drm_gem_mmap",
            "drm_gem_shmem_fault",
            "ttm_bo_mmap_obj",
            "ttm_bo_vm_fault",
            "vm_fault_gtt",
            "vm_fault_cpu",
            "remap_io_mapping",
            "remap_io_sg",
            "amdgpu_gem_fault",
            "nouveau_ttm_fault",
            "fb_io_mmap",
            "snd_pcm_lib_mmap_iomem",
        )
    ),
)

_SCHED = ("sched/sched_process_fork", "sched/sched_process_exec", "sched/sched_process_exit")
_CALLS = ("mmap", "munmap", "mremap", "mprotect", "madvise", "clone", "clone3", "fork", "vfork", "execve")

TRACEPOINTS: dict[str, tuple[str, ...]] = {
    "memtype": (*_SCHED, "module/module_load", "module/module_free"),
    "full": (
        "printk/console",
        "exceptions/page_fault_user",
        "exceptions/page_fault_kernel",
        *(f"syscalls/sys_{side}_{call}" for call in _CALLS for side in ("enter", "exit")),
    ),
}
"""Tracepoints that a group adds, as SYSTEM/EVENT."""


def wanted_in(group: str) -> list[Wanted]:
    """The functions of a group and of those before it."""
    groups = groups_up_to(group)
    return [wanted for wanted in WANTED if wanted.group in groups]


def tracepoints_in(group: str) -> list[str]:
    """The tracepoints of a group and of those before it, as SYSTEM/EVENT."""
    return [name for one in groups_up_to(group) for name in TRACEPOINTS.get(one, ())]


def groups_up_to(group: str) -> tuple[str, ...]:
    """A group and those before it."""
    return GROUPS[: GROUPS.index(group) + 1]

"""Records a play as ftrace would: the calls on mappings that the model makes, with what they reserve and free."""

from contextlib import contextmanager

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WT
from pat_check.model.address_space import AddressSpaces
from pat_check.model.kernel import Kernel
from pat_check.model.vma import VM_DONTCOPY, VM_DONTEXPAND, VM_PFNMAP, VM_WRITE
from pat_check.replay.processes import Processes
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Operation

LAST = 0xFFFF_FFFF_FFFF_FFFF
PROT = {WB: 0x27, WC: 0x2F, UC_MINUS: 0x37, UC: 0x3F, WT: 0xBF}


class Recorder:
    """One play of a scenario, with a marker after every operation, and the state there."""

    def __init__(self, text, era, patch):
        self.lines, self.states, self.era = [], {}, era
        self.stage = Stage(parse(text, "world.pat"), era, lambda incident: None)
        self.stage.world.replay.context.log = self._change
        with patch.context() as patched:
            self._listen(patched)
            for statement in self.stage.scenario.statements:
                if isinstance(statement, Operation) and statement.op in ("iounmap", "arch_io_free_memtype_wc"):
                    self.stage.world.actor = self.stage.names.actors[statement.task]
                    self.say("iounmap: addr=0x1000")
                self.stage.run([statement])
                if isinstance(statement, Operation):
                    self.say(f"tracing_mark_write: step {statement.at} end")
                    self.states[f"step-{statement.at}-end"] = state(self.stage)

    def say(self, what):
        actor = self.stage.world.actor
        self.lines.append(f"{actor.name}-{actor.pid} [000] {len(self.lines) + 1}.000000: {what}\n")

    def call(self, function, vma, rest=""):
        bounds = f"vm_start={vma.start:#x} vm_end={vma.end:#x} vm_flags={vma.flags:#x}"
        ctx = f" ctx={0xFF00000000 + id(vma.ctx) if vma.ctx is not None else 0:#x}"
        self.say(f"{function}: vma={id(vma):#x} mm={vma.mm.id:#x} {bounds}{ctx} {rest}".rstrip())

    @contextmanager
    def inside(self, function, vma, rest):
        self.call(function, vma, rest)
        yield
        self.say(f"{function}__ret: (x+0x1/0x2 <- {function}) ret=0")

    def _change(self, change):
        if change.start < change.end:
            asked = f" req={change.mode}" if change.function == "memtype_reserve" else ""
            self.say(f"{change.function}: start={change.start:#x} end={change.end:#x}{asked}")

    def _listen(self, patched):
        for owner, name in (
            (Kernel, "remap_pfn_range"),
            (AddressSpaces, "split"),
            (AddressSpaces, "_unmap"),
            (AddressSpaces, "_unmap_single_vma"),
            (AddressSpaces, "exit_mmap"),
            (AddressSpaces, "fork"),
            (AddressSpaces, "mprotect"),
            (AddressSpaces, "mremap"),
            (Processes, "fork"),
            (self.era.pfnmap, "free"),
        ):
            original = getattr(owner, name)
            hear = getattr(self, f"on_{owner.__name__}_{name}", None) or getattr(self, f"on_{name}")
            patched.setattr(owner, name, self._heard(original, hear))

    @staticmethod
    def _heard(original, hear):
        return lambda this, *args, **words: hear(lambda *a, **w: original(this, *a, **w), this, *args, **words)

    # --- calls -------------------------------------------------------------------------------------------

    def on_remap_pfn_range(self, call, kernel, vma, addr, pfn, size, mode, **words):
        rest = f"addr={addr:#x} pfn={pfn:#x} size={size:#x} prot={PROT[mode]:#x}"
        self.call("remap_pfn_range", vma, rest)
        ret = call(vma, addr, pfn, size, mode, **words)
        self.say(f"remap_pfn_range__ret: (x+0x1/0x2 <- remap_pfn_range) ret={ret}")
        return ret

    def on_split(self, call, spaces, vma, addr, *, new_below=False):
        self.call("__split_vma", vma, f"addr={addr:#x} new_below={int(new_below)}")
        ret = call(vma, addr, new_below=new_below)
        self.say("__split_vma__ret: (x+0x1/0x2 <- __split_vma) ret=0")
        return ret

    def on__unmap(self, call, spaces, mm, start, end, gone):
        if gone:
            self.say(f"unmap_vmas: vma={id(gone[0]):#x} start={start:#x} end={end:#x}")
        return call(mm, start, end, gone)

    def on__unmap_single_vma(self, call, spaces, vma, start, end, **words):
        function = "unmap_single_vma" if self.era.zap_untracks else "unmap_page_range"
        self.call(function, vma, f"start={start:#x} end={end:#x}")
        return call(vma, start, end, **words)

    def on_free(self, call, tracking, vma):
        self.call("vm_area_free", vma)
        return call(vma)

    def on_exit_mmap(self, call, spaces, mm):
        self.say(f"exit_mmap: mm={mm.id:#x}")
        self.say(f"unmap_vmas: vma={id(mm):#x} start=0x0 end={LAST:#x}")
        return call(mm)

    def on_AddressSpaces_fork(self, call, spaces, mm, child_id, *args, **words):
        self.say(f"dup_mmap: mm={child_id:#x} oldmm={mm.id:#x}")
        for vma in mm.vmas:
            if not vma.flags & VM_DONTCOPY:
                self.call("copy_page_range", vma, f"dst={id(vma) + 8:#x}")
                self.say("copy_page_range__ret: (x+0x1/0x2 <- copy_page_range) ret=0")
        ret, child = call(mm, child_id, *args, **words)
        self.say(f"dup_mmap__ret: (x+0x1/0x2 <- dup_mmap) ret={ret}")
        return ret, child

    def on_Processes_fork(self, call, processes, event):
        actor = self.stage.world.actor
        parent = f"comm={actor.name} pid={actor.pid}"
        self.say(f"sched_process_fork: {parent} child_comm={event.child_comm} child_pid={event.child_pid}")
        return call(event)

    def on_mprotect(self, call, spaces, mm, start, end, *, write):
        for vma in [vma for vma in mm.overlapping(start, end) if bool(vma.flags & VM_WRITE) != write]:
            low, high = max(start, vma.start), min(end, vma.end)
            flags = vma.flags | VM_WRITE if write else vma.flags & ~VM_WRITE
            with self.inside("mprotect_fixup", vma, f"start={low:#x} end={high:#x} newflags={flags:#x}"):
                call(mm, low, high, write=write)
        return 0

    def on_mremap(self, call, spaces, mm, start, old, new, to, **words):
        vma = mm.find(start)
        if new < old:
            spaces.munmap(mm, start + new, start + old)
            old = new
        if to is not None and not (new > old and vma.flags & (VM_DONTEXPAND | VM_PFNMAP)):
            self.call("copy_vma", vma, f"addr={to:#x} len={new:#x}")
        return call(mm, start, old, new, to, **words)


def state(stage):
    """What each process has mapped, with flags and users of contexts, and what is reserved."""
    mapped = {}
    for actor in stage.names.actors.values():
        seen = [vma for vma in actor.mm.vmas if vma.flags & VM_PFNMAP] if actor.mm is not None else []
        if seen:  # a mapping without frames is recorded by nobody
            users = [vma.ctx.kref if vma.ctx is not None else 0 for vma in seen]
            mapped[actor.name] = sorted((vma.size, vma.flags, of) for vma, of in zip(seen, users, strict=True))
    return mapped, [(node.start, node.end, node.type) for node in stage.world.machine.memtypes]

"""References of each pfnmap_track_ctx, counted from the calls on the VMAs that share it."""

from __future__ import annotations

from typing import Final, NamedTuple

from pat_check.events import Call, RemapPfnRange, Return, VmAreaDup, VmAreaFree
from pat_check.model.memory import PAGE, is_untracked
from pat_check.replay.context import Context
from pat_check.replay.remarks import Surprise
from pat_check.replay.wanted import page_align

_LIMIT: Final = 10_000


class Shared:
    """A context and how many mappings share it."""

    __slots__ = ("size", "start", "vmas")

    def __init__(self, vmas: int, start: int, size: int) -> None:
        self.vmas = vmas  # that point to it
        self.start, self.size = start, size  # bytes, as remap_pfn_range() reserved them


class Showing:
    """Where a VMA was shown with its context, and which that is."""

    __slots__ = ("at", "ctx")

    def __init__(self, at: int, ctx: int) -> None:
        self.at, self.ctx = at, ctx


class Alive(NamedTuple):
    """A context that there is."""

    start: int  # bytes
    size: int
    vmas: int  # that share it; 0 where that is not known
    born: int  # the line that reserved it; 0 where nothing is reserved


class SharedContexts:
    """Contexts that were born in this recording, of which nothing was lost."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._of: dict[int, Shared] = {}
        self._shown: dict[int, Showing] = {}  # by VMA
        self._made: dict[int, tuple[int, int]] = {}  # by VMA: it was remapped whole, its context is not known yet
        self._reused = False  # a VMA came again that was not seen to be freed: a filter leaves frees out

    def mapped(self, call: RemapPfnRange) -> None:
        """remap_pfn_range() has mapped the whole of a VMA that had no context."""
        if len(self._made) > _LIMIT:
            self._made.clear()
        self._made[call.vma] = call.pfn * PAGE, page_align(call.size)
        if call.vma in self._shown:
            del self._shown[call.vma]
            self._reused = True

    def dup(self, call: VmAreaDup) -> None:
        """vm_area_dup() takes a reference."""
        self._must_be(call, call.vma, call.ctx)
        self.shared_by(call.vma, call.ctx)

    def shared_by(self, vma: int, ctx: int) -> None:
        """A copy of this VMA takes a reference of its context."""
        shared = self._known(vma, ctx)
        if shared is not None:
            shared.vmas += 1

    def free(self, call: VmAreaFree) -> tuple[int, int] | None:
        """vm_area_free() drops one: the range, start and size, that goes with the last."""
        self._must_be(call, call.vma, call.ctx)
        return self.left_by(call.vma, call.ctx)

    def left_by(self, vma: int, ctx: int) -> tuple[int, int] | None:
        """The same of this VMA, which had this context."""
        self.ends(vma)
        shared = self._known(vma, ctx)
        if shared is None:
            return None
        shared.vmas -= 1
        if shared.vmas:
            return None
        del self._of[ctx]  # its address may be used again
        return shared.start, shared.size

    def leave(self, of: list[tuple[int, int]]) -> list[Shared] | None:
        """All but the last of these VMAs, each with its context, leave that.

        None, and nothing done, if one may have another, or is the last of its context.
        """
        left: list[Shared] = []
        last = len(of) - 1
        for place, (vma, ctx) in enumerate(of):
            if not self.has(vma, ctx):
                break
            if place == last:
                return left
            shared = self._of.get(ctx)
            if shared is not None:
                if shared.vmas <= 1:
                    break
                shared.vmas -= 1
                left.append(shared)
            elif ctx > 0 and vma in self._made:
                break
        self.stay(left)
        return None

    def stay(self, left: list[Shared]) -> None:
        """VMAs do not leave them."""
        for shared in left:
            shared.vmas += 1

    def released(self, ctx: int) -> int:
        """The context is gone: how many mappings still pointed to it."""
        shared = self._of.pop(ctx, None)
        return shared.vmas if shared is not None else 0

    def alive(self) -> list[Alive]:
        """The contexts that there are.

        What a mapping reserved is that of a context as long as it is in the list, seen or not how that came.
        """
        machine = self.context.machine
        if not self.context.era.fork_shares:
            return []
        known: dict[tuple[int, int], list[int]] = {}
        for one in self._of.values():
            known.setdefault((one.start, one.size), []).append(one.vmas)
        for bounds in self._made.values():
            known.setdefault(bounds, []).append(1)
        found = []
        for node in machine.memtypes:
            if node.owner.is_mapping:
                counts = known.get((node.start, node.end - node.start))
                found.append(Alive(node.start, node.end - node.start, counts.pop(0) if counts else 0, node.born))
        for (start, size), counts in known.items():
            if is_untracked(start, start + size) or machine.ram.test(start, start + size):
                found += [Alive(start, size, count, 0) for count in counts]
        return found

    def lost(self) -> None:
        """Events are missing: no count is right any more."""
        self._of.clear()
        self._made.clear()
        self._shown.clear()

    def copied(self, call: VmAreaDup, event: Return) -> None:
        """vm_area_dup() has made a VMA, with the same context."""
        if event.ret:
            self.shows(call.at, call.vma, event.ret & (1 << 64) - 1, call.ctx)

    def shows(self, at: int, vma: int, new: int, ctx: int) -> None:
        """The same at this line."""
        if ctx > 0 and not self.context.lost_any:
            if len(self._shown) > _LIMIT:
                self._shown.clear()
            if not self._reused and new in self._shown:
                self._reused = True
            self._shown[vma] = self._shown[new] = Showing(at, ctx)

    def has(self, vma: int, ctx: int) -> bool:
        """Whether a VMA may have this context."""
        shown = self._shown.get(vma)
        return shown is None or shown.ctx == ctx or ctx <= 0

    def ends(self, vma: int) -> None:
        """A VMA is freed."""
        if vma in self._shown:
            del self._shown[vma]

    def _must_be(self, call: Call, vma: int, ctx: int) -> None:
        """A VMA keeps its context."""
        shown = self._shown.get(vma)
        if shown is None or shown.ctx == ctx or ctx <= 0:
            return
        sure = "vm_area_free" in self.context.recorded and not (
            self.context.one_comm or self.context.one_cpu or self._reused
        )
        if sure and not self.context.lost_any:
            surprise = Surprise(self.context, call, call.function(), 0, 0, "context")
            told = [(shown.at, "the VMA was copied here")]
            surprise.tell("came with the context", f"{shown.ctx:#x}", f"{ctx:#x}", told)

    def _known(self, vma: int, ctx: int) -> Shared | None:
        if self.context.lost_any or self.context.one_comm:
            return None
        shared = self._of.get(ctx)
        if shared is None and ctx > 0:
            made = self._made.get(vma)
            if made is not None:
                del self._made[vma]
                start, size = made
                shared = self._of[ctx] = Shared(1, start, size)
        return shared

"""Which operation each task is in the middle of: what it reserves and frees then belongs to that operation."""

from __future__ import annotations

from collections import deque

from pat_check.cachemode import pgprot2cachemode
from pat_check.conversion.areas import Spaces
from pat_check.conversion.before import Before
from pat_check.conversion.tape import Op, Physical, Tape
from pat_check.events import NO_PID, Event, FreePfnRange
from pat_check.replay.context import Change, Context

_NO_PROT = 0x7FFF_FFFF_FFFF_F000  # protection bits are NX and the low twelve: else a tracer shows the pointer to them

_RESERVE = frozenset(
    (
        *("remap_pfn_range", "fork", "arch_io_reserve_memtype_wc", "set_memory_uc", "set_memory_wc"),
        *("ioremap", "ioremap_uc", "ioremap_wc", "ioremap_wt", "ioremap_cache"),
    )
)
_FREE_ONCE = frozenset(("iounmap", "arch_io_free_memtype_wc"))


class Current:
    """The tape, the address spaces, and by task the operations that are open: several where one unmap is of several."""

    def __init__(self, context: Context, tape: Tape) -> None:
        self.context, self.tape = context, tape
        self.spaces = Spaces()
        self.before = Before(context, tape)
        self.open: dict[int, list[Op]] = {}  # by pid
        self.cuts: dict[int, list[tuple[Op, int]]] = {}  # by pid: splits that nothing explains yet, and where
        self.unmaps: dict[int, deque[Op]] = {}  # by pid: its last unmaps, whose frees may come later

    def forget(self) -> None:
        """Everything that was seen is in a list."""
        self.lost()
        self.spaces.forget()
        self.before.forget()

    def lost(self) -> None:
        """Events are missing."""
        self.open.clear()
        self.cuts.clear()
        self.unmaps.clear()
        self.spaces.lost()

    def start(self, event: Event, actor: str, word: str, *args: str | Physical) -> Op:
        """A task begins an operation."""
        op = self.tape.add(Op(event.at, actor, word, list(args)))
        self.enter(event, op)
        return op

    def enter(self, event: Event, *ops: Op) -> None:
        """What a task does now belongs to these operations, or to none."""
        if ops and event.pid != NO_PID:
            self.open[event.pid] = list(ops)
        else:
            self.open.pop(event.pid, None)

    def unmapped(self, event: Event, ops: list[Op]) -> None:
        """These operations of a task unmap: they may free only after others have begun."""
        self.enter(event, *ops)
        self.unmaps.setdefault(event.pid, deque(maxlen=8)).extend(ops)

    def of(self, event: Event) -> Op | None:
        """The operation that a task is in."""
        ops = self.open.get(event.pid)
        return ops[0] if ops else None

    def change(self, change: Change) -> None:
        """A reserve or a free."""
        ops = self.open.get(change.event.pid)
        if ops and change.mode >= 0 and ops[0].word not in _RESERVE and not ops[0].body:
            self.enter(change.event)
            ops = None
        scope = self.context.tasks.of(change.event).scope
        if not ops and change.mode < 0 and isinstance(scope, FreePfnRange):
            late = (one for one in self.unmaps.get(change.event.pid, ()) if not one.changes and _meets(one, change))
            ops = [one for one in late][-1:]
        if not ops:
            op = self.tape.plain(change, self.actor(change.event))
            if op is not None:
                self.before.stands_alone(change, op)
            return
        op = next((one for one in ops if _meets(one, change)), ops[-1])
        self.tape.change(op, change)
        self.before.heard(change, op.areas)
        all_of_it = op.word == "zap_vma_ptes" and len(ops) == 1 and op.physical == (change.start, change.end)
        if op.word in _FREE_ONCE or all_of_it:
            self.enter(change.event)

    def actor(self, event: Event) -> str:
        """The name of a task: that of its process where it has one."""
        space = self.spaces.by_pid.get(event.pid)
        return space.name if space is not None else self.tape.actor(event)


def _meets(op: Op, change: Change) -> bool:
    return op.physical is not None and op.physical[0] < change.end and change.start < op.physical[1]


def mode_of(prot: int) -> int:
    """The type that protection bits ask for; -1 where the recording has none."""
    return pgprot2cachemode(prot) if prot >= 0 and not prot & _NO_PROT else -1

"""A tape as a scenario, which is played while it is written.

What an operation does not do that the recording shows of it is written behind it. Where the reservations are others
than those of the recording all the same, at a checkpoint or at the end, the driver `lost` does what is missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pat_check.cachemode import WB
from pat_check.conversion.contexts import Contexts
from pat_check.conversion.converted import Converted
from pat_check.conversion.correcting import Corrector, reserve
from pat_check.conversion.memory import Bars, mtrr_lines, ram_lines
from pat_check.conversion.settling import Settler
from pat_check.conversion.tape import Checkpoint, Op, Physical, Remark, Tape, mode_word, plain
from pat_check.eras.base import Era
from pat_check.errors import TraceError
from pat_check.model.memory import Ram
from pat_check.model.page_table import FOUR_LEVELS
from pat_check.replay.context import Change
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Statement, flattened
from pat_check.sources.iomem import Resource

_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_PATH = "converted.pat"
_END = "exit"
_BROKEN = mode_word(-1)
_UNTRACK = frozenset(("munmap", "mremap", "zap_vma_ptes", "fork", "exec", _END))
"""Operations that look for what tracks a mapping."""


class Writer:
    """Writes one tape, for the era of the recording."""

    def __init__(self, tape: Tape, era: Era, resources: list[Resource], ram: Ram) -> None:
        self.tape = tape
        ops = list(tape.ops())
        self.bars = Bars(resources, ram, ops)
        touched = [(change.start, change.end) for op in ops for change in op.changes]
        touched += [(arg.start, arg.start + arg.size) for op in ops for arg in op.args if isinstance(arg, Physical)]
        touched += [(start, end) for start, end, _ in tape.begin or ()]
        self.made = Converted()
        self._mapped = {op.physical for op in ops if op.word == "remap_pfn_range" and op.physical is not None}
        inserted = {node[:2] for node in tape.begin or ()}
        inserted |= {node[:2] for item in tape.items if isinstance(item, Checkpoint) for node in item.nodes}
        declarations = [
            *ram_lines(resources, ram, touched, inserted),
            *mtrr_lines(_write_back(tape, ops)),
            *self.bars.lines(),
        ]
        declarations += ["paging 5-level"] if tape.highest > FOUR_LEVELS.user_end else []
        forked = {op.args[0] for op in ops if op.word == "fork"}
        points = [item for item in tape.items if isinstance(item, Checkpoint)]
        shown = {name for point in points for name, areas in point.mapped.items() if areas}
        processes = ({op.actor for op in ops if op.word == "mmap"} | shown) - forked
        used = {op.actor for op in ops} - forked - processes
        used |= {"before"} if tape.begin else set()
        declarations += [f"process {name}" for name in sorted(processes)]
        declarations += [f"driver {name}" for name in sorted(used)]
        scenario = parse("".join(f"{line}\n" for line in declarations), _PATH)
        self.stage = Stage(scenario, era, lambda incident: None, judged=False)
        self.stage.run(scenario.statements)
        for line in declarations:
            self.made.add(line)
        self._played: list[Change] = []
        self._done: Counter[tuple[str, int, int]] = Counter()  # what was played and is not seen in the recording yet
        self._alone: Counter[tuple[int, int]] = Counter()  # reserves that stand alone
        self._ended: dict[str, str] = {}  # a task whose address space is gone, and the driver that acts for it
        self.stage.world.replay.context.log = self._played.append
        self.settler = Settler(self.stage, self._settle_by, tape.unused)
        self.contexts = Contexts(self.stage, self.made.lines, self._settle_by, tape.unused)
        self.corrector = Corrector(self.stage, self.contexts, self._settle_by, self._say_of)
        self._at = 0  # the trace line of what is settled

    def write(self) -> Converted:
        """All of it."""
        if self.made.lines:
            self.made.add("")
        claimed = {node: list(made) for node, made in self.tape.claimed.items()}
        for node in self.tape.begin or ():
            if claimed.get(node):
                for op in claimed[node].pop():
                    self._say(self._line(op), op.at)
            else:
                self._say(f"before: {reserve(node)}")
        remarks = {id(one.before): one for one in self.tape.remarks if one.before is not None}
        for item in self.tape.items:
            if isinstance(item, Op):
                for op in (*item.ahead, item):
                    if id(op) in remarks:
                        self._remark(remarks[id(op)])
                    if not op.early:
                        self._operate(op)
            elif isinstance(item, Remark):
                self._remark(item)
            elif item is not None:
                self._at = item.at
                self._settle(item)
                self._leave(item)
                self.contexts.settle(item)
                if self.corrector.correct(item):
                    self._done.clear()
                self.contexts.finish(item)
                if item.marker is not None:
                    label = _LABEL.sub("-", item.marker.text).strip("-.") or "marker"
                    self.made.add(f"checkpoint {label}", item.at)
        self.made.corrections = self.corrector.count
        return self.made

    def _remark(self, remark: Remark) -> None:
        self.made.add(f"# {remark.text}", remark.at)
        self.made.remarks.append((remark.at, remark.text))

    # --- operations --------------------------------------------------------------------------------------

    def _operate(self, op: Op) -> None:
        """Play an operation, and what the recording shows of it besides what it did, now or before."""
        self._played.clear()
        if not op.dropped and not op.is_plain:
            if op.word in _UNTRACK:
                self._at = op.at
                self.settler.leave(op.actor)
            self._say(self._line(op), op.at, [self._line(one) for one in op.body])
            if op.word == _END:
                self._ended[op.actor] = ""
        self._done.update(map(_key, self._played))
        for change in (one for one in op.changes if one.start < one.end):
            if self._done[_key(change)] > 0:
                self._done[_key(change)] -= 1
            else:
                self._change(change, op.actor)
                self.made.unexplained += self._is_unexplained(change)

    def _change(self, change: Change, actor: str) -> None:
        """A reserve or a free alone, or the end of what such a reserve was of."""
        op, bounds = plain(change, actor), (change.start, change.end)
        context = self.contexts.freed(bounds, self.tape.freed.get(change.event.at, 0)) if change.mode < 0 else ""
        if context:
            op.word, op.args = "kref_put", [context]
        if self._say(self._line(op), change.event.at) and change.mode >= 0:
            self.contexts.reserved(bounds, change.event.at)

    def _is_unexplained(self, change: Change) -> bool:
        """Whether it frees what an operation maps, and not what was reserved alone."""
        key = change.start, change.end
        if change.mode >= 0 or self._alone[key] > 0:
            self._alone[key] += 1 if change.mode >= 0 else -1
            return False
        return any(low < change.end and change.start < high for low, high in self._mapped)

    def _line(self, op: Op) -> str:
        if op.actor in self._ended and not self._ended[op.actor]:  # closing its files, it still calls drivers
            name = self._ended[op.actor] = self.tape.unused(f"{op.actor}_exiting")
            self._say(f"driver {name}")
        args = [self.bars.text(arg) if isinstance(arg, Physical) else arg for arg in op.args]
        if op.mode >= 0:
            args.append(mode_word(op.mode))
        made = f"{op.result} = " if op.result else ""
        return f"{self._ended.get(op.actor, op.actor)}: {made}{op.word} {', '.join(args)}".rstrip()

    def _say(self, line: str, at: int = 0, body: Sequence[str] = ()) -> bool:
        """Write a line and play it; one that makes no sense, as of a damaged event, is left out."""
        lines = [line]
        if body:
            lines = [f"{line} {{", *(f"  {one.partition(': ')[2]}" for one in body), "}"]
        if any(_BROKEN in one.split(", ") for one in lines):
            return False  # a damaged number, which is no type
        try:
            statement: Statement = parse("".join(f"{one}\n" for one in lines), _PATH).statements[0]
            for inner in flattened([statement]):
                inner.at += len(self.made.lines)
            self.stage.run([statement])
        except TraceError:
            return False
        for text in lines:
            self.made.add(text, at)
        return True

    # --- what is there, and what is not ------------------------------------------------------------------

    def _settle(self, point: Checkpoint) -> None:
        """Go on from the mappings that are shown: one is just being made or unmapped, or came to be unrecorded."""
        settler = self.settler
        others = settler.others(point.mapped, all_mapped=point.all_mapped)
        shown = {**dict.fromkeys(others, ()), **point.mapped}
        for name, areas in shown.items():
            said = settler.differences(name, areas)
            if not said:
                continue
            self._remark(
                Remark(point.at, f"the recording does not show how the mappings of {name} came to be others: {said}")
            )
            self._alone.update(settler.settle(name, list(areas), point.nodes))
            if settler.differences(name, areas):
                self._remark(
                    Remark(point.at, f"they are still others: {name} cannot have mapped what is recorded of it")
                )

    def _settle_by(self, line: str) -> bool:
        """A line that no operation of the recording is behind."""
        return self._say(line, self._at)

    def _say_of(self, text: str) -> None:
        """A comment about it."""
        self._remark(Remark(self._at, text))

    def _leave(self, point: Checkpoint) -> None:
        """What shared a context that is gone is unmapped, where nothing shows the mappings of its process."""
        actors = self.stage.names.actors.items()
        names = {actor.mm: name for name, actor in actors if actor.mm is not None and name not in point.mapped}
        gone = [vma for vma in self.contexts.others(point) if vma.mm in names]
        if gone:
            count = f"{len(gone)} mapping{'s' if len(gone) > 1 else ''}"
            self._remark(Remark(point.at, f"the recording does not show how {count} came to be unmapped"))
        for vma in gone:
            self.settler.unmap(names[vma.mm], vma)


def _key(change: Change) -> tuple[str, int, int]:
    return change.function, change.start, change.end


def _write_back(tape: Tape, ops: list[Op]) -> set[tuple[int, int]]:
    """The ranges that are reserved write-back: the MTRRs let them."""
    points = [tape.begin or [], *(item.nodes for item in tape.items if isinstance(item, Checkpoint))]
    found = {(start, end) for nodes in points for start, end, mode in nodes if mode == WB}
    return found | {(one.start, one.end) for op in ops for one in op.changes if one.mode == WB}

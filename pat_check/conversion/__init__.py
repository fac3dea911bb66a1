"""A recording as a scenario: what was done, in the same order, by the same tasks.

Where the recording shows them, these are the operations of drivers and users: mmap handlers, unmaps, forks, ioremaps.
What it does not show at that level are reserves and frees. The scenario starts from the list that the recording starts
from and has its list at every checkpoint and at the end.
"""

from __future__ import annotations

from pat_check.conversion.areas import Shown
from pat_check.conversion.converted import Converted
from pat_check.conversion.lifting import Lifter, missing
from pat_check.conversion.tape import Checkpoint, Tape, listed, typed
from pat_check.conversion.writing import Writer
from pat_check.events import LostEvents, Malformed, Marker
from pat_check.replay.context import Change
from pat_check.replay.loop import Replay
from pat_check.replay.shared_contexts import Alive
from pat_check.replay.snapshots import Listed, checkpoint_number
from pat_check.session import Options, Session
from pat_check.sources.iomem import Resource, read_iomem
from pat_check.sources.opening import open_lines

__all__ = ["Converted", "convert"]

_FEW = 20
"""Where one in so many reserves and frees is not explained, operations are no better than these alone."""


def convert(path: str, options: Options, *, placed: bool = False) -> tuple[Converted, str]:
    """Replay a recording and write what it does as a scenario; also gives the file that its lines come from.

    With `placed` mappings are made where they were in the recording. Raises TraceError when it cannot be read.
    """
    session = Session(path, options, lambda incident: None)
    high, low, lifter = _record(session, placed=placed)
    era = session.guess.era
    resources, ram = _resources(session), session.replay.context.machine.ram
    file = session.trace if session.trace != "-" else "<stdin>"
    made, why, taken = None, "", low.taken
    words = {op.word for op in high.ops()}
    if "mmap" in words and not lifter.ends.are_seen:
        why = "the ends of mappings (unmap_vmas) are not recorded"
    elif words <= {"memtype_reserve", "memtype_free"}:
        why = "the recording shows nothing above them" if words else ""
    else:
        made = Writer(high, era, resources, ram).write()
    wrong = made.corrections + made.unexplained if made is not None else 0
    if made is not None and wrong * _FEW > low.changes and not session.replay.context.lost_any:
        made, why = None, f"what is recorded above leaves {wrong} differences in {low.changes} reserves and frees"
    if made is None and lifter.by_nobody:
        why = "which task does what is not recorded"
    if made is None:
        low.give_back(taken)
    made = made or Writer(low, era, resources, ram).write()
    made.tasks = high.tasks()
    made.title = f"Converted from a {session.source.name} recording; era {era.name}."
    if why:
        made.plain = f"reserves and frees, not what led to them: {why}"
        made.notes.append(made.plain)
    if made.corrections:
        made.notes.append("what the recording does not show or the model does not explain is done by `lost`")
    if made.remarks:
        made.notes.append(f"comments say where it is not all that was done: {len(made.remarks)}")
    return made, file


def _record(session: Session, *, placed: bool) -> tuple[Tape, Tape, Lifter]:
    """What the recording does: by operations where it shows them, and by reserves and frees alone."""
    replay = session.replay
    machine = replay.context.machine
    high = Tape()
    low = Tape(high)
    lifter = Lifter(replay.context, high, placed=placed)

    changes: list[Change] = []

    def change(change: Change) -> None:
        lifter.current.change(change)
        low.plain(change, low.actor(change.event))
        changes.append(change)

    def anchor(nodes: list[Listed]) -> None:
        """The first snapshot gives the state: what was recorded before it is in it."""
        for tape in (high, low):
            tape.begin = nodes
            tape.clear()
        lifter.forget()

    def point(at: int, marker: Marker | None, shown: dict[str, list[Shown]] | None) -> None:
        """What there is: of mappings what the kernel showed, else what the replay follows."""
        followed = lifter.followed(replay.vmas) if shown is None else None
        mapped = shown or followed or {}
        contexts = _alive(replay)
        for tape in (high, low):
            nodes, ram = listed(machine.memtypes), typed(machine.ram)
            tape.items.append(Checkpoint(at, marker, nodes, ram, mapped, followed is not None, contexts))

    replay.context.log = change
    replay.snapshots.on_anchor = anchor
    if machine.origin_known:
        anchor(listed(machine.memtypes))
    saved = dict(replay.maps.saved)
    for event in session.events():
        lifter.hear(event)
        replay.run((event,))
        for one in changes:
            born, at = machine.freed.get((one.start, one.end), (0, 0))
            if one.mode < 0 and at == one.event.at:
                high.freed[at] = low.freed[at] = born
        changes.clear()
        if isinstance(event, (LostEvents, Malformed)):
            low.remark(event.at, f"{missing(event)}: what was reserved then or freed is not known")
        if isinstance(event, Marker):
            maps = saved.pop(checkpoint_number(event.text), None)
            point(event.at, event, lifter.saved(event, maps.of) if maps is not None else None)
    if session.lines.broken:
        for tape in (high, low):
            tape.remark(session.source.lines, f"the recording ends here: {session.lines.broken}")
    replay.finish()
    lifter.finish()
    point(session.source.lines, None, None)
    return high, low, lifter


def _alive(replay: Replay) -> list[Alive] | None:
    """The contexts that there are, with the number of mappings where the replay sees all of these."""
    if replay.context.lost_any:
        return None
    sure = replay.vmas.complete and replay.vmas.are_sure()
    return [one if sure else one._replace(vmas=0) for one in replay.layers.contexts.alive()]


def _resources(session: Session) -> list[Resource]:
    iomem = session.iomem
    return read_iomem(open_lines(iomem)) if iomem else []

"""What a recording does not hold, and what therefore was not checked: for people."""

from __future__ import annotations

from collections.abc import Iterator

from pat_check.foresight import Foresight
from pat_check.replay.layered import missing_in
from pat_check.replay.loop import Replay

_LOCKED = (("memtype_check_insert", "insert_seen"), ("memtype_erase", "erase_seen"))
_TRACKING = frozenset(("track_pfn_remap", "untrack_pfn", "pfnmap_track", "pfnmap_untrack", "pfnmap_track_ctx_release"))
_LIVES = frozenset(("vm_area_dup", "vm_area_free"))


def unchecked(replay: Replay, source: str, foresight: Foresight) -> Iterator[str]:
    """The facts of one recording, the most important first."""
    yield from _memtypes(replay, source)
    yield from _left_out(replay, foresight)
    yield from _tracking(replay)
    yield from _layers(replay, foresight)
    yield from _beside(replay)


def _memtypes(replay: Replay, source: str) -> Iterator[str]:
    context = replay.context
    if not context.probes_seen and source != "klog":
        yield "no memtype_reserve or memtype_free is recorded: nothing of this layer was checked"
    elif not context.probes_seen:
        yield "only kernel messages are recorded: who reserves and frees is not known"
    elif context.entry_only:
        yield "returns are not recorded: results are the model's predictions"
    elif not (context.insert_seen and context.erase_seen):
        missing = [name for name, seen in _LOCKED if not getattr(context, seen)]
        yield f"{' and '.join(missing)} not recorded with returns: concurrent changes may be out of order"


def _left_out(replay: Replay, foresight: Foresight) -> Iterator[str]:
    context = replay.context
    if context.probes_seen and context.reserves_unseen:
        yield "nothing shows that memtype_reserve is recorded: what is freed, or listed, may be unknown (probe it)"
    if context.probes_seen and context.frees_unseen:
        yield (
            "nothing shows that memtype_free is recorded: whether reservations leak is open "
            "(probe it, or put kprobe_profile.txt beside the trace)"
        )
    if context.one_comm:
        yield (
            f"calls on VMAs are recorded of tasks named {context.one_comm} alone: "
            "what unmap_vmas makes and the references of shared contexts were not checked"
        )
    cpu, of = next(iter(foresight.cpus), 0), f" of {foresight.of_cpus}" if foresight.of_cpus else ""
    if context.one_cpu:
        yield f"only the events of CPU {cpu}{of} are recorded: surprises count as info (record all CPUs)"
    elif foresight.stays_on_one:
        yield f"all events are of CPU {cpu}{of}: taken for tasks that stayed there, not for the buffer of one CPU"


def _tracking(replay: Replay) -> Iterator[str]:
    context, seen = replay.context, replay.layers.seen
    if context.probes_seen and not seen & _TRACKING:
        yield "no call of the tracking layer is recorded: whether mappings reserve and free as they must is open"
    elif context.era.fork_shares and seen & _TRACKING and not seen & _LIVES:
        yield "vm_area_dup and vm_area_free are not recorded: the references of shared contexts were not counted"
    elif context.era.fork_shares and context.lost_any:
        yield "events are missing: the references of shared contexts were not counted from there on"


def _layers(replay: Replay, foresight: Foresight) -> Iterator[str]:
    context = replay.context
    for half, other in (("returns", "entries"), ("entries", "returns")):
        names = sorted(name for name, one in context.halves.items() if one == half)
        if names and not context.entry_only:
            listed = ", ".join(names)
            yield f"only the {half} of {listed} are recorded: their calls were not checked (record the {other} too)"
    if context.probes_seen or replay.layers.seen:
        known = context.recorded | context.halves.keys() | foresight.probes.entries
        missing = list(missing_in(known, replay.layers.passed, context.era))
        if not context.probes_seen:
            missing = [name for name in missing if name != "memtype"]  # which is told already
        if missing:
            yield f"nothing shows that these are recorded, so they were not checked: {', '.join(missing)}"


def _beside(replay: Replay) -> Iterator[str]:
    machine, snapshots = replay.context.machine, replay.snapshots
    if not machine.origin_known:
        yield "the reservations from before the trace are not known (--memtypes FILE): surprises count as info"
    if not machine.ram.known:
        yield "System RAM is not known (--iomem FILE): mixed ranges and RAM types were not checked"
    if not machine.mtrr.known:
        yield "the MTRRs are not known (--mtrr FILE): the type of write-back requests was taken from the recording"
    if snapshots.unanchored:
        yield f"{snapshots.unanchored} snapshots have no checkpoint marker in the trace and were not compared"
    yield from _mappings(replay)


def _mappings(replay: Replay) -> Iterator[str]:
    """Why mappings that the kernel showed at checkpoints were not compared."""
    maps = replay.maps
    unfollowed = "events are missing" if replay.vmas.gaps else "the lives of VMAs are not recorded (vm_area_free)"
    reasons = (
        (maps.unseen, "no event had shown {}"),
        (maps.unowned, "no event had shown the address space of the process"),
        (maps.unsettled, "another task was about to change or end {}"),
        (maps.unfollowed, unfollowed),
        (maps.unanchored, "the checkpoint has no marker in the trace"),
    )
    for count, why in reasons:
        if count:
            one = count == 1
            were, them = ("mapping at checkpoints was", "it") if one else ("mappings at checkpoints were", "them")
            yield f"{count:,} {were} not compared: {why.format(them)}"

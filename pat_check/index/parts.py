"""Which parts of a replay change while it runs: what a saved state holds, and what a new replay has by itself."""

from __future__ import annotations

import hashlib
import json
from operator import attrgetter
from typing import Any

from pat_check.index.coding import Json, Reader, Writer
from pat_check.replay.loop import Replay
from pat_check.session import Session

PARTS: dict[str, tuple[str, ...]] = {
    "": ("events", "pids", "_began", "_last"),
    "context": (
        "entry_only",
        "insert_seen",
        "erase_seen",
        "probes_seen",
        "forked",
        "made",
        "forks_seen",
        "lossy",
        "lost_any",
        "recorded",
        "frees_unseen",
        "reserves_unseen",
        "changes_unseen",
        "answers_seen",
        "halves",
        "one_cpu",
        "nested",
        "unproven",
    ),
    "context.spaces": ("of", "_users", "_forking", "_copying", "_reached", "_nameless", "_holding"),
    "context.machine": ("memtypes", "pat_enabled", "now", "origin_known", "iomaps", "unmapped", "freed"),
    "context.machine.ram": ("known", "_asked", "_chunks", "types"),
    "context.machine.mtrr": ("known", "_ranges", "_default"),
    "context.tasks": (
        "_tasks",
        "_last",
        "_last_pid",
        "endless",
        "lost_entries",
        "lost_returns",
        "lost_returns_at",
        "paired",
        "torn",
    ),
    "expected": ("complete", "types_known"),
    "expected.console": (),
    "expected.dmesg": (),
    "reserves": ("_inserted",),
    "reserves.refusals": (),
    "frees": ("_erased",),
    "frees.holders": (),
    "frees.thefts": ("_robbed",),
    "doubts": ("_against", "_out", "_stamp", "_sure"),
    "drivers": ("_unmapping",),
    "processes": ("_ending", "_nameless", "_exits_seen"),
    "messages": ("checked", "explained", "_console", "_said", "_conflict"),
    "snapshots": ("anchored", "compared", "equal", "_seen"),
    "mappings": ("_of", "_near", "_noted", "_count", "zaps_seen"),
    "vmas": ("gaps", "complete"),
    "vmas.torn_down": ("_ended", "_over"),
    "vmas.duplicates": ("callers_seen",),
    "vmas.book": ("of", "untracked", "_placed"),
    "layers": ("seen", "passed", "callers", "strangers", "waiting", "freed"),
    "layers.nesting": (),
    "layers.absent": ("_partial",),
    "layers.unwanted": ("_comms",),
    "layers.copies": ("_of", "_failed"),
    "layers.teardowns.goings": ("_of", "_shown", "_plain"),
    "layers.torn": ("_awaited", "_confirmed", "_lost"),
    "layers.results": ("_unknown",),
    "layers.agreeing": ("_ending", "_first", "_ordinary"),
    "layers.teardowns": ("_within", "_alone", "_begun"),
    "layers.unmaps": ("due", "zaps", "_left"),
    "layers.contexts": ("_of", "_made", "_shown", "_reused"),
    "maps": ("compared", "equal", "unseen", "unowned", "unsettled", "unfollowed", "_seen"),
    "ordinary": (),
    "followed": (),
    "whole": (),
    "taken": (),
    "recording": (
        "lost_events",
        "lost_places",
        "malformed_lines",
        "_lost_at",
        "_malformed_at",
        "_cut",
        "_beside",
    ),
}
"""What is saved, by the path of the part in a Replay.

Not the complaints that the kernel must have printed: they grow with the recording, and no reservation depends on them.
"""


def _part(replay: Replay, path: str) -> Any:
    return attrgetter(path)(replay) if path else replay


def saved(replay: Replay) -> Json:
    """All that a replay has come to, but for the complaints it has predicted."""
    writer = Writer()
    return [[writer.of(getattr(_part(replay, path), name)) for name in names] for path, names in PARTS.items()]


def restore(replay: Replay, state: Json) -> None:
    """Bring a new replay of the same recording to a saved state.

    What `saved` has not made raises what `Reader` raises, and may leave the replay half restored.
    """
    reader = Reader()
    for (path, names), values in zip(PARTS.items(), state, strict=True):
        part = _part(replay, path)
        for name, value in zip(names, values, strict=True):
            setattr(part, name, reader.of(value))


def beginning(session: Session) -> str:
    """A digest of all that decides a replay beside the lines of the recording: options and what lies beside it."""
    replay = session.replay
    lists = [[number, one.nodes] for number, one in sorted(replay.snapshots.saved.items())]
    maps = [
        [number, pid, [[area.start, area.end, sorted(area.flags)] for area in areas]]
        for number, one in sorted(replay.maps.saved.items())
        for pid, areas in sorted(one.of.items())
    ]
    told = [session.guess.era.name, session.source.name, saved(replay), lists, maps]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()

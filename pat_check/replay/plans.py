"""What the loop does with an event, looked up once for each class of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pat_check.events import Call, Event
from pat_check.replay.layered import LAYERED
from pat_check.replay.vmas import Vmas


class Plan:
    """Who hears an event of one kind."""

    __slots__ = ("handler", "layered", "vmas")

    def __init__(self, kind: type[Event], handler: Callable[[Any], None], vmas: Vmas) -> None:
        self.handler = handler
        self.layered = kind in LAYERED
        self.vmas: Callable[[Any], None] | None = None
        if issubclass(kind, Call):
            self.vmas = vmas.entering(kind)


def kinds_of_events() -> list[type[Event]]:
    """Every class of events."""
    found: list[type[Event]] = [Event]
    for kind in found:
        found.extend(kind.__subclasses__())
    return found

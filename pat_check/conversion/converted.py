"""What a conversion gives: a scenario, and what there is to say about it."""

from __future__ import annotations


class Converted:
    """A scenario, and which trace line each of its lines comes from."""

    def __init__(self) -> None:
        self.title = ""
        self.notes: list[str] = []  # what is not written as it was done, and why; the comment at the top has them
        self.lines: list[str] = []  # what stands below
        self.remarks: list[tuple[int, str]] = []  # trace lines where it is not what was done, and why
        self.plain = ""  # why reserves and frees are all that it has
        self.tasks: dict[str, tuple[str, int]] = {}  # the comm and pid behind the name of a task
        self.corrections = 0  # what the driver `lost` does
        self.unexplained = 0  # frees of what an operation maps that no operation does
        self._origin: dict[int, int] = {}

    def add(self, line: str, at: int = 0) -> None:
        """Another line; `at` is the trace line that it stands for."""
        self.lines.append(line)
        if at:
            self._origin[len(self.lines)] = at

    @property
    def origin(self) -> dict[int, int]:
        """Scenario line to trace line."""
        above = len(self.notes) + 2
        return {line + above: at for line, at in self._origin.items()}

    def text(self) -> str:
        """The scenario."""
        notes = (f"# {note[0].upper()}{note[1:]}." for note in self.notes)
        below = ["", *self.lines] if self.lines else []
        return "\n".join((f"# {self.title}", *notes, *below)) + "\n"

"""Scenarios as tests: one holds when it finds exactly what it claims and all it expects comes true."""

from pat_check import plays
from pat_check.eras import ERAS
from pat_check.model.vma import validate_contexts
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage

HEAD = """
bar fb = 0xfd000000 size 64K
bar big = 0x100000000 size 4M
ram buf = 0x1000000 size 64K
file card
process app
process kvm
driver drv
"""


def broken(story, era):
    """What does not go as the story says, as lines."""
    play = plays.play(parse(HEAD + story, "story.pat"), era)
    lines = [f"{mark.line}: claimed {mark.rule}, not found" for mark in play.unmet]
    lines += [f"{mark.line}: found {mark.rule}: {mark.message}" for mark in play.unexpected]
    return lines + [f"{unmet.at}: {unmet.message}" for unmet in play.outcome.unmet]


class Watched(Stage):
    """A stage that counts the users of every context after every operation."""

    def _operate(self, statement):
        super()._operate(statement)
        validate_contexts(self.world.machine.mms.values())


def watched(text, era):
    """Play a scenario on a stage that counts; gives back its world."""
    return Watched(parse(text, "story.pat"), era, lambda incident: None).play().world


def frees(story, era):
    """How many reservations there are after every operation of a story."""
    play = plays.play(parse(HEAD + story, "story.pat"), era)
    return [0 if state == "none" else state.count("[") for _, state in play.outcome.states]


__all__ = ["ERAS", "HEAD", "broken", "frees", "watched"]

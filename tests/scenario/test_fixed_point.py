"""What a random world reserves and frees, recorded, converted and played, is what it reserved and freed."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pat_check import api
from pat_check.eras import ERAS
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Checkpoint
from tests.scenario.recorder import Recorder, state
from tests.scenario.test_worlds import Worlds, eras

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"


class Heard(Stage):
    """A play that keeps the reserves and frees, as a recording of their entries has them."""

    def __init__(self, text, era):
        super().__init__(parse(text, "world.pat"), era, lambda incident: None)
        self.changes, self.trace = [], []
        self.world.replay.context.log = self._hear
        self.play()
        self.end = [(node.start, node.end, node.type) for node in self.world.machine.memtypes]

    def _hear(self, change):
        if change.start < change.end:
            self.changes.append((change.function, change.start, change.end, change.mode))
            asked = f" req={change.mode}" if change.function == "memtype_reserve" else ""
            head = f"{change.event.comm}-{change.event.pid} [000] {len(self.trace) + 1}.000000: {change.function}:"
            self.trace.append(f"{head} start={change.start:#x} end={change.end:#x}{asked}\n")


def check_fixed_point(text, era, folder):
    """World, recording, scenario, play: the same reserves, frees and list; and what is made of that play, once more."""
    world = Heard(text, era)
    if not world.trace:
        return
    (folder / "list.txt").write_text("PAT memtype list:\n")
    (folder / "iomem.txt").write_text(IOMEM)
    options = api.Options(era=era.name, memtypes=str(folder / "list.txt"), iomem=str(folder / "iomem.txt"))
    heard = world
    for name in ("first.txt", "second.txt"):
        (folder / name).write_text("".join(heard.trace))
        heard = Heard(api.convert(str(folder / name), options), era)
        assert heard.changes == world.changes
        assert heard.end == world.end


@eras
def test_a_random_world_is_a_fixed_point_of_recording_converting_and_playing(era, tmp_path):
    class Recorded(Worlds):
        def teardown(self):
            if not self.world.is_broken:
                self.world.end()
                with self.world.shown():
                    check_fixed_point(self.world.text, era, tmp_path)

    run_state_machine_as_test(
        lambda: Recorded(era),
        settings=settings(
            max_examples=40,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[phase for phase in Phase if phase is not Phase.explain],
        ),
    )


class Converted:
    """A play of a converted scenario: the state at every checkpoint, with the names that processes had."""

    def __init__(self, text, era):
        stage = Stage(parse(text, "converted.pat"), era, lambda incident: None)
        self.states = {}
        for statement in stage.scenario.statements:
            stage.run([statement])
            if isinstance(statement, Checkpoint):
                mapped, nodes = state(stage)
                self.states[statement.name] = {name.rpartition("_")[0]: of for name, of in mapped.items()}, nodes


LAYERED = [era for era in ERAS if era.name != "unmap-region"]


@pytest.mark.parametrize("era", LAYERED, ids=str)
def test_the_mappings_of_a_random_world_are_the_same_after_recording_and_converting(era, tmp_path, monkeypatch):
    """Copied pages are not recorded, and a fork that fails leaves nothing: such worlds are left out."""

    def check(text):
        world = Recorder(text, era, monkeypatch)
        (tmp_path / "list.txt").write_text("PAT memtype list:\n")
        (tmp_path / "iomem.txt").write_text(IOMEM)
        (tmp_path / "trace.txt").write_text("".join(world.lines))
        options = api.Options(era=era.name, memtypes=str(tmp_path / "list.txt"), iomem=str(tmp_path / "iomem.txt"))
        made = api.convert(str(tmp_path / "trace.txt"), options)
        assert Converted(made, era).states == world.states, made

    class Recorded(Worlds):
        def teardown(self):
            left_out = (": write ", "enomem", ", pfnmap", "vmf_insert")
            if not self.world.is_broken and not any(word in self.world.text for word in left_out):
                self.world.end()
                with self.world.shown():
                    check(self.world.text)

    run_state_machine_as_test(
        lambda: Recorded(era),
        settings=settings(
            max_examples=60,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[phase for phase in Phase if phase is not Phase.explain],
        ),
    )

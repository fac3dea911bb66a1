"""What a random world reserves and frees, recorded, converted and played, is what it reserved and freed."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pat_check import api
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
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

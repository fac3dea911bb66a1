"""Operations of tasks: fork, threads, exec, and their end."""

from __future__ import annotations

from pat_check import events
from pat_check.events import Event
from pat_check.scenario.operations.scene import Scene
from pat_check.scenario.verbs import Verb
from pat_check.scenario.world import Actor


def _fork(scene: Scene) -> int:
    args, world, parent = scene.args, scene.world, scene.mm
    name = _new_name(scene)
    child_id = world.new_mm_id()
    here = scene.here()
    processes = world.replay.processes
    hole = _no_memory(scene)
    processes.dup_mmap(events.DupMmap(*here, child_id, parent.id))
    with world.inside(events.CopyPageRange(*here, 0, 0, parent.id, "copy_page_range"), "copy_page_range"):
        ret, child = world.kernel.fork(parent, child_id, hole, early=args.has("early"))
    processes.dup_mmap_return(world.returned(events.DupMmap, "dup_mmap", ret))
    world.replay.context.tasks.of(world.event()).frames.clear()
    if child is None:
        scene.stage.names.absent[name] = world.at
        return ret
    if args.has("enomem"):
        raise args.wrong("fork copies nothing there: it does not need the memory")
    actor = _new_task(scene, name)
    actor.mm = child
    processes.fork(events.SchedProcessFork(*here, name, actor.pid))
    return 0


def _no_memory(scene: Scene) -> tuple[int, int]:
    """The addresses for whose copy there is no memory: to the end of their mapping, or all where none are named."""
    args = scene.args
    start = args.announced("at", -1)
    if not args.has("enomem"):
        if start >= 0 or args.has("early"):
            raise args.wrong("`at` and `early` say where memory runs out: they want `enomem` as well")
        return 0, 0
    if start < 0:
        return 0, scene.world.machine.paging.user_end
    vma = scene.mm.find(start)
    if vma is None:
        raise args.wrong(f"{scene.actor.name} has nothing mapped at {start:#x}")
    return start, vma.end


def _new_name(scene: Scene) -> str:
    """The name of the task that begins."""
    name = scene.args.new_name(0)
    before = scene.stage.names.actors.get(name)
    if not name or (before is not None and not before.ended):
        what = f"{name!r} is a task already" if name else f"{scene.statement.op} needs a name for the new task"
        raise scene.args.wrong(what, 0)
    return name


def _new_task(scene: Scene, name: str) -> Actor:
    world = scene.world
    actor = scene.stage.add_actor(name, world.at, is_process=False)
    world.replay.context.tasks.of(Event(world.at, None, 0, actor.pid, name)).module = ""
    return actor


def _clone(scene: Scene, *, thread: bool) -> int:
    """clone(CLONE_VM): a thread of the group, or the child of a vfork, which is a group of its own."""
    mm = scene.mm
    actor = _new_task(scene, _new_name(scene))
    actor.mm = scene.world.kernel.mmget(mm)
    if thread:
        actor.group = scene.actor.group
    return 0


def _exit(scene: Scene) -> int:
    """exit(): of this thread alone."""
    _mmput(scene, scene.actor)
    scene.actor.ended = scene.world.at
    return 0


def _kill(scene: Scene) -> int:
    """SIGKILL, exit_group(): every thread of the group ends."""
    _end_others(scene)
    return _exit(scene)


def _exec(scene: Scene) -> int:
    """exec(): the other threads of the group end, then the task goes on in a new address space."""
    _end_others(scene)
    _mmput(scene, scene.actor)
    scene.actor.mm = scene.world.kernel.new_mm(scene.world.new_mm_id())
    return 0


def _end_others(scene: Scene) -> None:
    """de_thread(), zap_other_threads(): the other threads of the group end, and let go of the address space."""
    for actor in scene.stage.names.actors.values():
        if actor.group == scene.actor.group and actor is not scene.actor and not actor.ended:
            _mmput(scene, actor)
            actor.ended = scene.world.at


def _mmput(scene: Scene, actor: Actor) -> None:
    """A task lets go of its address space; the last one tears it down."""
    world, mm = scene.world, actor.mm
    if mm is None:
        raise scene.args.wrong(f"{actor.name} has no address space")
    actor.mm = None
    if mm.users > 1:
        world.kernel.mmput(mm)
        return
    processes = world.replay.processes
    processes.exit_mmap(events.ExitMmap(*scene.here(), mm.id))
    world.kernel.mmput(mm)
    processes.finish(scene.actor.pid)


OPERATIONS: dict[str, Verb] = {
    "fork": Verb(_fork, "CHILD", "enomem early at"),
    "thread": Verb(lambda scene: _clone(scene, thread=True), "TASK"),
    "vfork": Verb(lambda scene: _clone(scene, thread=False), "TASK"),
    "exit": Verb(_exit),
    "kill": Verb(_kill),
    "exec": Verb(_exec),
}

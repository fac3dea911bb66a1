"""Operations on a pfnmap_track_ctx by itself: one that no mapping of the scenario shares."""

from __future__ import annotations

import errno

from pat_check.cachemode import UC_MINUS
from pat_check.model.memory import PAGE
from pat_check.model.vma import PfnmapTrackCtx
from pat_check.scenario.operations.drivers import listed, may_sleep
from pat_check.scenario.operations.scene import Scene
from pat_check.scenario.verbs import Verb
from pat_check.scenario.words import near


def _alloc(scene: Scene) -> int:
    """``pfnmap_track_ctx_alloc()``: it reserves its range, and there is one reference."""
    before = scene.stage.names.contexts.get(scene.statement.result)
    if before is not None and before.kref:
        raise scene.args.wrong(
            f"{scene.statement.result} is a context that has a reference: give this one another name"
        )
    first, last = scene.args.physical(0, 1)
    start, end = first & -PAGE, -(-last // PAGE) * PAGE
    may_sleep(scene, start)
    world = scene.world
    mode = scene.args.type(UC_MINUS)
    if scene.args.has("listed"):
        ret = listed(scene, start, end, mode)
    else:
        ret, _ = world.kernel.tracking.reserve_pfn_range(None, start, end - start, mode, strict=False)
    if ret == 0 and scene.statement.result:
        context = PfnmapTrackCtx(start // PAGE, end - start, world.at)
        scene.stage.names.contexts[scene.statement.result] = context
    return -errno.EINVAL if ret < 0 else 0


def _named(scene: Scene) -> PfnmapTrackCtx:
    contexts, name = scene.stage.names.contexts, scene.args.name(0)
    if name not in contexts or not scene.args.is_name(0):
        raise scene.args.wrong(f"{name or 'the argument'} is no context" + near(name, contexts), 0)
    if not contexts[name].kref:
        raise scene.args.wrong(f"{name} has no reference left: the last one was dropped", 0)
    return contexts[name]


def _get(scene: Scene) -> int:
    _named(scene).get()
    return 0


def _put(scene: Scene) -> int:
    """``kref_put()``: with the last reference goes the reservation."""
    context, world = _named(scene), scene.world
    if context.put():
        start = context.pfn * PAGE
        world.kernel.tracking.free_pfn_range(None, start, context.size, "pfnmap_track_ctx_release")
        world.changed(start, start + context.size, "pfnmap_track_ctx_release")
    return 0


OPERATIONS: dict[str, Verb] = {
    "pfnmap_track_ctx_alloc": Verb(_alloc, "PHYSICAL[, SIZE]", "TYPE listed", gives=True),
    "kref_get": Verb(_get, "CONTEXT"),
    "kref_put": Verb(_put, "CONTEXT"),
}

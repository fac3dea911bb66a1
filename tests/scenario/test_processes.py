"""Tasks, threads and address spaces: who ends with whom, and what a fork that fails gives back."""

import errno

import pytest

from pat_check import plays
from pat_check.eras import ERAS, NEWEST
from pat_check.errors import TraceError
from pat_check.model.vma import VM_PAT
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from tests.scenario.stories import HEAD, Watched, broken

eras = pytest.mark.parametrize("era", ERAS, ids=str)
MAPPED = "app: v = mmap 16K, card\napp: remap_pfn_range v, fb, 16K\n"
HELD = "expect memtypes fb = [0, 16K) uc-\n"
GONE = "expect memtypes fb = none\n"


def world(story, era=NEWEST):
    return Stage(parse(HEAD + story, "story.pat"), era, lambda incident: None).play().world


# --- who ends with whom -------------------------------------------------------------------------------------


@eras
@pytest.mark.parametrize("who", ["app", "t2", "t3"])
@pytest.mark.parametrize("end", ["exec", "kill"])
def test_exec_and_kill_in_any_thread_end_the_others(era, who, end):
    story = f"{MAPPED}app: thread t2\nt2: thread t3\n{HELD}{who}: {end}\n{GONE}"
    assert broken(story, era) == []
    actors = world(story, era).actors
    ended = {name for name in ("app", "t2", "t3") if actors[name].ended}
    assert ended == {"app", "t2", "t3"} - ({who} if end == "exec" else set())


@eras
def test_exit_ends_one_thread_and_the_last_one_takes_the_address_space(era):
    story = f"{MAPPED}app: thread t2\nt2: thread t3\napp: exit\n{HELD}t3: exit\n{HELD}t2: exit\n{GONE}"
    assert broken(story, era) == []


@eras
@pytest.mark.parametrize("end", ["exec", "kill", "exit"])
def test_a_vfork_child_is_of_another_group(era, end):
    story = f"{MAPPED}app: thread t2\napp: vfork c\nc: {end}\n{HELD}t2: kill\n{GONE}"
    assert broken(story, era) == []


@eras
def test_a_vfork_child_keeps_the_address_space_of_a_parent_that_is_killed(era):
    story = f"{MAPPED}app: thread t2\napp: vfork c\nt2: kill\n{HELD}c: mprotect v, ro\nc: exec\n{GONE}"
    assert broken(story, era) == []


@eras
def test_a_fork_child_is_a_group_of_one_thread(era):
    story = f"{MAPPED}app: thread t2\nt2: fork c\nt2: kill\n{HELD}c: exit\n{GONE}"
    assert broken(story, era) == []


def test_users_of_an_address_space_are_its_tasks():
    story = MAPPED + "app: thread t2\napp: vfork c\nc: thread c2\n"
    assert world(story).actors["app"].mm.users == 4
    assert world(story + "t2: exit\n").actors["app"].mm.users == 3
    assert world(story + "t2: exec\n").actors["c"].mm.users == 2
    assert world(story + "t2: exec\n").actors["t2"].mm.users == 1
    assert world(story + "c2: exec\n").actors["app"].mm.users == 2


@eras
def test_a_teardown_unmaps_ascending_whoever_began(era):
    """The upper piece shrinks the reservation, the lower one then frees it: other than ascending would leak."""
    story = f"{MAPPED}app: mprotect v + 8K, ro\napp: thread t2\n"
    claim = "#! memtype-invalid-free@!pfnmap-ctx memtype-leak@!pfnmap-ctx"
    assert broken(f"{story}t2: exec   {claim}\nexpect memtypes fb = [0, 8K) uc-   @!pfnmap-ctx\n", era) == []


@pytest.mark.parametrize(
    ("end", "who"), [("t2: kill", "app"), ("t2: kill", "t2"), ("t2: exec", "app"), ("app: exit", "app")]
)
def test_who_has_ended_does_nothing_more(end, who):
    text = f"{HEAD}{MAPPED}app: thread t2\n{end}\n{who}: read v\n"
    at = text.count("\n")
    with pytest.raises(TraceError, match=rf"^story\.pat:{at}:1: {who} ended in line {at - 1}\n"):
        plays.play(parse(text, "story.pat"), NEWEST)


@eras
def test_a_name_is_free_again_when_its_task_has_ended(era):
    story = f"{MAPPED}app: fork c\nc: exit\napp: thread c\nc: kill\n{GONE}"
    assert broken(story, era) == []


# --- forks that fail ----------------------------------------------------------------------------------------


TWO = """
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
app: w = mmap 16K, card, wc
app: remap_pfn_range w, fb + 32K, 16K
"""
SAME = "expect memtypes fb = [0, 16K) uc-, [32K, 48K) wc\n"
V, W = (0xFD000000, 0xFD004000), (0xFD008000, 0xFD00C000)


def changes(story, era):
    """The reserves and frees of the last operation: (function, range)."""
    stage = Watched(parse(HEAD + story, "story.pat"), era, lambda incident: None)
    heard = []
    stage.world.replay.context.log = lambda change: heard.append((change.event.at, change))
    stage.play()
    last = (HEAD + story).rstrip("\n").count("\n") + 1
    return stage, [
        (change.function.removeprefix("memtype_"), change.start, change.end) for at, change in heard if at == last
    ]


@eras
@pytest.mark.parametrize(
    ("place", "copied"),
    [
        ("", (V,)),
        (", at v", (V,)),
        (", at v + 12K", (V,)),
        (", at w", (V, W)),
        (", at w + 8K", (V, W)),
        (", early", ()),
        (", at w, early", (V,)),
        (", early, at w + 4K", (V,)),
    ],
)
def test_a_fork_without_memory_gives_back_what_it_has_copied(era, place, copied):
    """What was tracked is freed by untrack_pfn_copy() at once, the rest by exit_mmap(); contexts are only counted."""
    story = f"{TWO}app: fork child, enomem{place}\n"
    rest = f"expect ret = -ENOMEM\nexpect dmesg none\n{SAME}app: exit\nexpect memtypes = none\n"
    assert broken(story + rest, era) == []
    stage, heard = changes(story, era)
    tracked = [] if era.name == "pfnmap-ctx" else list(copied)
    frees = tracked if "early" in place else tracked[-1:] + tracked[:-1]
    assert heard == [("reserve", *range_) for range_ in tracked] + [("free", *range_) for range_ in frees]
    assert "child" not in stage.names.actors
    assert len([mm for mm in stage.world.machine.mms.values() if mm.vmas]) == 1
    vmas = stage.world.actors["app"].mm.vmas
    assert [vma.ctx is not None and vma.ctx.kref == 1 for vma in vmas] == [era.name == "pfnmap-ctx"] * 2
    assert [bool(vma.flags & VM_PAT) for vma in vmas] == [era.name != "pfnmap-ctx"] * 2
    assert stage.ret == -errno.ENOMEM


@eras
def test_a_fork_that_failed_can_be_tried_again(era):
    story = (
        f"{TWO}app: fork child, enomem, at w\napp: fork child\napp: exit\n{SAME}child: exit\nexpect memtypes = none\n"
    )
    assert broken(story, era) == []


@eras
def test_a_mapping_that_is_not_copied_needs_memory_for_itself_alone(era):
    story = MAPPED + "app: x = mmap 16K, card\napp: y = mmap 16K, private, wb\n"
    assert broken(f"{story}app: fork child, enomem, early, at x\nexpect ret = -ENOMEM\n{HELD}", era) == []
    for place in ("x", "y"):
        with pytest.raises(TraceError, match=r"fork copies nothing there: it does not need the memory"):
            plays.play(parse(f"{HEAD}{story}app: fork child, enomem, at {place}\n", "story.pat"), era)


@eras
def test_a_private_page_that_was_copied_is_no_obstacle_to_giving_back(era):
    story = """
app: v = mmap 16K, private, wb
app: remap_pfn_range v, fb, 16K, uc-
app: write v + 4K
app: fork child, enomem, at v + 8K
expect ret = -ENOMEM
expect memtypes fb = [0, 16K) uc-
app: exit
expect memtypes = none
"""
    assert broken(story, era) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (", at v", "`at` and `early` say where memory runs out: they want `enomem` as well"),
        (", early", "`at` and `early` say where memory runs out: they want `enomem` as well"),
        (", enomem, at v + 1G", "app has nothing mapped at 0x7f0040200000"),
    ],
)
def test_a_failure_that_cannot_be_is_refused(arguments, said):
    with pytest.raises(TraceError) as caught:
        plays.play(parse(f"{HEAD}{MAPPED}app: fork child{arguments}\n", "story.pat"), NEWEST)
    assert str(caught.value).split("\n")[0] == f"story.pat:{(HEAD + MAPPED).count(chr(10)) + 1}:6: {said}"

"""Long scenarios: what an operation costs grows with what it changes, and nothing is overlooked for that."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_check.eras import ERAS
from pat_check.model.memory import PAGE
from pat_check.model.memtype import Memtype
from pat_check.model.owner import BEFORE
from pat_check.model.page_table import Pte
from pat_check.model.tree import MemtypeTree
from pat_check.model.vma import Changes, Mm
from pat_check.scenario.checks import Checks
from pat_check.scenario.lists import Lists, first_other, list_text
from pat_check.scenario.parser import parse
from pat_check.scenario.reverse import Reverse
from pat_check.scenario.stage import Stage

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.pat"))


def many(count):
    """A scenario that maps so many pieces of a BAR, and unmaps all of them."""
    lines = [f"bar b = 0x100000000 size {16 * count}K", "file f", "process p", "process q"]
    for number in range(count):
        lines.append(f"p: v{number} = mmap 16K, f, shared, wc")
        lines.append(f"p: remap_pfn_range v{number}, b + {16 * number}K, 16K")
    lines += [f"p: munmap v{number}" for number in range(count)]
    return parse("\n".join(lines) + "\n", "many.pat")


class Counted(Checks):
    """Counts the mappings that are looked at."""

    looks = 0

    def _reservation(self, mm, vma):
        self.looks += 1
        super()._reservation(mm, vma)


class Everything(Checks):
    """Looks at every mapping after every operation, whatever has changed."""

    def after(self):
        for mm in self._world.machine.mms.values():
            mm.every()
        super().after()


def stage_with(checks, scenario, era, hear=lambda incident: None):
    stage = Stage(scenario, era, hear)
    stage.checks = checks(stage.world)
    return stage


@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.name)
def test_an_operation_looks_at_what_it_changes(era):
    looks, kept = {}, {}
    for count in (20, 200):
        stage = stage_with(Counted, many(count), era)
        outcome = stage.play()
        looks[count] = stage.checks.looks
        kept[count] = sum(len(changes) for _, changes in outcome.lists.steps)
        assert len(outcome.results) == 3 * count
    assert looks[20] >= 2 * 20
    assert looks[200] == 10 * looks[20]
    assert kept == {20: 2 * 20, 200: 2 * 200}


@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.name)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_nothing_is_overlooked(path, era):
    scenario = path.read_text()
    assert incidents_of(scenario, era, Checks) == incidents_of(scenario, era, Everything)


def incidents_of(text, era, checks):
    """What a play says, with these checks."""
    heard = []
    stage_with(checks, parse(text, "example.pat"), era, lambda incident: heard.append(repr_of(incident))).play()
    return heard


def repr_of(incident):
    """What an incident says, as far as it is text and numbers."""
    names = {name for kind in type(incident).__mro__ for name in getattr(kind, "__slots__", ())}
    values = {name: getattr(incident, name, None) for name in names}
    return type(incident).__name__, {name: it for name, it in values.items() if isinstance(it, (str, int, list, tuple))}


def test_a_reservation_that_goes_is_missed_by_a_mapping_that_nobody_touches():
    story = """
bar b = 0xfd000000 size 32K
file f
process p
driver d
p: v = mmap 16K, f, shared, wc
p: remap_pfn_range v, b, 16K
p: w = mmap 16K, f, shared, wc
p: remap_pfn_range w, b + 16K, 16K
"""
    stage = stage_with(Counted, parse(story, "gone.pat"), ERAS[-1])
    stage.play()
    looks = stage.checks.looks
    stage.world.turn(100, stage.names.actors["d"])
    stage.world.memtype_free(0xFD000000, 0xFD004000, "memtype_free", None)
    stage._keep(100, 0)
    stage.checks.after()
    assert stage.checks.looks == looks + 1
    assert len(stage.checks._gone) == 1


# --- lists ----------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from("+++-t")), max_size=3), max_size=8
)


def listed_by(script):
    """What a tree does, kept as changes and written after every step."""
    tree, lists, texts = MemtypeTree(), Lists(), []
    tree.journal = journal = []
    for at, step in enumerate(script):
        for start, pages, what in step:
            if what == "+":
                tree.insert(Memtype(start * PAGE, (start + pages) * PAGE, 1, BEFORE, at))
            nodes = list(tree)
            if nodes and what == "-":
                tree.remove(nodes[start % len(nodes)])
            if nodes and what == "t":
                tree.retype(nodes[start % len(nodes)], pages % 2)
        lists.steps.append((at, tuple(journal)))
        journal.clear()
        texts.append((at, list_text((node.start, node.end, node.type) for node in tree)))
    return lists, texts


@given(steps, steps, st.integers(0, 8))
def test_lists_are_what_the_trees_were(one, two, same):
    two = one[:same] + two[same:]
    first, first_texts = listed_by(one)
    second, second_texts = listed_by(two)
    assert first.texts() == first_texts
    assert second.texts() == second_texts
    common = zip(first_texts, second_texts, strict=False)
    assert first_other([first, second]) == next((at for at, (mine, other) in enumerate(common) if mine != other), -1)


# --- the reverse map ------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 9), st.integers(1, 5), st.integers(0, 4), st.booleans(), st.booleans()
        )
    )
)
def test_the_reverse_map_is_what_the_page_tables_are(script):
    changes = Changes()
    mms = [Mm(1, 0, changes), Mm(2, 0, changes)]
    reverse = Reverse(changes)
    for which, page, pages, offset, gone, looks in script:
        table, start, end = mms[which].page_table, page * PAGE, (page + pages) * PAGE
        table.clear(start, end)
        if not gone:
            table.install(start, end, Pte(offset * PAGE, 1, anon=offset == 4))
        if looks:
            for low, high in ((0, 20 * PAGE), (3 * PAGE, 4 * PAGE)):
                wanted = [
                    (mm, *run)
                    for mm in mms
                    for run in mm.page_table
                    if not run[2].anon and run[2].paddr(run[0]) < high and low < run[2].paddr(run[1])
                ]
                assert [(run.mm, run.low, run.high, run.pte) for run in reverse.mapping(low, high)] == wanted
        if page == 0:
            reverse.forget()

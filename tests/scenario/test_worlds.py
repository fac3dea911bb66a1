"""Random worlds and all small ones: the stage against a naive kernel, after every operation, in every era.

A world is a scenario that grows line by line; what fails is shown as one, ready for ``pat-check lint``.
"""

import itertools
from collections import Counter
from contextlib import contextmanager
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from pat_check import plays
from pat_check.cachemode import short_name
from pat_check.eras import ERAS
from pat_check.findings import Severity
from pat_check.incidents import MappingNoted, MemtypeFreeMissed
from pat_check.model.tree import validate_tree
from pat_check.model.vma import validate_mm
from pat_check.scenario.formatter import formatted
from pat_check.scenario.parser import parse
from pat_check.scenario.stage import Stage
from pat_check.scenario.statements import Scenario
from tests.scenario.naive import Kernel

PAGE = 4096
BAR = 0xFD000  # frame
PAGES = 8
HEAD = "# A world\nbar b = 0xfd000000 size 32K\nfile f\nprocess p0\ndriver drv\n"
FREES = ("memtype-invalid-free", "memtype-double-free")
"""The rules that report `freeing invalid memtype`."""

SUFFIX = {"uc-": "", "uc": "_uc", "wc": "_wc", "wt": "_wt", "wb": "_cache"}
"""Of ioremap, by type."""

eras = pytest.mark.parametrize("era", ERAS, ids=str)


@cache
def statements(text, at):
    """The statements of lines that stand from line `at` on."""
    return parse("\n" * (at - 1) + text + "\n", "world.pat").statements


def size(pages):
    return f"{4 * pages}K" if pages else "0"


class World:
    """A scenario that grows, on the stage and in the naive kernel."""

    def __init__(self, era):
        self.era = era
        self.lines = HEAD.splitlines()
        self.incidents = []
        head = Scenario("world.pat", statements(HEAD, 1))
        self.stage = Stage(head, era, self.incidents.append)
        self.stage.run(head.statements)
        self.naive = Kernel(era.name, "p0")
        self.complained = Counter()  # by line
        self.names = []  # (name, first page, pages) of mappings, the newest first
        self.is_broken = False
        self.checks = True  # after every operation

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    def place(self, page):
        """The words for a virtual page."""
        name, first = next((name, first) for name, first, pages in self.names if first <= page < first + pages)
        return f"{name} + {size(page - first)}" if page > first else name

    def frame(self, frame):
        return f"b + {size(frame - BAR)}" if frame > BAR else "b"

    # --- operations -----------------------------------------------------------------------------------------

    def do(self, line, naively):
        """Play a line on both; everything must be the same afterwards."""
        self.lines.append(line)
        at = len(self.lines)
        with self.shown():
            self.naive.complaints = self.naive.warnings = 0
            self.stage.run(statements(line, at))
            wanted = naively(self.naive)
            assert self.stage.ret == wanted, "the result"
            self.complained[at] += self.naive.complaints
        if self.checks:
            self.check()

    @contextmanager
    def shown(self):
        """What fails inside shows the world."""
        try:
            yield
        except Exception as error:
            self.is_broken = True
            error.add_note(f"in {self.era}, after the last line of\n\n{self.text}")
            raise

    def mmap(self, process, pages, *, shared, mode, flags=""):
        name = f"v{len(self.lines)}"
        kind = "shared" if shared else "private"

        def naively(kernel):
            first = self.stage.names.mappings[name].start // PAGE
            self.names.insert(0, (name, first, pages))
            return kernel.mmap(process, first, pages, shared=shared, mode=mode)

        self.do(f"{process}: {name} = mmap {size(pages)}, f, {kind}, {mode}{flags}", naively)
        area = self.naive.processes[process].at(self.names[0][1])
        area.pfnmap = bool(flags)
        return area

    def remap(self, process, start, frame, pages, mode):
        self.do(
            f"{process}: remap_pfn_range {self.place(start)}, {self.frame(frame)}, {size(pages)}, {mode}",
            lambda kernel: kernel.remap_pfn_range(process, start, frame, pages, mode),
        )

    def mremap(self, process, start, old, new, *, move):
        name = f"v{len(self.lines)}"

        def naively(kernel):
            to = None
            if name in self.stage.names.mappings:  # not when it was refused
                to = self.stage.names.mappings[name].start // PAGE
                self.names.insert(0, (name, to, new))
            return kernel.mremap(process, start, old, new, to)

        result = f"{name} = " if move else ""
        self.do(f"{process}: {result}mremap {self.place(start)}, {size(old)}, {size(new)}", naively)

    def insert(self, process, page, frame):
        self.do(
            f"{process}: vmf_insert_pfn {self.place(page)}, {self.frame(frame)}",
            lambda kernel: kernel.vmf_insert_pfn(process, page, frame),
        )

    def write(self, process, page):
        self.do(f"{process}: write {self.place(page)}", lambda kernel: kernel.write(process, page))

    def fork(self, process, child, missing=None):
        words = "" if missing is None else f", enomem, at {self.place(missing)}"
        self.do(f"{process}: fork {child}{words}", lambda kernel: kernel.fork(process, child, missing))

    def exit(self, process):
        self.do(f"{process}: exit", lambda kernel: kernel.exit(process))

    def ioremap(self, start, pages, mode):
        cookie = f"p{len(self.lines)}"
        self.do(
            f"drv: {cookie} = ioremap{SUFFIX[mode]} {self.frame(start)}, {size(pages)}",
            lambda kernel: kernel.ioremap(cookie, start, pages, mode),
        )

    def reserve_wc(self, start, pages):
        cookie = f"p{len(self.lines)}"
        self.do(
            f"drv: arch_io_reserve_memtype_wc {self.frame(start)}, {size(pages)}",
            lambda kernel: kernel.arch_io_reserve_memtype_wc(cookie, start, pages),
        )

    def call(self, process, operation, start, pages):
        """An operation on virtual pages that has the same name in both kernels."""
        method = {"zap_vma_ptes": "zap"}.get(operation, operation)
        self.do(
            f"{process}: {operation} {self.place(start)}, {size(pages)}",
            lambda kernel: getattr(kernel, method)(process, start, pages),
        )

    def mprotect(self, process, start, pages, *, read_only):
        self.do(
            f"{process}: mprotect {self.place(start)}, {size(pages)}, {'ro' if read_only else 'rw'}",
            lambda kernel: kernel.mprotect(process, start, pages, read_only=read_only),
        )

    def end(self):
        """Everybody exits and frees what they hold."""
        for process in list(self.naive.processes):
            self.exit(process)
        for cookie in list(self.naive.held):
            self.release(cookie)

    def release(self, cookie):
        start, end = self.naive.held[cookie]
        free = f"iounmap {cookie}"
        if cookie not in self.stage.names.cookies:
            free = f"arch_io_free_memtype_wc {self.frame(start)}, {size(end - start)}"
        self.do(f"drv: {free}", lambda kernel: kernel.release(cookie))

    # --- what must hold -------------------------------------------------------------------------------------

    def check(self):
        """The last operation did in the model what it did in the naive kernel."""
        with self.shown():
            self._check(len(self.lines))

    def _check(self, at):
        machine, naive = self.stage.world.machine, self.naive
        nodes = [(node.start // PAGE, node.end // PAGE, short_name(node.type).lower()) for node in machine.memtypes]
        assert nodes == naive.tree, "the reservations"
        validate_tree(machine.memtypes)
        missed = [one for one in self.incidents if isinstance(one, MemtypeFreeMissed) and one.at == at]
        assert len(missed) == naive.complaints, "freeing invalid memtype"
        noted = [one for one in self.incidents if isinstance(one, MappingNoted) and one.at == at]
        assert sum(one.what == "first-pte-gone" for one in noted) == naive.warnings, "get_pat_info() warns"
        mms = {name: actor.mm for name, actor in self.stage.names.actors.items() if actor.mm is not None}
        assert mms.keys() == naive.processes.keys(), "who is alive"
        for name, mm in mms.items():
            validate_mm(mm)
            areas = [(area.start, area.end, area.pat) for area in naive.processes[name].areas]
            assert [(v.start // PAGE, v.end // PAGE, bool(v.flags & 0x01000000)) for v in mm.vmas] == areas, "mappings"
            assert entries_of(mm) == naive.processes[name].entries, "the entries"
        self.check_contexts([vma for mm in mms.values() for vma in mm.vmas])

    def check_contexts(self, vmas):
        """The list is what contexts and drivers hold, and a context counts its mappings."""
        contexts = {id(vma.ctx): vma.ctx for vma in vmas if vma.ctx is not None}
        users = Counter(id(vma.ctx) for vma in vmas)
        assert {key: ctx.kref for key, ctx in contexts.items()} == {key: users[key] for key in contexts}, "krefs"
        if self.naive.has_contexts:
            owned = [(ctx.pfn, ctx.pfn + ctx.size // PAGE) for ctx in contexts.values()]
            owned += self.naive.held.values()
            listed = [(node.start // PAGE, node.end // PAGE) for node in self.stage.world.machine.memtypes]
            assert sorted(listed) == sorted(owned), "owners"
        else:
            assert not contexts

    def check_whole(self):
        """The whole scenario at once, twice and laid out, plays as it did line by line."""
        with self.shown():
            self._check_whole()

    def _check_whole(self):
        plain = played(self.text, self.era)
        assert plain["states"] == self.stage.outcome.states
        assert plain["results"] == self.stage.outcome.results
        assert plain["frees"] == {line for line, count in self.complained.items() if count}
        assert played(self.text, self.era) == plain
        assert played(formatted(self.text, "world.pat"), self.era) == plain
        if self.naive.has_contexts:
            assert self.naive.tree == []
            assert not plain["rules"] & {*FREES, "memtype-leak", "end-match-theft"}
        elif self.naive.tree:
            assert plain["errors"]


def entries_of(mm):
    """Virtual page to (frame or None, type)."""
    return {
        addr // PAGE: (None if pte.anon else pte.paddr(addr) // PAGE, short_name(pte.cachemode).lower())
        for start, end, pte in mm.page_table
        for addr in range(start, end, PAGE)
    }


def played(text, era):
    play = plays.play(parse(text, "world.pat"), era)
    assert play.outcome.unmet == []
    every = play.findings
    return {
        "states": play.outcome.states,
        "results": play.outcome.results,
        "findings": [(one.line, one.rule, one.message, one.fingerprint) for one in play.findings],
        "frees": {one.line for one in every if one.rule in FREES},
        "rules": {one.rule for one in every},
        "errors": [one.line for one in play.findings if one.severity >= Severity.ERROR],
    }


# --- random worlds ------------------------------------------------------------------------------------------

modes = st.sampled_from(["uc-", "wc", "uc", "wb", "wt"])
data = st.data()


class Worlds(RuleBasedStateMachine):
    """Up to eight pages, three processes, twelve operations."""

    def __init__(self, era):
        super().__init__()
        self.world = World(era)
        self.born = 1

    def areas(self, want=lambda area: True):
        processes = self.world.naive.processes
        return [(name, area) for name, process in processes.items() for area in process.areas if want(area)]

    def part(self, data, area, beyond=0):
        """Some pages of an area: the first, and how many."""
        start = data.draw(st.integers(area.start, area.end - 1), "first page")
        return start, data.draw(st.integers(1, area.end - start + beyond), "pages")

    def pick(self, data, choices):
        return data.draw(st.sampled_from(choices), "which")

    def range(self, data, most=PAGES):
        pages = data.draw(st.integers(1, most), "pages")
        return BAR + data.draw(st.integers(0, PAGES - pages), "frame"), pages

    def alive(self):
        return list(self.world.naive.processes)

    @initialize(data=data, shared=st.booleans(), mode=modes)
    def begin(self, data, shared, mode):
        self.map_whole(data, shared, mode)

    @precondition(alive)
    @rule(data=data, shared=st.booleans(), mode=modes)
    def map_whole(self, data, shared, mode):
        process = self.pick(data, self.alive())
        frame, pages = self.range(data)
        area = self.world.mmap(process, pages, shared=shared, mode=mode)
        self.world.remap(process, area.start, frame, pages, mode)

    @precondition(alive)
    @rule(data=data, shared=st.booleans(), mode=modes)
    def map_part(self, data, shared, mode):
        process = self.pick(data, self.alive())
        frame, pages = self.range(data)
        area = self.world.mmap(process, pages, shared=shared, mode=mode, flags=", pfnmap" if shared else "")
        start, some = self.part(data, area)
        self.world.remap(process, start, frame, some, mode)

    @precondition(areas)
    @rule(data=data, mode=modes, whole=st.booleans())
    def remap_what_is_empty(self, data, mode, whole):
        process, area = self.pick(data, self.areas())
        start, pages = (area.start, area.size) if whole else self.part(data, area)
        entries = self.world.naive.processes[process].entries
        if not any(page in entries for page in range(start, start + pages)):
            frame = BAR + data.draw(st.integers(0, PAGES - pages), "frame")
            self.world.remap(process, start, frame, pages, mode)

    @precondition(areas)
    @rule(data=data, whole=st.booleans())
    def munmap(self, data, whole):
        process, area = self.pick(data, self.areas())
        start, pages = (area.start, area.size) if whole else self.part(data, area, beyond=3)
        self.world.call(process, "munmap", start, pages)

    @precondition(areas)
    @rule(data=data, read_only=st.booleans())
    def mprotect(self, data, read_only):
        process, area = self.pick(data, self.areas())
        self.world.mprotect(process, *self.part(data, area), read_only=read_only)

    @precondition(areas)
    @rule(data=data, move=st.booleans())
    def mremap(self, data, move):
        process, area = self.pick(data, self.areas())
        start, old = self.part(data, area)
        new = data.draw(st.integers(1, old + area.pfnmap), "new pages")  # a PFN mapping never grows
        if move or new != old:
            self.world.mremap(process, start, old, new, move=move)

    @precondition(lambda self: self.alive() and self.born < 3)
    @rule(data=data)
    def fork(self, data):
        process, child = self.pick(data, self.alive()), f"p{self.born}"
        self.born += 1
        self.world.fork(process, child)

    @precondition(lambda self: any(process.entries for process in self.world.naive.processes.values()))
    @rule(data=data)
    def fork_without_memory(self, data):
        filled = [name for name in self.alive() if self.world.naive.processes[name].entries]
        process = self.pick(data, filled)
        page = self.pick(data, sorted(self.world.naive.processes[process].entries))
        self.world.fork(process, "none", page)

    @precondition(lambda self: self.alive()[1:])
    @rule(data=data)
    def exit(self, data):
        self.world.exit(self.pick(data, self.alive()))

    @precondition(areas)
    @rule(data=data, whole=st.booleans())
    def zap(self, data, whole):
        process, area = self.pick(data, self.areas())
        start, pages = (area.start, area.size) if whole else self.part(data, area)
        self.world.call(process, "zap_vma_ptes", start, pages)

    @precondition(lambda self: self.areas(lambda area: area.pfnmap))
    @rule(first=st.integers(0, PAGES - 1), pages=st.integers(1, PAGES))
    def unmap_mapping_range(self, first, pages):
        self.world.do(
            f"drv: unmap_mapping_range f, {size(first)}, {size(pages)}",
            lambda kernel: kernel.unmap_mapping_range(first, pages),
        )

    @precondition(lambda self: self.areas(lambda area: area.pfnmap and area.shared))
    @rule(data=data)
    def insert(self, data):
        process, area = self.pick(data, self.areas(lambda area: area.pfnmap and area.shared))
        page = data.draw(st.integers(area.start, area.end - 1), "page")
        frame, _ = self.range(data, 1)
        self.world.insert(process, page, frame)

    @precondition(lambda self: self.areas(lambda area: area.pfnmap))
    @rule(data=data)
    def write(self, data):
        process, area = self.pick(data, self.areas(lambda area: area.pfnmap))
        page = data.draw(st.integers(area.start, area.end - 1), "page")
        self.world.write(process, page)

    @rule(data=data, mode=modes, explicitly=st.booleans())
    def hold(self, data, mode, explicitly):
        start, pages = self.range(data)
        if explicitly:
            self.world.reserve_wc(start, pages)
        else:
            self.world.ioremap(start, pages, mode)

    @precondition(lambda self: self.world.naive.held)
    @rule(data=data)
    def release(self, data):
        self.world.release(self.pick(data, sorted(self.world.naive.held)))

    def teardown(self):
        if not self.world.is_broken:
            self.world.end()
            self.world.check_whole()


@eras
def test_a_random_world_is_as_a_naive_kernel_makes_it(era):
    run_state_machine_as_test(
        lambda: Worlds(era),
        settings=settings(
            max_examples=100,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[phase for phase in Phase if phase is not Phase.explain],
        ),
    )


# --- all small worlds ---------------------------------------------------------------------------------------


def on(operation, first, pages, who="p0"):
    """An operation on some pages of the first mapping, by one who has the first of them; false where it cannot be."""

    def play(world):
        start = world.names[-1][1] + first
        process = world.naive.processes.get(who)
        area = process.at(start) if process is not None else None
        if area is None or (area.end < start + pages and operation in ("move", "shrink")):
            return False
        if operation == "move":
            world.mremap(who, start, pages, pages, move=True)
        elif operation == "shrink":
            world.mremap(who, start, pages, pages - 1, move=False)
        elif operation == "mprotect":
            world.mprotect(who, start, pages, read_only=True)
        else:
            world.call(who, operation, start, pages)
        return True

    return play


def remap(world):
    """The whole again, with other frames, where all of it is empty."""
    areas = [(name, area) for name, process in world.naive.processes.items() for area in process.areas[:1]]
    for name, area in areas:
        if not any(page in world.naive.processes[name].entries for page in range(area.start, area.end)):
            world.remap(name, area.start, BAR + 3, area.size, "uc-")
            return True
    return False


def touch(frame):
    """A fault inserts a frame at the first page, or a private page is written."""

    def play(world):
        process, page = world.naive.processes.get("p0"), world.names[-1][1]
        area = process.at(page) if process is not None else None
        if area is None:
            return False
        if area.shared:
            world.insert("p0", page, frame)
        else:
            world.write("p0", page)
        return area.shared or frame == BAR

    return play


def fork_without_memory(world):
    """There is none for the entry of the first page."""
    page = world.names[-1][1]
    if page not in getattr(world.naive.processes.get("p0"), "entries", ()):
        return False
    world.fork("p0", "none", page)
    return True


def fork(world):
    if "p0" not in world.naive.processes or "p1" in world.stage.names.actors:
        return False
    world.fork("p0", "p1")
    return True


def leave(who):
    def play(world):
        if who in world.naive.processes:
            world.exit(who)
            return True
        return False

    return play


def ioremap(world):
    if world.naive.held:
        world.release(*world.naive.held)
    else:
        world.ioremap(BAR + 1, 2, "wc")
    return True


ALPHABET = {
    "munmap head": on("munmap", 0, 1),
    "munmap middle": on("munmap", 1, 1),
    "munmap tail": on("munmap", 2, 1),
    "munmap all": on("munmap", 0, 3),
    "protect middle": on("mprotect", 1, 1),
    "shrink": on("shrink", 0, 3),
    "move all": on("move", 0, 3),
    "move middle": on("move", 1, 1),
    "zap all": on("zap_vma_ptes", 0, 3),
    "remap": remap,
    "touch": touch(BAR),
    "touch another": touch(BAR + 4),
    "fork": fork,
    "fork without memory": fork_without_memory,
    "child exits": leave("p1"),
    "ioremap or iounmap": ioremap,
}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "private"])
@eras
def test_every_small_world_is_as_a_naive_kernel_makes_it(era, shared):
    """Three pages, mapped whole; then every three operations. A prefix is a world of its own, so ends are checked."""
    played, impossible = 0, set()
    for length in (1, 2, 3):
        for names in itertools.product(ALPHABET, repeat=length):
            if names[: length - 1] in impossible or names[:1] in impossible:
                impossible.add(names)
                continue
            world = World(era)
            world.checks = False
            area = world.mmap("p0", 3, shared=shared, mode="wc")
            world.remap("p0", area.start, BAR, 3, "wc")
            if not all(ALPHABET[name](world) for name in names):
                impossible.add(names)
                continue
            world.check()
            world.end()
            world.check()
            played += 1
    assert played > 500


# --- what random worlds have found --------------------------------------------------------------------------


SHARED_BY_SOME = """\
# The child shares one of two identical contexts
bar b = 0xfd000000 size 32K
process p0
p0: v = mmap 4K
p0: remap_pfn_range v, b, 4K
p0: fork p1
p0: w = mmap 4K
p0: remap_pfn_range w, b, 4K
p0: exit
p1: exit
expect memtypes = none
"""

ZAPPED_BY_ITS_DRIVER = """\
# A driver that has ioremapped a range zaps a mapping of the same range
bar b = 0xfd000000 size 32K
process app
driver drv
drv: p = ioremap b
app: v = mmap 32K
app: remap_pfn_range v, b
drv: zap_vma_ptes v
app: munmap v                            #! tracking-first-pte@unmap-region
app: exit                                #! memtype-leak@unmap-region
drv: iounmap p
expect memtypes = none                   @!unmap-region
"""


@pytest.mark.parametrize("text", [SHARED_BY_SOME, ZAPPED_BY_ITS_DRIVER], ids=["shared", "zapped"])
@eras
def test_whose_an_entry_among_identical_ones_is(era, text):
    play = plays.play(parse(text, "world.pat"), era)
    assert (play.unmet, play.unexpected, play.outcome.unmet) == ([], [], [])

"""A naive kernel: pages in dicts, reservations in one list, nothing shared with the model that it is compared with.

Everything is counted in pages. It knows what the specification of the tracking layer says of 4 KiB pages of one BAR,
and does it in the most obvious way: a context has no count, it is gone when no area points to it any more.
"""

import copy
import errno

WB, WC, UC_MINUS, UC, WT = "wb", "wc", "uc-", "uc", "wt"
NOPAGE, SIGBUS = 0x100, -1001
REFUSED = {(WC, WB), (UC_MINUS, WB), (WT, WB), (WT, WC)}
"""(wanted, granted) that a caller does not keep."""


class Area:
    """A mapping of virtual pages [start, end)."""

    def __init__(self, start, end, *, shared, mode, pgoff):
        self.start, self.end, self.shared, self.mode, self.pgoff = start, end, shared, mode, pgoff
        self.pfnmap = self.pat = self.read_only = False
        self.ctx = None

    @property
    def size(self):
        return self.end - self.start

    @property
    def range(self):
        return self.start, self.end

    def part(self, start, end):
        """A copy of pages [start, end) of it."""
        made = copy.copy(self)
        made.start, made.end, made.pgoff = start, end, self.pgoff + start - self.start
        return made


class Context:
    """A pfnmap_track_ctx: frames [pfn, pfn + size)."""

    def __init__(self, pfn, size):
        self.pfn, self.size = pfn, size


class Process:
    """Areas in order of address, and entries: virtual page to (frame or None for a copied page, type)."""

    def __init__(self):
        self.areas = []
        self.entries = {}

    def at(self, page):
        return next((area for area in self.areas if area.start <= page < area.end), None)

    def inside(self, start, end):
        return [area for area in self.areas if area.start < end and start < area.end]

    def add(self, area):
        self.areas.append(area)
        self.areas.sort(key=lambda other: other.start)

    def split(self, *edges):
        for edge in edges:
            area = self.at(edge)
            if area is not None and area.start < edge:
                self.areas.remove(area)
                self.add(area.part(area.start, edge))
                self.add(area.part(edge, area.end))


class Kernel:
    """One kernel of an era; every method is an operation and returns what the kernel returns."""

    def __init__(self, era, *processes):
        self.has_contexts = era == "pfnmap-ctx"
        self.untracks_at_zap = era.startswith("vm-pat")
        self.tree = []  # (start, end, type) in the kernel's order
        self.processes = {name: Process() for name in processes}
        self.held = {}  # what drivers hold: name to (start, end)
        self.contexts = []
        self.complaints = 0  # "freeing invalid memtype"
        self.warnings = 0  # get_pat_info()

    # --- the list -------------------------------------------------------------------------------------------

    def reserve(self, start, end, want):
        want = UC_MINUS if want == WB else want  # no MTRR says write-back
        types = [node[2] for node in self.tree if node[0] < end and start < node[1]]
        if len(set(types)) > 1:
            return -errno.EBUSY, types[0]
        got = types[0] if types else want
        self._insert((start, end, got))
        return 0, got

    def _insert(self, node):
        self.tree.insert(sum(other[0] <= node[0] for other in self.tree), node)

    def free(self, start, end):
        exact = [node for node in self.tree if node[:2] == (start, end)]
        ending = [node for node in self.tree if node[0] < start and node[1] == end and not self.has_contexts]
        if exact:
            self.tree.remove(exact[0])
        elif ending:
            self.tree.remove(ending[0])
            self._insert((ending[0][0], start, ending[0][2]))
        else:
            self.complaints += 1

    def lookup(self, frame):
        return next((node[2] for node in self.tree if node[0] <= frame < node[1]), UC_MINUS)

    # --- tracking -------------------------------------------------------------------------------------------

    def _reserve_pfn_range(self, start, size, want, *, strict):
        ret, got = self.reserve(start, start + size, want)
        if ret == 0 and got != want and (strict or (want, got) in REFUSED):
            self.free(start, start + size)
            return -errno.EINVAL, want
        return ret, got

    def _first(self, process, area, *, with_mode):
        """get_pat_info(): the first frame of an area and its type."""
        frame, mode = process.entries.get(area.start, (None, None))
        if frame is not None:
            return frame, mode
        if not area.shared:
            return None if with_mode else (area.pgoff, None)
        self.warnings += 1
        return None

    def _untrack(self, process, area):
        if area.pat and area.pfnmap:
            first = self._first(process, area, with_mode=False)
            if first is not None:
                self.free(first[0], first[0] + area.size)
                area.pat = False

    def _settle(self):
        """Contexts that nobody points to are gone."""
        alive = {id(area.ctx) for process in self.processes.values() for area in process.areas}
        for ctx in [ctx for ctx in self.contexts if id(ctx) not in alive]:
            self.contexts.remove(ctx)
            self.free(ctx.pfn, ctx.pfn + ctx.size)

    def _unmap(self, process, areas):
        for area in areas:
            if not self.has_contexts:
                self._untrack(process, area)
            process.entries = {page: e for page, e in process.entries.items() if not area.start <= page < area.end}
        process.areas = [area for area in process.areas if area not in areas]

    # --- processes ------------------------------------------------------------------------------------------

    def mmap(self, name, start, size, *, shared, mode, offset=0):
        self.processes[name].add(Area(start, start + size, shared=shared, mode=mode, pgoff=offset))
        return 0

    def munmap(self, name, start, size):
        process = self.processes[name]
        process.split(start, start + size)
        self._unmap(process, process.inside(start, start + size))
        self._settle()
        return 0

    def mprotect(self, name, start, size, *, read_only):
        process, end = self.processes[name], start + size
        for area in process.inside(start, end):
            if area.read_only != read_only:  # else nothing changes, and nothing is split off
                process.split(max(start, area.start), min(end, area.end))
        for area in process.inside(start, end):
            area.read_only = read_only
        return 0

    def mremap(self, name, start, old, new, to):
        """In place when `to` is None."""
        process = self.processes[name]
        if new > old and process.at(start).pfnmap:
            return -errno.EFAULT
        if new < old:
            self.munmap(name, start + new, old - new)
        if to is None:
            return 0
        area = process.at(start)
        moved = area.part(start, start + new)
        moved.start, moved.end = to, to + new
        process.add(moved)
        for page in range(new):
            if start + page in process.entries:
                process.entries[to + page] = process.entries.pop(start + page)
        area.pat = False
        return self.munmap(name, start, new)

    def fork(self, name, child, missing=None):
        """There is no page table for the entries from page `missing` on to the end of its area."""
        parent, made = self.processes[name], Process()
        for area in parent.areas:
            twin = copy.copy(area)
            twin.pat = False
            made.add(twin)
            if area.pat and not self._copied(parent, area, twin):
                self._unmap(made, list(made.areas))
                return -errno.ENOMEM
            made.entries |= {page: e for page, e in parent.entries.items() if area.start <= page < area.end}
            if missing is not None and any(page >= missing for page in made.entries if missing in range(*area.range)):
                made.entries = {page: e for page, e in made.entries.items() if page < missing}
                if twin.pat:
                    twin.pat = False
                    frame = self._first(parent, area, with_mode=True)[0]
                    self.free(frame, frame + area.size)
                self._unmap(made, list(made.areas))
                return -errno.ENOMEM
        self.processes[child] = made
        return 0

    def _copied(self, parent, area, twin):
        first = self._first(parent, area, with_mode=True)
        if first is not None:
            ret, _ = self._reserve_pfn_range(first[0], area.size, first[1], strict=True)
            twin.pat = ret == 0
        return twin.pat

    def exit(self, name):
        process = self.processes.pop(name)
        self._unmap(process, list(process.areas))
        self._settle()
        return 0

    def write(self, name, page):
        process = self.processes[name]
        area = process.at(page)
        if page not in process.entries:
            return SIGBUS if area.pfnmap else 0
        if not area.shared and process.entries[page][0] is not None:
            process.entries[page] = None, area.mode
        return 0

    # --- PFN mappings ---------------------------------------------------------------------------------------

    def remap_pfn_range(self, name, start, frame, size, mode):
        process = self.processes[name]
        area = process.at(start)
        full = (start, size) == (area.start, area.size)
        if self.has_contexts and not self._prepared(area, frame, full=full):
            return -errno.EINVAL
        if full and area.ctx is not None:
            return -errno.EINVAL
        if full:
            ret, mode = self._reserve_pfn_range(frame, size, mode, strict=False)
        else:
            types = {self.lookup(frame + page) for page in range(size)}
            ret, mode = (0, types.pop()) if len(types) == 1 else (-errno.EINVAL, mode)
        if ret:
            return -errno.EINVAL
        area.pat = area.pat or (full and not self.has_contexts)
        if not self.has_contexts and not self._prepared(area, frame, full=full):
            self._clean_up(name, area, start, frame, size)
            return -errno.EINVAL
        if full and self.has_contexts:
            area.ctx = Context(frame, size)
            self.contexts.append(area.ctx)
        process.entries |= {start + page: (frame + page, mode) for page in range(size)}
        return 0

    def _prepared(self, area, frame, *, full):
        if not area.shared and not full:
            return False
        area.pfnmap = True
        area.pgoff = area.pgoff if area.shared else frame
        return True

    def _clean_up(self, name, area, start, frame, size):
        """remap_pfn_range() zaps what it filled, then untracks what it was asked to map, its own or not."""
        self.zap(name, start, size)
        if area.pat:
            self.free(frame, frame + size)
            area.pat = False

    def vmf_insert_pfn(self, name, page, frame):
        self.processes[name].entries.setdefault(page, (frame, self.lookup(frame)))
        return NOPAGE

    def zap(self, name, start, size, *, even_cows=True):
        process = self.processes[name]
        if self.untracks_at_zap:
            self._untrack(process, process.at(start))
        for page in range(start, start + size):
            if even_cows or process.entries.get(page, (None,))[0] is not None:
                process.entries.pop(page, None)
        return 0

    def unmap_mapping_range(self, start, size):
        """Pages of the one file."""
        for name, process in self.processes.items():
            for area in list(process.areas):
                low, high = max(start, area.pgoff), min(start + size, area.pgoff + area.size)
                if low < high:
                    self.zap(name, area.start + low - area.pgoff, high - low, even_cows=False)
        return 0

    # --- drivers --------------------------------------------------------------------------------------------

    def ioremap(self, cookie, start, size, mode):
        return self._hold(cookie, start, size, mode, -errno.ENOMEM)

    def arch_io_reserve_memtype_wc(self, cookie, start, size):
        return self._hold(cookie, start, size, WC, -errno.EBUSY)

    def _hold(self, cookie, start, size, mode, failure):
        ret, got = self.reserve(start, start + size, mode)
        if ret:
            return failure
        if got != mode and (mode, got) in REFUSED:
            self.free(start, start + size)
            return failure
        self.held[cookie] = start, start + size
        return 0

    def release(self, cookie):
        """iounmap, or the free of an explicit reservation."""
        self.free(*self.held.pop(cookie))
        return 0

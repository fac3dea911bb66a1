"""What the kernel said: compared with what the replay predicts, or replayed where it is all there is."""

from __future__ import annotations

import errno
from typing import Final

from pat_check import events, incidents
from pat_check.cachemode import cachemode_name
from pat_check.events import NO_PID, MemtypeFree, MemtypeReserve, Message
from pat_check.model import operations
from pat_check.replay.context import Context
from pat_check.replay.drivers import Drivers
from pat_check.replay.expected import CHECKED, Expected, Ledger, Missing
from pat_check.replay.frames import Frame
from pat_check.replay.frees import Frees
from pat_check.replay.reserves import Reserves
from pat_check.replay.tasks import Task

_LIMIT: Final = 10_000
_DRIVING: Final = frozenset((14, 15))  # rows of section 13 that tell of every change
_OF_RESERVE: Final = frozenset((5, 7, 8, 11, 12, 17, 19))  # rows that what memtype_reserve() answers leads to
_MARGIN: Final = 0.5  # seconds; the clocks of traces and of printk differ by less


class Span:
    """A time, in seconds of one clock, from the first to the last of what is widened to."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None

    def widen(self, time: float | None) -> None:
        """Reach as far as `time`."""
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)

    def holds(self, time: float | None) -> bool:
        """Whether a time surely lies inside; never for one that is not known."""
        if time is None or self.first is None or self.last is None:
            return False
        return self.first - _MARGIN <= time <= self.last + _MARGIN


class Messages:
    """The handler of kernel messages, from console lines, a kernel log, or a dmesg file beside a trace."""

    def __init__(
        self, context: Context, reserves: Reserves, frees: Frees, drivers: Drivers, expected: Expected
    ) -> None:
        self.context, self.drivers, self.expected = context, drivers, expected
        self.reserves, self.frees = reserves, frees
        self.checked = 0
        self.explained = 0
        self._console: list[Message] = []  # seen in the trace, not matched yet
        self._said = False
        self._conflict: Message | None = None  # the #7 before a #8

    def drives(self, rows: tuple[int, ...]) -> bool:
        """Whether messages of these rows are what the model is driven by."""
        return not self.context.probes_seen and not _DRIVING.isdisjoint(rows)

    def message(self, message: Message) -> None:
        """A message inside the recording."""
        if message.number in (2, 3):
            self.context.machine.pat_enabled = False
        elif message.number == 23:
            self.drivers.bad_address(message)
        if not self.context.probes_seen:
            self._replay(message)
            return
        if message.number == 14:
            self._granted(message)
        elif message.number in CHECKED:
            self._said = True
            self._console.append(message)
            if len(self._console) >= _LIMIT:
                self.settle()

    def _granted(self, message: Message) -> None:
        """#14 inside memtype_reserve(): the granted type, which kernels before 6.9 show nowhere else."""
        frame = self.context.tasks.of(message).innermost(MemtypeReserve)
        node = frame.node if frame is not None else None
        if node is None or (node.start, node.end) != (message.start, message.end) or node.type == message.first:
            return
        stamp = self.context.stamp(message)
        predicted, observed = cachemode_name(node.type), cachemode_name(message.first)
        story = list(node.story)
        self.context.emit(
            incidents.Diverged(*stamp, "memtype_reserve", node.start, node.end, "granted", predicted, observed, story)
        )
        self.context.machine.memtypes.retype(node, message.first)

    def settle(self) -> None:
        """Match the console messages so far with the predictions."""
        rest = self._match(self._console, self.expected.console)
        self._unexplained(rest, "", sure=self._reliable)
        self._console.clear()

    def _match(self, messages: list[Message], ledger: Ledger) -> list[Message]:
        self.checked += len(messages)
        rest = [message for message in messages if not ledger.match(message)]
        self.explained += len(messages) - len(rest)
        return rest

    def finish(self, event: events.Event) -> None:
        """The recording is over: a predicted complaint that its console lines do not show is remarkable."""
        self.settle()
        if self._said:
            self._unprinted(self.expected.console.rest(), "", sure=self._reliable)

    def dmesg(self, messages: list[Message], path: str, replayed: Span, pids: set[int], lost: frozenset[int]) -> None:
        """Compare a kernel log beside the trace; messages of tasks that are not recorded are left out.

        A message from outside of the time that was `replayed`, and one that was predicted outside of the time that the
        log covers, may well be in order. Of the rows in `lost` the log does not show all.
        """
        last_pid = NO_PID
        checked: list[Message] = []
        for message in messages:
            if message.by_pid != NO_PID:
                last_pid = message.by_pid
            elif message.number != 8:
                last_pid = NO_PID
            if message.number in CHECKED and (not pids or last_pid in pids or last_pid == NO_PID):
                checked.append(message)
        rest = self._match(checked, self.expected.dmesg)
        inside = [message for message in rest if replayed.holds(message.time)]
        self._unexplained(inside, path, sure=self._reliable)
        self._unexplained([message for message in rest if message not in inside], path, sure=False)
        if messages:
            logged = Span()
            for message in messages:
                logged.widen(message.time)
            missing = [one for one in self.expected.dmesg.rest() if one.number not in lost]
            covered = [one for one in missing if logged.holds(one.time)]
            self._unprinted(covered, path, sure=self._reliable)
            self._unprinted([one for one in missing if one not in covered], path, sure=False)

    def _unexplained(self, messages: list[Message], path: str, *, sure: bool) -> None:
        """Tell of each; where they are to be expected, they are told in one."""
        reserves = "memtype_reserve" in self.context.recorded or self.context.answers_seen
        complete = self.expected.sure() if reserves else self.expected.sure() - _OF_RESERVE
        certain = [message for message in messages if sure and message.number in complete]
        others = [message for message in messages if message not in certain]
        for message in (*certain, *others[:1]):
            known = message in certain
            more = 0 if known else len(others) - 1
            stamp = (message.at, message.time, message.comm, message.pid, known)
            self.context.emit(
                incidents.MessageUnexplained(
                    *stamp, message.number, message.text, path, True, message.start, message.end, more
                )
            )

    @property
    def _reliable(self) -> bool:
        return self.context.reliable and not self.context.lost_any

    def _unprinted(self, missing: list[Missing], path: str, *, sure: bool) -> None:
        more = 0 if sure else len(missing) - 1
        for one in missing if sure else missing[:1]:
            self.context.emit(
                incidents.MessageUnexplained(
                    one.at, one.time, "", NO_PID, sure, one.number, "", path, False, one.start, one.end, more
                )
            )

    # --- a log that is the recording --------------------------------------------------------------------------

    def _replay(self, message: Message) -> None:
        """Let a message drive the model: debugpat lines show every change, complaints every failure."""
        task = Task()
        match message.number:
            case 7:
                self._conflict = message
            case 8:
                self._refused(task, message)
            case 9:
                self.frees.apply(task, _free(message), message, -errno.EINVAL, "")
                self._explain(message)
            case 14:
                self._added(message)
            case 15:
                self.frees.apply(task, _free(message), message, 0, "")
            case 5:
                self._ram_failed(message)
            case 11 | 17:
                api = "ioremap" if message.number == 17 else "reserve_pfn_range"
                stamp = self.context.stamp(message)
                want, have = message.first, message.second
                self.context.emit(
                    incidents.FallbackJudged(*stamp, message.start, message.end, want, have, False, api, "", None)
                )
                self._explain(message)
            case 18:
                stamp = self.context.stamp(message)
                self.context.emit(incidents.IoremapOnRam(*stamp, message.start, message.end, ""))
            case _:
                pass

    def _added(self, message: Message) -> None:
        """#14: a reservation of type `first`, asked as `second`, `third` handed back or -1 when new_type was NULL."""
        machine, strict = self.context.machine, message.third < 0
        call = MemtypeReserve(
            message.at, message.time, message.cpu, message.pid, message.comm, message.start, message.end, message.second
        )
        wanted = operations.memtype_reserve(machine, message.start, message.end, message.second, strict=strict)
        asked = wanted.actual if wanted.path == "tree" else message.second
        if message.second == 0 and not machine.mtrr.known and wanted.overlap is None:
            asked = message.first
        outcome = operations.check_insert(machine, message.start, message.end, asked, strict=strict)
        self.reserves.granted_by_log(call, outcome, message.first)

    def _refused(self, task: Task, message: Message) -> None:
        conflict, self._conflict = self._conflict, None
        same = conflict is not None and (conflict.start, conflict.end) == (message.start, message.end)
        who = conflict if same and conflict is not None else message
        machine = self.context.machine
        outcome = operations.check_insert(machine, message.start, message.end, message.first, strict=False)
        first, second = (who.first, who.second) if who is not message else (-1, -1)
        clash = [node.seen() for node in dict.fromkeys((outcome.overlap, outcome.clash)) if node is not None]
        stamp = (message.at, message.time, who.by_comm, who.by_pid, self.context.reliable)
        self.context.emit(
            incidents.MemtypeRefused(
                *stamp,
                message.start,
                message.end,
                message.second,
                -errno.EBUSY,
                "conflict",
                first,
                second,
                "",
                "",
                clash,
            )
        )
        for said in (who, message) if who is not message else (message,):
            self._explain(said)

    def _ram_failed(self, message: Message) -> None:
        stamp = self.context.stamp(message)
        req, current = message.second, message.first
        self.context.emit(
            incidents.MemtypeRefused(
                *stamp, message.start, message.end, req, -errno.EBUSY, "ram-busy", req, current, "", "", []
            )
        )
        self._explain(message)

    def _explain(self, message: Message) -> None:
        self.checked += 1
        self.explained += 1


def _free(message: Message) -> Frame:
    call = MemtypeFree(message.at, message.time, message.cpu, message.pid, message.comm, message.start, message.end)
    return Frame(call, "memtype_free")

"""One recording: probes and instance set up, the command run, everything saved, everything taken away again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from pat_check.errors import RecordError
from pat_check.record import facts
from pat_check.record.buffer import Buffer
from pat_check.record.checkpoints import Checkpoints
from pat_check.record.command import Command, check_command
from pat_check.record.coverage import costs
from pat_check.record.files import Files
from pat_check.record.folder import Folder
from pat_check.record.kmsg import KernelMessages
from pat_check.record.machine import release, require
from pat_check.record.modules import types_of
from pat_check.record.probes import Recipe, recipe_for
from pat_check.record.request import Outcome, Request
from pat_check.record.ring import Ring
from pat_check.record.signals import Signals
from pat_check.record.stream import Stream
from pat_check.record.traced import Traced
from pat_check.record.tracefs import Instance, Lost, is_running, leftovers
from pat_check.record.wanted import tracepoints_in, wanted_in
from pat_check.record.watching import Watcher

_TURN = 0.05  # seconds between looks at the trace
_SETTLE = 0.2  # seconds in which what a command set off may end
_CLOCK = "mono"
_OPTIONS = {  # an instance begins with the options of the whole machine
    "context-info": "1",
    "overwrite": "1",
    "raw": "0",
    "hex": "0",
    "bin": "0",
    "fields": "0",
    "verbose": "0",
    "latency-format": "0",
    "stacktrace": "0",
    "userstacktrace": "0",
}


Say = Callable[[str], None]
"""Told what the user should know, a line at a time."""


def record(request: Request, files: Files, say: Say, watcher: Watcher | None = None) -> Outcome:
    """Make a recording; raises RecordError when it cannot be made, and then leaves nothing behind in tracefs."""
    mount = require(files)
    _check(request, files)
    recipe = recipe_for(types_of(request.kernel_btf, files), request.probes, request.functions)
    if request.command:
        check_command(request.command)
    with Signals() as signals:
        clear(files, mount, say)
        folder = Folder(request.output or time.strftime("pat-check-%Y%m%d-%H%M%S"))
        instance = Instance(files, mount, os.getpid())
        try:
            session = _Session(request, files, say, recipe, folder, instance, signals, watcher)
            outcome = session.run()
        except (RecordError, OSError) as error:
            left = folder.give_up()
            said = error if isinstance(error, RecordError) else RecordError(f"{error.filename or ''}: {error.strerror}")
            raise RecordError(f"{said}{f' ({left})' if left else ''}") from error
        except BaseException:
            folder.give_up()
            raise
        finally:
            for stuck in instance.remove():
                say(f"could not be removed: {stuck}")
    return outcome


def clear(files: Files, mount: str, say: Say) -> None:
    """Take away what recorders that were killed left behind; raises RecordError when one is at work."""
    for pid in sorted(leftovers(files, mount)):
        if is_running(files, pid):
            raise RecordError(f"another recorder is at work as pid {pid}: wait for it, or stop it")
        if stuck := Instance(files, mount, pid).remove():
            raise RecordError(f"{stuck[0]}: left by recorder {pid}, which was killed")
        say(f"the probes of recorder {pid}, which was killed, are removed")


def _check(request: Request, files: Files) -> None:
    for seconds in (request.duration, request.keep):
        if not 0 <= seconds < float("inf"):
            raise RecordError(f"{seconds} is no number of seconds")
    if request.pid and not files.exists(f"/proc/{request.pid}"):
        raise RecordError(f"no process has the pid {request.pid}")
    if '"' in request.comm or len(request.comm.encode()) > 15:
        raise RecordError(f"{request.comm!r} is the name of no process: at most 15 bytes, no quotation mark")


class _Session:
    """The recording itself."""

    def __init__(
        self,
        request: Request,
        files: Files,
        say: Say,
        recipe: Recipe,
        folder: Folder,
        instance: Instance,
        signals: Signals,
        watcher: Watcher | None,
    ) -> None:
        self.request, self.files, self.say, self.recipe = request, files, say, recipe
        self.folder, self.instance, self.signals = folder, instance, signals
        self.checkpoints = Checkpoints(files, instance, folder)
        self.watcher = watcher
        self.ring = Ring(folder, request.keep) if request.keep else None
        self.next_kept = 0.0
        self.command: Command | None = None
        self.advice: list[str] = []

    def run(self) -> Outcome:
        """Set up, record, save."""
        messages = KernelMessages(self.files)
        stream: Stream | None = None
        watched = False
        try:
            self._set_up()
            stream = Stream(self.files, f"{self.instance.folder}/trace_pipe", self._takers())
            self._save_facts()
            self._start_command()
            self._filter()
            began = time.time(), time.monotonic()
            self.instance.write("tracing_on", "1")
            self.checkpoints.take("before")
            if self.watcher is not None:
                functions = {made.function for made in self.instance.taken}
                self.watcher.begin(str(self.folder.path), release(self.files), functions)
                watched = True
            self._record(stream)
            seconds = time.monotonic() - began[1]
            self.instance.write("tracing_on", "0")
            while stream.drain():
                pass
            lost = self.instance.lost()
            if self.ring is not None:
                self.ring.finish()
            self.folder.close()
            self.folder.save("dmesg.txt", messages.read())
            outcome = self._outcome(seconds, stream.bytes, lost)
            self._save_meta(began[0], outcome, messages.problem)
            return outcome
        finally:
            if self.command is not None:
                self.command.end()
            if stream is not None:
                stream.close()
            messages.close()
            if self.watcher is not None and watched:
                self.watcher.end()

    def _takers(self) -> list[Callable[[bytes], None]]:
        """Who gets the trace."""
        takers: list[Callable[[bytes], None]] = [self.ring.add if self.ring is not None else self.folder.add]
        if self.watcher is not None:
            takers.append(self.watcher.feed)
        return takers

    def _set_up(self) -> None:
        self.instance.create()
        self.buffer = Buffer(self.files, self.instance, self.request.buffer)
        for name, value in _OPTIONS.items():
            self.instance.tell(f"options/{name}", value)
        self.clock = "global" if self.instance.tell("trace_clock", _CLOCK) else _CLOCK
        self.instance.define(self.recipe)
        self.absent = self.instance.enable(tracepoints_in(self.request.probes))
        self.wanted = {wanted.function for wanted in wanted_in(self.request.probes)}
        for refused in self.instance.refused:
            self.say(f"the kernel refuses the probe {refused.event}: {refused.why}")
        for cost in self._costs():
            self.say(f"not recorded: {cost}")

    def _costs(self) -> list[str]:
        return costs({made.function for made in self.instance.taken}, self.wanted)

    def _save_facts(self) -> None:
        for name, text in facts.saved(self.files).items():
            self.folder.save(name, text)
        self.folder.save("dynamic_events.txt", "".join(line + "\n" for line in self.instance.written))

    def _start_command(self) -> None:
        if self.request.command:
            marker = self.files.path(f"{self.instance.folder}/trace_marker")
            self.command = Command(self.request.command, {"PAT_CHECK_TRACE_MARKER": marker})

    def _filter(self) -> None:
        command = self.command.pid if self.command is not None else 0
        self.checkpoints.processes = Traced(self.files, self.request, command).now
        if self.request.pid:
            self.instance.follow(self.request.pid)
        elif self.request.follow and self.command is not None:
            self.instance.follow(self.command.pid)
        if self.request.comm:
            hot = {wanted.function for wanted in wanted_in("full") if wanted.group in ("mm", "full")}
            self.instance.only_comm(self.request.comm, hot | {"copy_page_range", "dup_mmap", "exit_mmap"})

    def _record(self, stream: Stream) -> None:
        until = time.monotonic() + self.request.duration if self.request.duration else None
        if self.command is not None:
            self.command.release()
        while not self.signals.ending:
            ended = self.command is not None and self.command.has_ended()
            if not stream.drain():
                time.sleep(_TURN)
            self._make_checkpoints(stream)
            self.buffer.adapt(self.say)
            late = until is not None and time.monotonic() >= until
            if ended or late or (self.watcher is not None and self.watcher.wants_end()):
                break
        if self.command is not None and not self.command.has_ended():
            self.command.end()
        settled = time.monotonic() + _SETTLE
        while time.monotonic() < settled:
            if not stream.drain():
                time.sleep(_TURN)
        self.checkpoints.take("after")

    def _make_checkpoints(self, stream: Stream) -> None:
        while self.signals.wanted:
            self.signals.wanted -= 1
            self.checkpoints.take("signal")
        while stream.requests:
            self.checkpoints.take(stream.requests.pop(0))
        if self.ring is not None and time.monotonic() >= self.next_kept:
            self.next_kept = time.monotonic() + self.ring.seconds / 2
            self.checkpoints.take("kept")

    def _outcome(self, seconds: float, size: int, lost: Lost) -> Outcome:
        advice = self.advice
        if lost.overrun or lost.dropped:
            count, wish = lost.overrun + lost.dropped, self.buffer.wish(lost)
            share = f" ({count / (count + lost.read):.1%})" if lost.read else ""
            larger = f"--buffer {wish}, or with " if wish > self.buffer.size else ""
            advice.append(f"{count} events were lost{share}: record again with {larger}fewer --probes")
        if lost.missed:
            advice.append(f"{lost.missed} calls were missed: too many were open at once")
        if self.checkpoints.problem:
            advice.append(f"the list of reservations is not saved: {self.checkpoints.problem}")
        for name in self.checkpoints.unsteady:
            advice.append(f"the checkpoint {name!r} is not saved: reservations changed all the time")
        status = self.command.status if self.command is not None else None
        path, lists = str(self.folder.path), self.checkpoints.saved
        return Outcome(path, seconds, size, lists, lost, len(self.instance.refused), status, advice)

    def _save_meta(self, began: float, outcome: Outcome, kmsg_problem: str) -> None:
        self.folder.save_meta(
            {
                **facts.about(self.files),
                "recorder": facts.recorder(),
                "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                "seconds": round(outcome.seconds, 3),
                "command": self.request.command,
                "status": outcome.status,
                "signal": self.signals.ending,
                "probes": self.request.probes,
                "filter": self._filter_name(),
                "kept_seconds": self.request.keep,
                "trace_clock": self.clock,
                "buffer_kb_per_cpu": self.buffer.size,
                "overrun": outcome.lost.overrun,
                "dropped": outcome.lost.dropped,
                "probe_misses": outcome.lost.missed,
                "probes_refused": {refused.event: refused.why for refused in self.instance.refused},
                "probes_left_out": {left.function: left.why for left in self.recipe.left_out},
                "tracepoints_absent": self.absent,
                "not_recorded": self._costs(),
                "checkpoints_unsteady": self.checkpoints.unsteady,
                "problems": [problem for problem in (kmsg_problem, self.checkpoints.problem) if problem],
            }
        )

    def _filter_name(self) -> str:
        if self.request.pid or self.request.follow:
            return "pid"
        return f"comm {self.request.comm}" if self.request.comm else "all"

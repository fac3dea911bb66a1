"""Several inputs at a time, with the results of one after the other.

A worker is a fork of this process. It does one item, sends the result back and ends, so that the memory of one input is
free before the next one takes it. Results come in the order of the items, and so do failures: what fails in a worker is
done again here, when its turn has come, and fails as it would without workers.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar, cast

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Item = TypeVar("Item")
Result = TypeVar("Result")
Tick = Callable[[int], None]
"""Told how many lines of an item were read, now and then."""


class Task(NamedTuple, Generic[Item, Result]):
    """What is to be done with every item."""

    do: Callable[[Item, Tick], Result]
    is_here: Callable[[Item], bool]  # whether an item can only be done in this process
    lost: Callable[[Item, str], Result]  # the result of an item whose worker died, and how
    progress: Callable[[Item, int], None]  # of the item whose turn it is


def in_order(task: Task[Item, Result], items: Sequence[Item], jobs: int) -> Generator[Result, None, None]:
    """The results of all items in their order, at most `jobs` of them at work at a time.

    Everything is done in this process with fewer than two jobs or items, where a process cannot be forked, and where
    other threads run: a fork would copy the locks that they hold.

    Close the generator to end the workers early; what is raised from it has ended them.
    """
    if jobs < 2 or len(items) < 2 or not hasattr(os, "fork") or threading.active_count() > 1:
        for item in items:
            yield task.do(item, _ticks(task, item))
        return
    crew = _Crew(task, items, jobs)
    try:
        yield from crew.results()
    finally:
        crew.dismiss()


def _ticks(task: Task[Item, Result], item: Item) -> Tick:
    return lambda lines: task.progress(item, lines)


@dataclass(slots=True)
class _Worker:
    index: int  # of its item
    process: BaseProcess


class _Done(NamedTuple, Generic[Result]):
    """A result that waits for its turn."""

    result: Result


class _Crew(Generic[Item, Result]):
    """The workers of one run, each by the end of the pipe where it is heard."""

    def __init__(self, task: Task[Item, Result], items: Sequence[Item], jobs: int) -> None:
        self._task, self._items, self._jobs = task, items, jobs
        self._workers: dict[Connection, _Worker] = {}
        self._here = [task.is_here(item) for item in items]
        self._waiting = deque(index for index, here in enumerate(self._here) if not here)
        self._done: dict[int, _Done[Result] | None] = {}  # None: failed, and is to be done again here
        self._lines: dict[int, int] = {}  # read by workers whose turn has not come
        self._turn = 0

    def results(self) -> Iterator[Result]:
        """The result of every item."""
        for turn, (item, here) in enumerate(zip(self._items, self._here, strict=True)):
            room = self._jobs - here  # this process works, too
            self._turn = turn
            if turn in self._lines:
                self._task.progress(item, self._lines.pop(turn))
            self._fill(room)
            while len(self._workers) > room if here else turn not in self._done:
                self._listen()
                self._fill(room)
            done = self._done.pop(turn, None)
            yield done.result if done is not None else self._task.do(item, _ticks(self._task, item))

    def dismiss(self) -> None:
        """End every worker that is left, at once."""
        with _no_interrupt():
            for worker in self._workers.values():
                worker.process.kill()
            for reader in [*self._workers]:
                self._gone(reader)

    def _fill(self, room: int) -> None:
        while self._waiting and len(self._workers) < room:
            index = self._waiting.popleft()
            try:
                self._start(index)
            except OSError:  # no more processes, files or memory
                self._done[index] = None

    def _start(self, index: int) -> None:
        from multiprocessing import get_context

        context = get_context("fork")
        reader, writer = context.Pipe(duplex=False)
        inherited = [*self._workers, reader]
        process = context.Process(target=_work, args=(self._task.do, self._items[index], writer, inherited))
        with _no_interrupt(), writer:  # a worker that is there is known here, and deaf to Ctrl-C
            process.start()
            self._workers[reader] = _Worker(index, process)

    def _listen(self) -> None:
        """Take the next message of every worker that has one."""
        from multiprocessing.connection import wait

        for reader in cast("list[Connection]", wait([*self._workers])):
            index = self._workers[reader].index
            try:
                said = _unpacked(reader.recv_bytes())
            except (EOFError, OSError):
                code = self._gone(reader)
                self._done[index] = _Done(self._task.lost(self._items[index], _death(code)))
                continue
            if not isinstance(said, int):
                self._gone(reader)
                self._done[index] = said
            elif index == self._turn:
                self._task.progress(self._items[index], said)
            else:
                self._lines[index] = said

    def _gone(self, reader: Connection) -> int:
        """Wait until a worker that has no more to say is gone, with its memory; its exit code, a signal below zero."""
        worker = self._workers.pop(reader)
        worker.process.join()
        reader.close()
        return worker.process.exitcode or 0


def _work(do: Callable[[Item, Tick], Any], item: Item, writer: Connection, inherited: Sequence[Connection]) -> NoReturn:
    """All that a worker does; it never returns into what the parent was doing."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        for reader in inherited:  # whoever holds the other end of a pipe never learns that the parent is gone
            reader.close()
        gc.freeze()  # what is shared with the parent stays shared
        said = _packed(_Done(do(item, lambda lines: writer.send_bytes(_packed(lines)))))
    except BaseException:
        said = b""
    try:
        writer.send_bytes(said)
        sys.stdout.flush()  # what a rule has printed
    finally:
        os._exit(0)  # without what the parent does at its end


def _packed(said: int | _Done[Any]) -> bytes:
    import pickle

    return pickle.dumps(said, pickle.HIGHEST_PROTOCOL)


def _unpacked(data: bytes) -> Any:
    """What a worker said: lines, a `_Done`, or None where it failed. Rules of others may find what cannot be sent."""
    import pickle

    try:
        return pickle.loads(data) if data else None
    except Exception:
        return None


def _death(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    try:
        return f"its process was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal
        return f"its process was killed by signal {-code}"


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ctrl-C waits until the end of this."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""The queue: one piece is made at a time, each within a limit of time; the others wait."""

from __future__ import annotations

import multiprocessing
import queue
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from music21_lstm.errors import GenerationError
from music21_lstm.studio.making import STAGES, Made, work
from music21_lstm.studio.order import Order

__all__ = ["Job", "Workshop"]

KEPT = 50
"""So many finished pieces are kept; older ones are thrown away."""


@dataclass(slots=True)
class Job:
    """An order on its way. *state* is waiting, making, done or failed."""

    name: str
    order: Order
    state: str = "waiting"
    stage: str = STAGES[0]
    error: str = ""
    made: Made | None = None


class Workshop:
    """Takes orders from several threads and has them made, in *folder*, by one process.

    At most *longest_queue* orders wait; one that takes longer than *time_limit* seconds is given up.
    """

    def __init__(self, folder: Path, *, time_limit: float = 300, longest_queue: int = 8) -> None:
        self.folder = folder
        self._time_limit = time_limit
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting: queue.Queue[Job | None] = queue.Queue(longest_queue)
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, order: Order) -> Job:
        """Put *order* into the queue.

        Raises :class:`~music21_lstm.errors.GenerationError` if the queue is full, or if the piece
        to be filled is not here any more.
        """
        if order.fill is not None:
            self._finished(order.fill.of)
        job = Job(secrets.token_urlsafe(16), order)
        with self._lock:
            try:
                self._waiting.put_nowait(job)
            except queue.Full:
                raise GenerationError(
                    f"{self._waiting.maxsize} pieces are waiting already; try again in a minute"
                ) from None
            self._jobs[job.name] = job
        return job

    def find(self, name: str) -> Job | None:
        """The job with that name, if there is one."""
        with self._lock:
            return self._jobs.get(name)

    def before(self, job: Job) -> int:
        """How many orders are made before *job*."""
        with self._lock:
            jobs = list(self._jobs.values())
        place = jobs.index(job)
        return sum(each.state in ("waiting", "making") for each in jobs[:place])

    def close(self) -> None:
        """Stop: what is being made is given up, and so is all that waits."""
        self._closing = True
        with self._lock:
            while not self._waiting.empty():
                self._waiting.get_nowait()
            self._waiting.put_nowait(None)
            process = self._process
        if process is not None:
            # The thread is told by the pipe, which it alone opens and closes.
            process.kill()
        self._thread.join(10)

    @property
    def at_work(self) -> bool:
        """Whether orders are still taken."""
        return self._thread.is_alive()

    def _finished(self, name: str) -> Made:
        job = self.find(name)
        if job is None or job.made is None:
            raise GenerationError("this piece is not here any more; improvise another")
        return job.made

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None and not self._closing:
            job.state = "making"
            try:
                kind, told = self._make(job)
            except (GenerationError, EOFError, OSError) as error:
                self._stop_process()
                kind, told = "failed", str(error) or "making it ended unexpectedly; try it again"
            if kind == "done":
                job.made, job.stage, job.state = told, STAGES[-1], "done"
            else:
                job.error, job.state = told, "failed"
            self._tidy()
        self._stop_process()

    def _make(self, job: Job) -> tuple[str, Any]:
        pipe = self._started()
        fill = job.order.fill
        pipe.send((job.name, job.order, "" if fill is None else self._finished(fill.of).title))
        deadline = time.monotonic() + self._time_limit
        while (left := deadline - time.monotonic()) > 0:
            if pipe.poll(left):
                kind, told = pipe.recv()
                if kind != "stage":
                    return kind, told
                job.stage = told
        raise GenerationError(
            f"this took longer than {self._time_limit:.0f} s and was given up; ask for less"
        )

    def _started(self) -> Connection:
        """The pipe to a living process."""
        if self._pipe is None or self._process is None or not self._process.is_alive():
            self._stop_process()
            # Not a fork: this process has threads.
            context = multiprocessing.get_context("spawn")
            pipe, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, str(self.folder)), daemon=True)
            with self._lock:
                if self._closing:
                    raise EOFError
                process.start()
                self._process, self._pipe = process, pipe
            theirs.close()
        return self._pipe

    def _stop_process(self) -> None:
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        if process is not None and process.is_alive():
            process.kill()
            process.join()
        if pipe is not None:
            pipe.close()

    def _tidy(self) -> None:
        """Forget the oldest finished jobs and their files."""
        with self._lock:
            old = [job.name for job in self._jobs.values() if job.state in ("done", "failed")]
            for name in old[:-KEPT]:
                del self._jobs[name]
                for suffix in (".html", ".notetext"):
                    (self.folder / f"{name}{suffix}").unlink(missing_ok=True)

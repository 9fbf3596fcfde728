"""Who reads a topic for a feed: a process beside this one.

kafka-python reads records in Python. In this process it would take its turns from what folds and
what answers; in one of its own it takes another core.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BufferedReader, FileIO
from typing import IO, BinaryIO, cast
from uuid import UUID

from events.messages import Received
from services.broker.cluster import Cluster
from services.projection.feed.pipe import Task, Wanted, read_frame
from services.projection.feed.run import Run

TOLD_EVERY = 5_000
PAUSE_SECONDS = 1.0
COMMAND = (sys.executable, "-P", "-m", "services.projection.feed.reading")
"""Without the working directory in its path: what stands there is not ours."""

log = logging.getLogger(__name__)


class Reader:
    """Fills a run with what the topic holds of one epoch, until it is closed.

    The process ends with this one, however that ends. Should it end before, another is started;
    should it stand still, the run stays as it is. It is one batch ahead of a full run at most.
    `reading` tells whether it has found its place in the topic.
    """

    def __init__(self, cluster: Cluster, topic: str, run: Run, arrived: Callable[[], None]) -> None:
        level = logging.getLevelName(logging.getLogger().getEffectiveLevel())
        self._task = Task(cluster, topic, level)
        self._run = run
        self._arrived = arrived
        self._wanted: Wanted | None = None
        self._told: Wanted | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.reading = False

    def begin(self, position: int, epoch: UUID) -> None:
        """Read what is behind `position`; may be said again, for another one, at any time."""
        self._wanted = Wanted(position, epoch)
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="topic", daemon=True)
            self._thread.start()
        elif self._is_news(self._wanted):
            self._tell()

    def close(self, seconds: float) -> None:
        """End the process; the thread is left to itself if it takes longer."""
        with self._changing:
            self._stopping.set()
            if self._process is not None:
                self._process.kill()  # it has nothing to put in order
        if self._thread is not None:
            self._thread.join(seconds)

    def _is_news(self, wanted: Wanted) -> bool:
        told = self._told
        if told is None:
            return False  # it is about to be told
        return told.epoch != wanted.epoch or wanted.position - told.position > TOLD_EVERY

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self._have_read()
            except Exception:
                log.exception("the reading of topic %s begins again", self._task.topic)
            self._stopping.wait(PAUSE_SECONDS)

    def _have_read(self) -> None:
        """Return when the process has ended."""
        if (process := self._started()) is None:
            return
        try:
            with suppress(EOFError), BufferedReader(cast("FileIO", process.stdout)) as arrivals:
                self._take_in(arrivals)
        finally:
            self._end(process)
        if not self._stopping.is_set():
            status, topic = process.returncode, self._task.topic
            log.warning("the process that reads topic %s has ended with status %s", topic, status)

    def _started(self) -> "subprocess.Popen[bytes] | None":
        """Its standard input stays open: where that ends, so does the process."""
        with self._changing:
            if self._stopping.is_set():
                return None
            pipe = subprocess.PIPE
            process = subprocess.Popen(  # noqa: S603
                COMMAND, bufsize=0, stdin=pipe, stdout=pipe, start_new_session=True
            )
            os.set_blocking(cast("IO[bytes]", process.stdin).fileno(), False)
            self._process = process
        self._write(self._task.line())
        self._tell()
        return process

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        with self._changing:
            self._process = None
        self.reading = False
        process.kill()
        cast("IO[bytes]", process.stdin).close()
        process.wait()

    def _take_in(self, arrivals: BinaryIO) -> None:
        """Raises EOFError when there is nothing more to come."""
        while not self._stopping.is_set():
            arrived = read_frame(arrivals)
            self.reading = True
            if arrived is None:
                self._run.restart(0)
            elif self._is_wanted(arrived) and self._run.add(arrived):
                self._arrived()
            while not self._stopping.is_set() and not self._run.wait_for_room(PAUSE_SECONDS):
                pass

    def _is_wanted(self, arrived: Sequence[Received]) -> bool:
        return self._wanted is not None and arrived[0].epoch == self._wanted.epoch

    def _tell(self) -> None:
        if (wanted := self._wanted) is not None:
            self._told = wanted
            self._write(wanted.line())

    def _write(self, line: bytes) -> None:
        """An order too many for a process that stands still is dropped, as others will follow."""
        with self._changing, suppress(OSError):
            if self._process is not None:
                cast("IO[bytes]", self._process.stdin).write(line)

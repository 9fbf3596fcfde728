"""A thread that reads a topic from a position of the log on; kafka-python has no other way."""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from events.messages import NotAnEvent, Received, received
from services.broker.cluster import Cluster
from services.projection.feed.run import Run

POLL_MS = 200
ANSWER_MS = 2_000
AT_ONCE = 2_000
FAR = 20_000
HOPS = 200
PAUSE_SECONDS = 1.0
WAIT_MS = 100

log = logging.getLogger(__name__)


class TopicReader:
    """Fills a run with what the topic holds of one epoch; reads on until it is closed.

    The topic never skips (decision 019): from a record of position p, the position q > p stands at
    least q - p records further on. So a place is found by hops that cannot pass it, without a
    search and without knowing offsets.
    """

    def __init__(self, cluster: Cluster, topic: str, run: Run, arrived: Callable[[], None]) -> None:
        self._cluster = cluster
        self._place = TopicPartition(topic, 0)
        self._run = run
        self._arrived = arrived
        self._wanted = 1
        self._aimed_at = 0
        self._epoch: UUID | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, position: int, epoch: UUID) -> None:
        """Read what is behind `position`; may be said again, for another one, at any time."""
        self._wanted, self._epoch = position + 1, epoch
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="topic", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """End the thread; it is left to itself if it takes longer."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                with closing(self._cluster.consumer(fetch_max_wait_ms=WAIT_MS)) as consumer:
                    consumer.assign([self._place])
                    self._read(consumer)
            except KafkaError as error:
                log.warning("topic %s cannot be read: %s", self._place.topic, error)
            except Exception:
                log.exception("the reader of topic %s begins again", self._place.topic)
            self._stopping.wait(PAUSE_SECONDS)

    def _read(self, consumer: KafkaConsumer) -> None:
        self._seek(consumer, consumer.beginning_offsets([self._place])[self._place])
        while not self._stopping.is_set():
            if self._wanted - max(self._run.last, self._aimed_at) > FAR:
                self._seek(consumer, consumer.position(self._place))
            records = self._poll(consumer, POLL_MS, AT_ONCE)
            known = [known for record in records if (known := self._known(record)) is not None]
            if self._run.add(known):
                self._arrived()
            while not self._stopping.is_set() and not self._run.wait_for_room(PAUSE_SECONDS):
                pass

    def _seek(self, consumer: KafkaConsumer, offset: int) -> None:
        """To an offset at or before the wanted position, as near as HOPS look-ups come."""
        end, wanted = consumer.end_offsets([self._place])[self._place], self._wanted
        self._aimed_at = wanted
        for _ in range(HOPS):
            if offset >= end:
                break
            consumer.seek(self._place, offset)
            records = self._poll(consumer, ANSWER_MS, 1)
            if not records:
                break
            try:
                position = received(records[0].headers, b"").position
            except NotAnEvent:
                offset += 1
                continue
            if position >= wanted:
                break
            offset += wanted - position
        consumer.seek(self._place, min(offset, end))
        self._run.restart(0)

    def _poll(self, consumer: KafkaConsumer, milliseconds: int, most: int) -> list[Any]:
        polled = consumer.poll(timeout_ms=milliseconds, max_records=most)
        return [record for records in polled.values() for record in records]

    def _known(self, record: Any) -> Received | None:  # noqa: ANN401
        """The event; None for one of another epoch, and for what is no event of ours."""
        try:
            found = received(record.headers, record.value or b"")
        except NotAnEvent as error:
            log.warning("offset %s of topic %s is left out: %s", record.offset, record.topic, error)
            return None
        return found if found.epoch == self._epoch else None

"""Reading a topic from a position of the log on, without knowing offsets."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, NoReturn
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from events.messages import NotAnEvent, Received, received
from services.broker.cluster import Cluster

POLL_MS = 200
ANSWER_MS = 2_000
AT_ONCE = 2_000
FAR = 20_000
HOPS = 200
PAUSE_SECONDS = 1.0
WAIT_MS = 100

log = logging.getLogger(__name__)


class TopicReader:
    """Tells what the topic holds of one epoch, in its order; `begin` comes before `follow`.

    The topic never skips (decision 019): from a record of position p, the position q > p stands at
    least q - p records further on. So a place is found by hops that cannot pass it, without a
    search and without knowing offsets. `tell` is given None where what was told before counts no
    more; as long as it does not return, nothing is read.
    """

    def __init__(
        self, cluster: Cluster, topic: str, tell: Callable[[Sequence[Received] | None], None]
    ) -> None:
        self._cluster = cluster
        self._place = TopicPartition(topic, 0)
        self._tell = tell
        self._wanted = 1
        self._aimed_at = 0
        self._last = 0
        self._epoch: UUID | None = None

    def begin(self, position: int, epoch: UUID) -> None:
        """Read what is behind `position`; may be said again, for another one, by any thread."""
        self._wanted, self._epoch = position + 1, epoch

    def follow(self) -> NoReturn:
        """Read on for ever, over whatever happens to the brokers."""
        while True:
            try:
                with closing(self._cluster.consumer(fetch_max_wait_ms=WAIT_MS)) as consumer:
                    consumer.assign([self._place])
                    self._read(consumer)
            except KafkaError as error:
                log.warning("topic %s cannot be read: %s", self._place.topic, error)
            except Exception:
                log.exception("the reader of topic %s begins again", self._place.topic)
            time.sleep(PAUSE_SECONDS)

    def _read(self, consumer: KafkaConsumer) -> NoReturn:
        self._seek(consumer, consumer.beginning_offsets([self._place])[self._place])
        while True:
            if self._wanted - max(self._last, self._aimed_at) > FAR:
                self._seek(consumer, consumer.position(self._place))
            records = self._poll(consumer, POLL_MS, AT_ONCE)
            known = [known for record in records if (known := self._known(record)) is not None]
            if known:
                self._tell(known)
                self._last = known[-1].position

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
        self._last = 0
        self._tell(None)

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

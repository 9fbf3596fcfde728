"""A member of a consumer group that is told where to begin whenever it is given partitions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from typing import Any
from uuid import UUID

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import (
    CorruptRecordError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.structs import OffsetAndMetadata

from services.broker import BrokerAway, Unreadable
from services.broker.cluster import Cluster
from services.broker.message import Extent, Message, message
from services.broker.topics import identity

CLOSE_MS = 5_000
ANSWER_MS, TRY_MS = 10_000, 2_000
PLACELESS = (LogTruncationError, NoOffsetForPartitionError, OffsetOutOfRangeError)


class Unplaced(Exception):
    """Partitions were given or taken, or what was to be read is not there: begin anew."""


class Member:
    """One consumer of a topic's group. Its methods are for one thread at a time.

    Partitions that are given are at rest until `begin` says from where they are read.
    """

    def __init__(self, cluster: Cluster, topic: str, group: str) -> None:
        self._cluster, self._topic = cluster, topic
        self._topic_id: UUID | None = None
        self._begun = 0
        with ExitStack() as stack:
            self._admin = stack.enter_context(cluster.admin())
            self._consumer = cluster.member(group)
            stack.callback(self._consumer.close, autocommit=False, timeout_ms=CLOSE_MS)
            self._given = _Given(self._consumer)
            self._consumer.subscribe([topic], listener=self._given)
            self._open = stack.pop_all()

    def read(self, seconds: float, most: int) -> Sequence[Message]:
        """What comes within that time, in the order of each partition.

        Raises Unplaced, Unreadable, and KafkaError for what passes.
        """
        try:
            polled = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=most)
        except PLACELESS as gone:
            raise Unplaced(f"{type(gone).__name__}: {gone}") from gone
        except CorruptRecordError as error:
            raise self._corrupt(error) from error
        if self._given.times != self._begun:
            raise Unplaced("partitions are given anew")
        return [message(record) for records in polled.values() for record in records]

    def check(self) -> None:
        """Raise Unplaced if what was read last may be of a topic made again under the name.

        kafka-python fetches by name, and so may have gone on in the middle of another topic.
        """
        if identity(self._admin, self._topic) != self._topic_id:
            raise Unplaced("the topic was made again")

    def extent(self) -> tuple[int, Extent]:
        """For `begin`: which partitions these are, and what they hold now.

        Raises BrokerAway, BrokerUnusable where there is no such topic, and KafkaError.
        """
        times = self._given.times
        places = list(self._consumer.assignment())
        self._topic_id = topic_id = identity(self._admin, self._topic)
        begins = self._offsets(self._consumer.beginning_offsets, places)
        ends = self._offsets(self._consumer.end_offsets, places)
        return times, Extent(topic_id, begins, ends)

    def begin(self, times: int, places: Mapping[int, int]) -> None:
        """Read on from these offsets. Raises Unplaced where partitions were given meanwhile."""
        try:
            for partition, offset in places.items():
                place = TopicPartition(self._topic, partition)
                self._consumer.seek(place, offset)
                self._consumer.resume(place)
        except (ValueError, KeyError) as taken:
            raise Unplaced("partitions were taken") from taken
        self._begun = times

    def note(self, places: Mapping[int, int]) -> Mapping[int, int]:
        """Tell the group where reading goes on, for whoever watches it; nothing depends on it.

        Returns where the partitions end, as far as a fetch has told.
        """
        offsets = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in places.items()
        }
        with suppress(KafkaError):
            self._consumer.commit_async(offsets, callback=lambda *_: None)
        return dict(self._ends())

    def _ends(self) -> Iterator[tuple[int, int]]:
        for place in self._consumer.assignment():
            with suppress(KeyError, KafkaError):  # taken meanwhile
                if (end := self._consumer.highwater(place)) is not None:
                    yield place.partition, end

    def close(self) -> None:
        """Leave the group, so that the others need not wait for the session to end."""
        self._open.close()

    def _corrupt(self, error: CorruptRecordError) -> Unreadable | CorruptRecordError:
        """Fetch again, each partition by itself: what cannot be decoded then, never can.

        By another consumer each: after such an error kafka-python's is of no use any more.
        """
        for place in sorted(self._consumer.assignment()):
            offset = self._consumer.position(place, timeout_ms=ANSWER_MS)
            if offset is not None and not self._decodes(place, offset):
                return Unreadable(
                    f"partition {place.partition} of {self._topic} cannot be read at offset "
                    f"{offset}: {error}. With Kafka's own kafka-delete-records, remove what is "
                    f"before offset {offset + 1}: reading goes on behind it"
                )
        return error  # damaged on the way

    def _decodes(self, place: TopicPartition, offset: int) -> bool:
        with closing(self._cluster.consumer("usage")) as consumer:
            consumer.assign([place])
            consumer.seek(place, offset)
            try:
                consumer.poll(timeout_ms=TRY_MS, max_records=1)
            except CorruptRecordError:
                return False
        return True

    def _offsets(
        self, ask: Callable[..., dict[TopicPartition, int]], places: Sequence[TopicPartition]
    ) -> dict[int, int]:
        if not places:
            return {}
        found = ask(places, timeout_ms=ANSWER_MS)
        if any(offset is None for offset in found.values()):
            raise BrokerAway(f"topic {self._topic} does not tell its offsets")
        return {place.partition: offset for place, offset in found.items()}


class _Given(ConsumerRebalanceListener):  # type: ignore[misc]
    """Counts assignments; runs in kafka-python's own thread, which must not wait."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.times = 0

    def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ANN401
        self.times += bool(revoked)

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ANN401
        self.times += 1
        for place in assigned:  # a position of its own, or the group's would be asked for
            self._consumer.pause(place)
            self._consumer.seek(place, 0)

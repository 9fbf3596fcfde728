"""A topic from its first record to the last one that is there now, as nobody's group."""

from collections.abc import Iterator
from contextlib import closing

from kafka import TopicPartition
from kafka.errors import KafkaError

from services.broker import BrokerAway
from services.broker.cluster import Cluster
from services.broker.message import Message, message
from services.broker.topics import identity

POLL_MS, SILENT_POLLS = 1_000, 15


def everything(cluster: Cluster, topic: str) -> Iterator[Message]:
    """In the order of each partition. Raises BrokerUnusable; BrokerAway where nothing comes."""
    with cluster.admin() as admin:
        identity(admin, topic)
    try:
        with closing(cluster.consumer("reading")) as consumer:
            partitions = sorted(consumer.partitions_for_topic(topic) or ())
            places = [TopicPartition(topic, partition) for partition in partitions]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends, silent = consumer.end_offsets(places), 0
            while any(consumer.position(place) < ends[place] for place in places):
                polled = consumer.poll(timeout_ms=POLL_MS)
                silent = 0 if polled else silent + 1
                if silent > SILENT_POLLS:
                    raise BrokerAway(f"topic {topic} does not answer")
                for place, records in polled.items():
                    yield from (message(r) for r in records if r.offset < ends[place])
    except KafkaError as error:
        raise BrokerAway(f"topic {topic} cannot be read: {error}") from error

"""Topics: what they must be, made and checked. Brokers make none by themselves for us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from events.messages import PARTITIONS, RETENTION_DAYS
from services.broker import BrokerAway, BrokerUnusable
from services.broker.cluster import Cluster

RETENTION = timedelta(days=RETENTION_DAYS)
REPLICATION = 3
CREATE_MS = 15_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is to be. Nothing is compacted: a log keeps more than the last of each key.

    `remedy` is what to do about another number of partitions.
    """

    name: str
    partitions: int = PARTITIONS
    replication: int = REPLICATION
    retention: timedelta = RETENTION
    remedy: str = (
        "what is in it has no order to rely on; use another name for it "
        "(TEAMLEDGER_KAFKA_EVENTS_TOPIC), or remove it and make it with `teamledger topics`"
    )

    @property
    def configs(self) -> Mapping[str, str]:
        """Acknowledged means: held by two replicas, where there are that many."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(int(self.retention / timedelta(milliseconds=1))),
            "min.insync.replicas": str(min(2, self.replication)),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: `done` is `created`, `changed` (with the settings that were) or `kept`."""

    topic: Topic
    done: str
    changed: Mapping[str, str]


def ensure(cluster: Cluster, topics: Iterable[Topic]) -> list[Outcome]:
    """Make the topics, or set what can be set of those that are there.

    Raises BrokerUnusable, also for another number of partitions or replicas than asked for: to
    change either is the operator's own work.
    """
    with cluster.admin() as admin:
        try:
            return [_ensure(admin, topic) for topic in topics]
        except KafkaError as error:
            raise BrokerUnusable(f"the topics cannot be made: {error}") from error


def check(cluster: Cluster, topic: Topic) -> None:
    """Raise BrokerUnusable unless the topic is there, with its partitions, and not compacted.

    It is BrokerAway where that cannot be told now.
    """
    with cluster.admin() as admin:
        try:
            found = _found(admin, topic.name)
        except KafkaError as error:
            raise BrokerAway(f"topic {topic.name} cannot be looked at: {error}") from error
        if found is None:
            raise _absent(topic.name)
        _check_partitions(topic, found)
        _check_kept(admin, topic.name)


def check_kept(cluster: Cluster, name: str) -> None:
    """Raise likewise unless the topic is there, with any number of partitions, not compacted."""
    with cluster.admin() as admin:
        identity(admin, name)
        try:
            _check_kept(admin, name)
        except KafkaError as error:
            raise BrokerAway(f"topic {name} cannot be looked at: {error}") from error


def _check_kept(admin: KafkaAdminClient, name: str) -> None:
    policy = _configs(admin, name)["cleanup.policy"]
    if policy != "delete":
        raise BrokerUnusable(
            f"topic {name} has cleanup.policy={policy}, which loses messages that somebody has "
            "yet to read; correct it with `teamledger topics`"
        )


def identity(admin: KafkaAdminClient, name: str) -> UUID:
    """The broker's own id of a topic, another one if it is removed and made again.

    Raises BrokerUnusable where there is none, BrokerAway where that cannot be told now.
    """
    try:
        found = _found(admin, name)
    except KafkaError as error:
        raise BrokerAway(f"topic {name} cannot be looked at: {error}") from error
    if found is None:
        raise _absent(name)
    return UUID(found["topic_id"])


def _absent(name: str) -> BrokerUnusable:
    return BrokerUnusable(f"there is no topic {name}; make it with `teamledger topics`")


def _ensure(admin: KafkaAdminClient, topic: Topic) -> Outcome:
    if _found(admin, topic.name) is None and _created(admin, topic):
        return Outcome(topic, "created", topic.configs)
    found = _found(admin, topic.name)
    if found is None:
        raise BrokerUnusable(f"topic {topic.name} was removed meanwhile; try again")
    _check_partitions(topic, found)
    replicas = {len(partition["replica_nodes"]) for partition in found["partitions"]}
    if replicas != {topic.replication}:
        raise BrokerUnusable(
            f"topic {topic.name} has {max(replicas)} replicas, not {topic.replication}; move them "
            "with Kafka's own tools, or ask for as many with --replication"
        )
    configs = _configs(admin, topic.name)
    changed = {name: value for name, value in topic.configs.items() if configs[name] != value}
    if changed:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=changed)
        admin.alter_configs([resource])
    return Outcome(topic, "changed" if changed else "kept", changed)


def _created(admin: KafkaAdminClient, topic: Topic) -> bool:
    wanted = {
        "num_partitions": topic.partitions,
        "replication_factor": topic.replication,
        "configs": dict(topic.configs),
    }
    try:
        admin.create_topics({topic.name: wanted}, timeout_ms=CREATE_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:  # somebody else was first
        return False
    return True


def _found(admin: KafkaAdminClient, name: str) -> dict[str, Any] | None:
    described: list[dict[str, Any]] = admin.describe_topics([name])
    return next((topic for topic in described if not topic["error_code"]), None)


def _configs(admin: KafkaAdminClient, name: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    described = admin.describe_configs([resource], config_filter="all")["topic"][name]
    return {key: entry["value"] for key, entry in described.items()}


def _check_partitions(topic: Topic, found: Mapping[str, Any]) -> None:
    if len(found["partitions"]) != topic.partitions:
        raise BrokerUnusable(
            f"topic {topic.name} has {len(found['partitions'])} partitions, not "
            f"{topic.partitions}: {topic.remedy}"
        )

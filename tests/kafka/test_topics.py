"""`teamledger topics`: made explicitly, corrected where possible, else refused with the reason."""

from datetime import timedelta
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from services.broker import BrokerUnusable
from services.broker.cluster import Cluster
from services.broker.topics import Topic, check, ensure
from tests.support.broker import Broker
from tests.support.command_line import invoked
from tests.support.relaying import cluster_of

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


def settings_of(broker: Broker, name: str) -> dict[str, Any]:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    found = admin.describe_configs([resource], config_filter="all")["topic"][name]
    admin.close()
    return {key: entry["value"] for key, entry in found.items()}


def make(broker: Broker, name: str, partitions: int, **configs: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    wanted = {"num_partitions": partitions, "replication_factor": 1, "configs": configs}
    admin.create_topics({name: wanted}, wait_for_metadata=True)
    admin.close()


def test_a_topic_is_made_as_asked_and_then_kept(kafka: Broker, topic: str) -> None:
    wanted = Topic(topic, replication=1, retention=timedelta(days=3))
    assert [outcome.done for outcome in ensure(cluster_of(kafka), [wanted])] == ["created"]
    assert [outcome.done for outcome in ensure(cluster_of(kafka), [wanted])] == ["kept"]
    found = settings_of(kafka, topic)
    assert found["retention.ms"] == str(3 * 86_400_000)
    assert (found["cleanup.policy"], found["min.insync.replicas"]) == ("delete", "1")
    check(cluster_of(kafka), wanted)


def test_a_compacted_topic_is_refused_and_can_be_corrected(kafka: Broker, topic: str) -> None:
    wanted = Topic(topic, replication=1)
    make(kafka, topic, 1, **{"cleanup.policy": "compact"})
    with pytest.raises(BrokerUnusable, match=r"cleanup\.policy=compact"):
        check(cluster_of(kafka), wanted)
    (outcome,) = ensure(cluster_of(kafka), [wanted])
    assert (outcome.done, outcome.changed["cleanup.policy"]) == ("changed", "delete")
    check(cluster_of(kafka), wanted)


def test_a_topic_of_several_partitions_has_no_order(kafka: Broker, topic: str) -> None:
    make(kafka, topic, 3)
    for use in (check, lambda cluster, wanted: ensure(cluster, [wanted])):
        with pytest.raises(BrokerUnusable, match="has 3 partitions, not 1"):
            use(cluster_of(kafka), Topic(topic, replication=1))


def test_what_is_not_there_is_named(kafka: Broker, topic: str) -> None:
    with pytest.raises(BrokerUnusable, match="teamledger topics"):
        check(cluster_of(kafka), Topic(topic))
    with pytest.raises(BrokerUnusable, match="cannot be made"):
        ensure(cluster_of(kafka), [Topic(topic, replication=3)])
    with pytest.raises(BrokerUnusable, match="no broker answers at"):
        check(Cluster(("127.0.0.1:9",)), Topic(topic))


def test_the_command_makes_it(kafka: Broker, topic: str) -> None:
    env = {"TEAMLEDGER_KAFKA_BOOTSTRAP": kafka.bootstrap, "TEAMLEDGER_KAFKA_EVENTS_TOPIC": topic}
    done = invoked("topics", "--replication", "1", "--retention-days", "2", **env)
    assert done.exit_code == 0, done.output
    assert "created" in done.stdout
    assert settings_of(kafka, topic)["retention.ms"] == str(2 * 86_400_000)

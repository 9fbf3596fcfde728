"""What `deploy/kafka` runs is a real Kafka: what it acknowledged outlives its processes."""

import subprocess

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.support.broker import SCRIPT, Broker, require_kafka, running_broker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]
VALUES = [str(number).encode() for number in range(500)]


def create(broker: Broker, topic: str, replicas: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    wanted = {topic: {"num_partitions": 1, "replication_factor": replicas}}
    admin.create_topics(wanted, wait_for_metadata=True)
    admin.close()


def produce(broker: Broker, topic: str, values: list[bytes]) -> None:
    """Returns once every value is acknowledged."""
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap, enable_idempotence=True, acks="all", linger_ms=5
    )
    sent = [producer.send(topic, value, partition=0) for value in values]
    assert [future.get(timeout=30).offset for future in sent] == sorted(range(len(values)))
    producer.close(timeout=5)


def consume(broker: Broker, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    values: list[bytes] = []
    while len(values) < count:
        for records in consumer.poll(timeout_ms=1_000).values():
            values += [record.value for record in records]
    consumer.close()
    return values


def test_one_node_keeps_what_it_acknowledged_over_a_kill(kafka: Broker, topic: str) -> None:
    create(kafka, topic, 1)
    produce(kafka, topic, VALUES)
    kafka.kill()
    kafka.start()
    kafka.wait_until_ready()
    assert consume(kafka, topic, len(VALUES)) == VALUES


def test_three_nodes_go_on_without_the_one_that_led() -> None:
    require_kafka()
    with running_broker(3) as broker:
        assert broker.members() == 3
        create(broker, "of.three", 3)
        produce(broker, "of.three", VALUES)
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        (described,) = admin.describe_topics(["of.three"])
        admin.close()
        broker.kill(described["partitions"][0]["leader_id"])
        assert consume(broker, "of.three", len(VALUES)) == VALUES


@pytest.mark.parametrize("arguments", [[], ["up"], ["node", "/nowhere"], ["format", "/tmp/x", "2"]])
def test_what_the_script_is_not_told_it_does_not_guess(arguments: list[str]) -> None:
    require_kafka()
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in {1, 2}
    assert "kafka.sh" in done.stderr

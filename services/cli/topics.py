"""`teamledger topics`: the topics that our processes need, as they have to be."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from events.messages import PARTITIONS, RETENTION_DAYS
from events.usage_topics import DEAD_DAYS, DEAD_PARTITIONS, USAGE_DAYS, USAGE_PARTITIONS
from services.cli.failures import explained
from services.cli.output import print_table
from services.settings import load_kafka_settings

if TYPE_CHECKING:
    from services.broker.topics import Outcome

REPLICATION = 3


@explained
def topics(
    replication: Annotated[
        int, typer.Option(min=1, help="On how many brokers each record is kept.")
    ] = REPLICATION,
    retention_days: Annotated[
        float, typer.Option(min=0.01, help="How long records are kept, in days.")
    ] = RETENTION_DAYS,
    usage_partitions: Annotated[
        int, typer.Option(min=1, help="Of the topic of usage: how many consumers may share it.")
    ] = USAGE_PARTITIONS,
    usage_retention_days: Annotated[
        float, typer.Option(min=0.01, help="How long usage may wait to be booked, in days.")
    ] = USAGE_DAYS,
    dead_retention_days: Annotated[
        float, typer.Option(min=0.01, help="How long dead letters are kept, in days.")
    ] = DEAD_DAYS,
) -> None:
    """Make the topics, or set the retention of those that are there. May be repeated.

    The log stays in PostgreSQL: its topic holds what followers have yet to read, and whoever was
    away for longer reads the log itself. Usage, though, is lost with a topic that keeps it for less
    than the longest outage of its consumers.
    """
    from services.broker.cluster import Cluster  # importing kafka-python takes a third of a second
    from services.broker.topics import Topic, ensure

    settings = load_kafka_settings()

    def topic(name: str, days: float, partitions: int, **told: str) -> Topic:
        return Topic(name, partitions, replication, timedelta(days=days), **told)

    events = topic(settings.kafka_events_topic, retention_days, PARTITIONS)
    usage = topic(
        settings.kafka_usage_topic,
        usage_retention_days,
        usage_partitions,
        remedy="ask for as many with --usage-partitions, or add partitions with Kafka's own tools",
    )
    dead = topic(
        settings.kafka_usage_dead_topic,
        dead_retention_days,
        DEAD_PARTITIONS,
        remedy="use another name for it (TEAMLEDGER_KAFKA_USAGE_DEAD_TOPIC)",
    )
    _show(ensure(Cluster.of(settings), [events, usage, dead]))


def _show(outcomes: list["Outcome"]) -> None:
    table = Table("topic", "partitions", "replicas", "settings", "done")
    for outcome in outcomes:
        topic = outcome.topic
        settings = ", ".join(f"{name}={value}" for name, value in topic.configs.items())
        numbers = (str(topic.partitions), str(topic.replication))
        table.add_row(topic.name, *numbers, settings, outcome.done)
    print_table(table)

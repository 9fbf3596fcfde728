"""`teamledger topics`: the topics that relay and projections need, as they have to be."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from events.messages import RETENTION_DAYS
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
) -> None:
    """Make the topics, or set the retention of those that are there. May be repeated.

    The log stays in PostgreSQL: a topic holds what followers have yet to read, and whoever was away
    for longer reads the log itself.
    """
    from services.broker.cluster import Cluster  # importing kafka-python takes a third of a second
    from services.broker.topics import Topic, ensure

    settings = load_kafka_settings()
    retention = timedelta(days=retention_days)
    events = Topic(settings.kafka_events_topic, replication=replication, retention=retention)
    _show(ensure(Cluster.of(settings), [events]))


def _show(outcomes: list["Outcome"]) -> None:
    table = Table("topic", "partitions", "replicas", "settings", "done")
    for outcome in outcomes:
        topic = outcome.topic
        settings = ", ".join(f"{name}={value}" for name, value in topic.configs.items())
        numbers = (str(topic.partitions), str(topic.replication))
        table.add_row(topic.name, *numbers, settings, outcome.done)
    print_table(table)

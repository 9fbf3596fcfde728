"""`teamledger relay`: the log, published to Kafka by one of several processes."""

import signal

import typer

from services.cli.database import any_database
from services.cli.failures import explained
from services.database.connections import relay_conninfo
from services.settings import load_kafka_settings
from services.standalone import prepare_events
from services.telemetry import configure_logging


@explained
def relay() -> None:
    """Publish every event to Kafka, in order. Run two: one leads, the other takes over.

    Needs TEAMLEDGER_KAFKA_BOOTSTRAP and the database of the events, and none of the keys. The
    topic is made by `teamledger topics`.
    """
    from services.broker.cluster import Cluster  # importing kafka-python takes a third of a second
    from services.command.application.relay import Relay

    settings = load_kafka_settings()
    configure_logging(settings.log_level)
    cluster, topic = Cluster.of(settings), settings.kafka_events_topic
    with any_database(settings) as url:
        prepare_events(url)
        publishing = Relay(relay_conninfo(url), cluster, topic)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: publishing.stop())
        typer.echo(f"teamledger relays events to topic {topic}")
        publishing.run()

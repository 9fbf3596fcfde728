"""`teamledger relay`: the log, published to Kafka by one of several processes."""

import signal
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from services import tracing
from services.cli.beside import answering
from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.serve import check_address
from services.database.connections import relay_conninfo
from services.database.schemas import prepare_events
from services.settings import RelaySettings, load_relay_settings
from services.telemetry import configure_logging

Host = Annotated[str | None, typer.Option(help="Address of /metrics and /health.")]
Port = Annotated[int | None, typer.Option(help="Port of /metrics and /health; 0: none.")]


if TYPE_CHECKING:
    from services.command.application.relay import Relay


@explained
def relay(host: Host = None, port: Port = None) -> None:
    """Publish every event to Kafka, in order. Run two: one leads, the other takes over.

    Needs TEAMLEDGER_KAFKA_BOOTSTRAP and the database of the events, and none of the keys. The
    topic is made by `teamledger topics`. Answers /metrics and /health on 127.0.0.1:4009.
    """
    from services.broker.cluster import Cluster  # importing kafka-python takes a third of a second
    from services.command.application.relay import Relay

    given = {"relay_host": host, "relay_port": port}
    settings = load_relay_settings({n: value for n, value in given.items() if value is not None})
    configure_logging(settings.log_level)
    tracing.configure("relay")
    if settings.relay_port:
        check_address(settings.relay_host, settings.relay_port, "TEAMLEDGER_RELAY_{}")
    cluster, topic = Cluster.of(settings), settings.kafka_events_topic
    with any_database(settings) as url:
        prepare_events(url)
        publishing = Relay(relay_conninfo(url), cluster, topic)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: publishing.stop())
        typer.echo(f"teamledger relays events to topic {topic}")
        with _answering(settings, publishing, url):
            publishing.run()


def _answering(
    settings: RelaySettings, publishing: "Relay", url: str
) -> AbstractContextManager[None]:
    if not settings.relay_port:
        return nullcontext()
    from services.command.follower_process import relay_service

    app = relay_service(settings, publishing, url)
    return answering(app, settings.relay_host, settings.relay_port)

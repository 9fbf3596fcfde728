"""`teamledger usage-consumer`: usage from a topic into the ledger, by any number of processes."""

import asyncio
import gc

import typer

from services.cli.database import any_database
from services.cli.failures import explained
from services.database.connections import service_conninfo
from services.settings import load_kafka_settings
from services.standalone import prepare_events
from services.telemetry import configure_logging

FUSE_BLOWN = 3


@explained
def usage_consumer() -> None:
    """Book what gateways send to the topic of usage. Run as many as it has partitions, or fewer.

    Needs TEAMLEDGER_KAFKA_BOOTSTRAP and the database of the events, and none of the keys. The
    topics are made by `teamledger topics`. Ends with status 3 when more messages than
    TEAMLEDGER_KAFKA_USAGE_DEAD_PER_HOUR could not be booked: the producer is to be looked at.
    """
    from services.cli.usage_work import consume  # kafka-python takes a third of a second
    from services.command.application.usage_consumer import FuseBlown

    settings = load_kafka_settings()
    configure_logging(settings.log_level)
    gc.set_threshold(20_000, 50, 100)  # a batch is more objects than the first threshold
    with any_database(settings) as url:
        prepare_events(url)
        try:
            asyncio.run(consume(settings, service_conninfo(url)))
        except FuseBlown as blown:
            typer.echo(f"error: {blown}", err=True)
            raise typer.Exit(FUSE_BLOWN) from None

"""`teamledger usage-consumer`: usage from a topic into the ledger, by any number of processes."""

import asyncio
import gc
from typing import Annotated

import typer

from services import tracing
from services.cli.database import any_database
from services.cli.failures import explained
from services.cli.serve import check_address
from services.database.schemas import prepare_events
from services.settings import load_consumer_settings
from services.telemetry import configure_logging

FUSE_BLOWN = 3
Host = Annotated[str | None, typer.Option(help="Address of /metrics and /health.")]
Port = Annotated[int | None, typer.Option(help="Port of /metrics and /health; 0: none.")]


@explained
def usage_consumer(host: Host = None, port: Port = None) -> None:
    """Book what gateways send to the topic of usage. Run as many as it has partitions, or fewer.

    Needs TEAMLEDGER_KAFKA_BOOTSTRAP and the database of the events, and none of the keys. The
    topics are made by `teamledger topics`. Ends with status 3 when more messages than
    TEAMLEDGER_KAFKA_USAGE_DEAD_PER_HOUR could not be booked: the producer is to be looked at.
    Answers /metrics and /health where TEAMLEDGER_USAGE_CONSUMER_PORT is set.
    """
    from services.cli.usage_work import consume  # kafka-python takes a third of a second
    from services.command.application.usage_consumer import FuseBlown

    given = {"usage_consumer_host": host, "usage_consumer_port": port}
    told = {name: value for name, value in given.items() if value is not None}
    settings = load_consumer_settings(told)
    configure_logging(settings.log_level)
    tracing.configure("usage-consumer")
    if settings.usage_consumer_port:
        variables = "TEAMLEDGER_USAGE_CONSUMER_{}"
        check_address(settings.usage_consumer_host, settings.usage_consumer_port, variables)
    gc.set_threshold(20_000, 50, 100)  # a batch is more objects than the first threshold
    with any_database(settings) as url:
        prepare_events(url)
        try:
            asyncio.run(consume(settings, url))
        except FuseBlown as blown:
            typer.echo(f"error: {blown}", err=True)
            raise typer.Exit(FUSE_BLOWN) from None

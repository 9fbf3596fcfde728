"""`teamledger asyncapi`: the description of the topic that events are published to."""

import json
from importlib.metadata import version

import typer

from events.asyncapi import document


def asyncapi() -> None:
    """Print the AsyncAPI description of the topic, with the schema of every message."""
    typer.echo(json.dumps(document(version("teamledger")), indent=1, ensure_ascii=False))

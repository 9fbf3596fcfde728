"""`teamledger asyncapi`: the description of the topics, that of the log and those of usage."""

import json
from importlib.metadata import version

import typer


def asyncapi() -> None:
    """Print the AsyncAPI description of the topics, with the schema of every message."""
    from services.edge.asyncapi import document  # nothing else of the command line needs it

    typer.echo(json.dumps(document(version("teamledger")), indent=1, ensure_ascii=False))

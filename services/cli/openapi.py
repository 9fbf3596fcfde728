"""`teamledger openapi`: the description of the API, as GET /openapi.json answers it."""

import json

import typer


def openapi() -> None:
    """Print the OpenAPI description of the service; nothing is started."""
    from services.standalone import description  # the whole service takes half a second

    typer.echo(json.dumps(description(), indent=1, ensure_ascii=False))

"""The command line: `teamledger --help`."""

from importlib.metadata import version as installed
from typing import Annotated

import typer

from services.cli import (
    asyncapi,
    audit,
    backup,
    dead_letters,
    demo,
    forget,
    import_litellm,
    openapi,
    processes,
    rebuild,
    reconcile,
    relay,
    replay,
    restore,
    rotate_root_key,
    rotate_signing_key,
    serve,
    status,
    topics,
    usage_consumer,
)

app = typer.Typer(
    name="teamledger",
    help="Teams, members, budgets and keys for an LLM gateway, on an event store.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"teamledger {installed('teamledger')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


app.command(name="serve")(serve.serve)
app.command(name="command")(processes.command)
app.command(name="projection")(processes.projection)
app.command(name="relay")(relay.relay)
app.command(name="usage-consumer")(usage_consumer.usage_consumer)
app.command(name="status")(status.status)
app.command(name="topics")(topics.topics)
app.command(name="rebuild")(rebuild.rebuild)
app.command(name="reconcile")(reconcile.reconcile)
app.command(name="replay")(replay.replay)
app.command(name="demo")(demo.demo)
app.command(name="backup")(backup.backup)
app.command(name="restore")(restore.restore)
app.command(name="rotate-root-key")(rotate_root_key.rotate_root_key)
app.command(name="rotate-signing-key")(rotate_signing_key.rotate_signing_key)
app.command(name="forget")(forget.forget)
app.command(name="forgotten")(forget.forgotten)
app.command(name="import-litellm")(import_litellm.import_litellm)
app.command(name="asyncapi")(asyncapi.asyncapi)
app.command(name="openapi")(openapi.openapi)
app.add_typer(audit.app, name="audit")
app.add_typer(dead_letters.app, name="dead-letters")

if __name__ == "__main__":
    app()

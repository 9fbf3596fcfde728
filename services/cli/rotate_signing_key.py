"""`teamledger rotate-signing-key`: checkpoints of the log signed by another key from now on."""

import typer

from services.cli.database import locked_log
from services.cli.failures import explained
from services.database.schemas import prepare_events
from services.database.secrets import load_secrets
from services.projection.seal.signing import replace_signing_key
from services.settings import load_settings


@explained
def rotate_signing_key() -> None:
    """Make another key, and have it sign all checkpoints too. The service must not run.

    Compare the log with notes kept elsewhere before: what is here will be signed as it is.
    """
    settings = load_settings()
    with locked_log(settings) as url:
        prepare_events(url)
        replaced = replace_signing_key(url, load_secrets(settings).root_key)
    typer.echo(f"{replaced.checkpoints} checkpoints are signed by both keys")
    typer.echo(f"before: {replaced.before}")
    typer.echo(f"after:  {replaced.after}")

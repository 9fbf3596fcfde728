"""`teamledger rotate-root-key`: personal data and secrets under another root key."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.database import locked_log
from services.cli.failures import explained
from services.database.root_rotation import rotate_root_key as rotated
from services.database.schemas import prepare_events
from services.database.secrets import ROOT_KEY_FILE, SecretsError, find_root_key, root_key_in
from services.settings import Settings, load_settings


@explained
def rotate_root_key(
    file: Annotated[
        Path, typer.Argument(help="Holds the new key: 32 bytes in base64, of mode 0600.")
    ],
) -> None:
    """Wrap all keys by a new root key. The service must not run; relays may.

    The present one is TEAMLEDGER_ROOT_KEY, or the file in the data directory. May be repeated. The
    old key is still what opens backups made until then.
    """
    settings = load_settings()
    old, new = find_root_key(settings), root_key_in(file)
    if old is None:
        raise SecretsError("the present root key is not at hand: set TEAMLEDGER_ROOT_KEY to it")
    with locked_log(settings) as url:
        prepare_events(url)
        done = rotated(url, old, new)
    told = f"{done} keys are wrapped by it now" if done else "All keys were wrapped by it before"
    typer.echo(f"{told}: {_what_next(settings, file)} before the service is started")


def _what_next(settings: Settings, file: Path) -> str:
    if settings.root_key is not None:
        return f"set TEAMLEDGER_ROOT_KEY to what {file} holds"
    return f"move {file} to {settings.data_dir / 'secrets' / ROOT_KEY_FILE}"

"""The command line in the process of a test."""

import os

from typer.testing import CliRunner, Result

from services.cli.main import app


def invoked(*arguments: str, **env: str) -> Result:
    """What a command prints and how it ends, without the settings of the machine."""
    hidden = {name: None for name in os.environ if name.startswith("TEAMLEDGER_")}
    return CliRunner().invoke(app, arguments, env={**hidden, **env, "COLUMNS": "120"})

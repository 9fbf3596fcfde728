"""`teamledger` as it is typed: in a process of its own, or in this one."""

import os
import subprocess
import sys

from typer.testing import CliRunner, Result

from services.cli.main import app

LONGEST_SECONDS = 90


def environment(**own: str) -> dict[str, str]:
    """Ours without settings of the machine, and the given ones."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TEAMLEDGER_")}
    return {**inherited, **own}


def line(*arguments: str) -> list[str]:
    """What to execute."""
    return [sys.executable, "-m", "services.cli.main", *arguments]


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, which has to end by itself."""
    return subprocess.run(
        line(*arguments),
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


def invoked(*arguments: str, **env: str) -> Result:
    """The same in this process, which saves its start."""
    hidden = {name: None for name in os.environ if name.startswith("TEAMLEDGER_")}
    return CliRunner().invoke(app, arguments, env={**hidden, **env, "COLUMNS": "200"})

"""The program itself, before and beside its commands."""

import sys
from signal import SIGINT
from subprocess import PIPE, Popen

LOADING = "typer.main"
"""Loaded long before the last of our own modules."""


def test_ctrl_c_while_code_is_loaded_shows_no_traceback() -> None:
    run = "from services.cli.program import run; run()"
    with Popen([sys.executable, "-X", "importtime", "-c", run], stderr=PIPE, text=True) as program:
        assert program.stderr is not None
        assert any(LOADING in line for line in program.stderr)
        program.send_signal(SIGINT)
        told = program.stderr.read()
    assert program.returncode == -SIGINT
    assert "Traceback" not in told

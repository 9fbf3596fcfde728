"""What a log line looks like: of our own loggers and of others, with exceptions and without."""

import json
import subprocess
import sys
from typing import Any

import pytest

SECRET = "sk-in-a-text-somebody-sent"
PROGRAM = f"""
import logging, structlog
from structlog.contextvars import bound_contextvars
from services.command.application.requests import Unavailable
from services.telemetry import configure_logging

configure_logging("info")
ours, others = structlog.get_logger("services.some"), logging.getLogger("others")

def fail(error, cause=None):
    raise error from cause

def caught(error, cause=None):
    try:
        fail(error, cause)
    except Exception:
        ours.exception("failed")
        others.exception("failed")

with bound_contextvars(correlation_id="r-1"):
    ours.info("done", teams=2)
    others.warning("done %s", 2)
    ours.debug("not told")
    caught(ValueError("{SECRET}"))
    caught(Unavailable("too many commands are waiting", "not executed"), KeyError("{SECRET}"))
logging.getLogger("httpx").info("HTTP Request: POST https://hooks.example.com/{SECRET}")
"""


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert run.stdout == ""
    return [json.loads(line) for line in run.stderr.splitlines()]


def test_every_line_has_the_same_fields_whoever_wrote_it(told: list[dict[str, Any]]) -> None:
    assert [line["logger"] for line in told] == ["services.some", "others"] * 3
    assert {line["correlation_id"] for line in told} == {"r-1"}
    assert all(line["timestamp"].endswith("Z") for line in told)
    first, second = told[:2]
    assert (first["event"], first["level"], first["teams"]) == ("done", "info", 2)
    assert (second["event"], second["level"]) == ("done 2", "warning")


def test_of_an_exception_there_is_where_it_came_from(told: list[dict[str, Any]]) -> None:
    for line in told[2:4]:
        assert line["exception"].endswith("\nValueError")
        assert "in fail" in line["exception"]


def test_what_our_own_say_is_shown_and_what_others_say_is_not(told: list[dict[str, Any]]) -> None:
    for line in told[4:]:
        shown, came_of = line["exception"].split("which came of")
        text = "Unavailable: too many commands are waiting, outcome: not executed"
        assert shown.strip().endswith(text)
        assert came_of.strip() == "KeyError"
    assert SECRET not in json.dumps(told)

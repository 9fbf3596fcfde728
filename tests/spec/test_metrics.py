"""docs/operations/metrics.md and the alert rules, against what processes would expose."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prometheus_client.exposition import generate_latest

from services.operation.exposed import KEEPS_READ_MODELS, Kind, registry_of
from services.operation.standing import Lag, Log, Queues, Relayed, Seal, Standing
from tests.spec.test_departed_members import founded
from tests.support.memory_log import MemoryLog
from tests.support.metrics import (
    ROOT,
    assert_as_documented,
    counted,
    documented,
    samples,
    value,
)
from tests.support.process import Process

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOG = Log(
    at=NOW,
    epoch=UUID(int=1),
    head=30,
    usage=7,
    seal=Seal(Lag(28, 2, 4.5), usage=7, leaves=29, checkpoint_at=NOW),
    relays=[Relayed("teamledger.events.v1", Lag(10, 20, 61.0), NOW)],
    queues=Queues(messages=3, oldest=NOW - timedelta(minutes=5), quarantined=2),
)
STANDING = Standing(LOG, {"contract": Lag(25, 5, 12.5)})


def scraped(kind: Kind, standing: Standing = STANDING) -> str:
    return generate_latest(registry_of(kind, lambda: standing)).decode()


@pytest.mark.parametrize("kind", list(Kind))
def test_what_a_process_exposes_is_what_is_documented(kind: Kind) -> None:
    groups = STANDING.groups if kind in KEEPS_READ_MODELS else {}
    assert_as_documented(kind, scraped(kind, Standing(LOG, groups)))


@pytest.mark.parametrize("kind", list(Kind))
def test_it_is_the_same_list_while_no_database_answers(kind: Kind) -> None:
    assert_as_documented(kind, scraped(kind, Standing(None, None)))


def test_every_metric_has_a_unit_and_a_meaning() -> None:
    for name, of in documented().items():
        assert of.unit, name
        assert len(of.meaning) > 10, name
        if name.endswith("_seconds"):
            assert of.unit == "seconds", name


def test_a_standing_is_told_as_it_is() -> None:
    text = scraped(Kind.SERVE)
    assert value(text, "teamledger_log_position") == 30
    assert value(text, "teamledger_projection_lag_events", group="contract") == 5
    assert value(text, "teamledger_projection_lag_seconds", group="contract") == 12.5
    assert value(text, "teamledger_seal_position") == 28
    assert value(text, "teamledger_relay_lag_seconds", topic="teamledger.events.v1") == 61
    assert value(text, "teamledger_webhook_oldest_waiting_seconds") == 300
    assert value(text, "teamledger_usage_quarantined") == 2
    assert value(text, "teamledger_database_up", database="events") == 1


async def test_an_append_race_that_was_lost_counts() -> None:
    log = MemoryLog()
    first, second = Process(log), Process(log)
    before = counted(Kind.COMMAND, "teamledger_command_conflicts_total")
    await first.carry_out(founded("red"))
    assert counted(Kind.COMMAND, "teamledger_command_conflicts_total") == before
    await second.carry_out(founded("blue"))
    assert counted(Kind.COMMAND, "teamledger_command_conflicts_total") == before + 1


def test_what_a_database_does_not_tell_has_no_value() -> None:
    text = scraped(Kind.SERVE, Standing(None, {"contract": Lag(25)}))
    assert value(text, "teamledger_database_up", database="events") == 0
    assert value(text, "teamledger_database_up", database="read") == 1
    told = {name for name, _ in samples(text)}
    assert "teamledger_info" in told
    assert not {name for name in told if name.endswith(("_lag_seconds", "log_position"))}


def alerts() -> Iterator[tuple[str, str, str]]:
    """Name, expression and runbook of every rule."""
    parts = ALERTS.read_text().split("- alert: ")[1:]
    for part in parts:
        lines = [line.strip() for line in part.splitlines()]
        expression = lines[lines.index("expr: >-") + 1]
        runbook = next(line for line in lines if line.startswith("runbook_url: "))
        yield lines[0], expression, runbook.removeprefix("runbook_url: ")


def test_every_metric_in_a_rule_is_documented() -> None:
    known = documented()
    of_histograms = {
        name + suffix
        for name, of in known.items()
        if of.kind == "histogram"
        for suffix in ("_bucket", "_count", "_sum")
    }
    for name, expression, _ in alerts():
        used = set(re.findall(r"\bteamledger_\w+", expression)) or {"up"}
        assert used <= known.keys() | of_histograms | {"up"}, name


def test_labels_in_rules_are_those_of_the_metrics() -> None:
    given = r"(teamledger_\w+?)(?:_bucket)?\{([^}]+)\}"
    selected = [found for _, text, _ in alerts() for found in re.findall(given, text)]
    assert selected
    for metric, selectors in selected:
        names = set(re.findall(r"(\w+)[!=]", selectors))
        assert names <= documented()[metric].labels, metric


def test_every_alert_has_its_chapter_in_the_guide() -> None:
    found = list(alerts())
    assert len({name for name, *_ in found}) == len(found) > 20
    for name, _, runbook in found:
        anchor = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        assert runbook == f"docs/operations/guide.md#{anchor}"


def test_prometheus_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool, of the Debian package prometheus")
    checked = subprocess.run(
        [promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

"""Traffic lights: how everything stands, judged without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.operation.context import Shown
from services.operation.lights import Colour, lights, worst
from services.operation.standing import Lag, Log, Queues, Rebuilt, Relayed, Seal, Standing
from services.operation.status import page, status

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOG = Log(
    at=NOW,
    epoch=UUID(int=1),
    head=30,
    usage=7,
    seal=Seal(Lag(30), usage=7, leaves=31, checkpoint_at=NOW),
    relays=[],
    queues=Queues(messages=0, oldest=None, quarantined=0),
)
WELL = Standing(LOG, {"contract": Lag(30)})
AT_WORK = {"commands": None, "projectors": None, "sealer": None}
SHOWN = Shown("serve", "1.2.3", 61.0, {"events": 11, "read": 14})
LIMIT = 30.0


def colour(standing: Standing, name: str) -> str:
    """That of one light; every other one is green."""
    found = {light.name: light.colour for light in lights(standing, AT_WORK, LIMIT)}
    assert {c for n, c in found.items() if n != name} == {Colour.GREEN}
    return found[name]


def test_everything_is_green_while_nothing_is_behind() -> None:
    found = lights(WELL, AT_WORK, LIMIT)
    assert {light.colour for light in found} == {Colour.GREEN}
    assert worst(found).colour == "green"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.5, "green"), (10.0, "green"), (10.1, "yellow"), (30.1, "red")]
)
def test_followers_turn_yellow_and_red_with_the_age_of_what_they_lack(
    seconds: float, expected: str
) -> None:
    behind = Lag(25, 5, seconds)
    assert colour(replace(WELL, groups={"contract": behind}), "read models contract") == expected
    sealing = replace(LOG, seal=replace(LOG.seal, events=behind))
    assert colour(replace(WELL, log=sealing), "seal") == expected
    relaying = replace(LOG, relays=[Relayed("events", behind, NOW)])
    assert colour(replace(WELL, log=relaying), "topic events") == expected


@pytest.mark.parametrize("part", sorted(AT_WORK))
def test_what_has_stopped_is_red_and_says_why(part: str) -> None:
    found = lights(WELL, {**AT_WORK, part: "team.renamed at position 2"}, LIMIT)
    assert worst(found) == next(light for light in found if light.name == part)
    assert worst(found).reason == "team.renamed at position 2"


def test_a_database_that_does_not_answer_is_red() -> None:
    assert colour(replace(WELL, log=None), "event database") == "red"
    assert colour(replace(WELL, groups=None), "read database") == "red"


def test_what_waits_for_people_is_yellow() -> None:
    late = Queues(messages=2, oldest=NOW - timedelta(hours=1, seconds=1), quarantined=0)
    assert colour(replace(WELL, log=replace(LOG, queues=late)), "webhooks") == "yellow"
    recent = replace(late, oldest=NOW - timedelta(minutes=59))
    assert colour(replace(WELL, log=replace(LOG, queues=recent)), "webhooks") == "green"
    held = replace(LOG.queues, quarantined=1)
    assert colour(replace(WELL, log=replace(LOG, queues=held)), "usage ledger") == "yellow"


def test_what_no_database_tells_is_null() -> None:
    nothing = Standing(None, None)
    told = status(SHOWN, nothing, lights(nothing, AT_WORK, LIMIT))
    whole = status(SHOWN, WELL, lights(WELL, AT_WORK, LIMIT))
    assert told.keys() == whole.keys()
    assert told["status"] == "red"
    assert [told[name] for name in ("head", "epoch", "seal", "projections")] == [None] * 4


def test_a_page_shows_every_light_and_nothing_as_markup() -> None:
    named = replace(WELL, groups={"<b>models</b>": Lag(1, 29, 99.0)})
    told = status(SHOWN, named, lights(named, AT_WORK, LIMIT))
    shown = page(told)
    assert "<b>" not in shown
    assert "read models &lt;b&gt;models&lt;/b&gt;" in shown
    assert shown.count("<tr>") == len(told["lights"]) + 1
    assert "<script" not in shown
    assert "the limit is 30 s" in shown


def test_a_rebuild_is_told_as_it_was_noted() -> None:
    noted = Rebuilt(NOW, 4711)
    assert Rebuilt.parsed(noted.text) == noted
    assert Rebuilt.parsed("read models of the service") is None

"""A clock that was ahead once leaves the log ahead of it: what expires goes by the clock."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from events.envelope import Meta
from events.streams import KEY, TEAM, stream
from services.access.principal import AccessRefused
from services.command.application.cache import Cache
from services.command.application.callers import authenticate
from services.command.application.folds import AnyState
from services.command.application.requests import Origin
from services.command.application.view import Loads, View
from services.command.domain.team import Team
from tests.support.decider import key_after
from tests.support.eventlog import START, History
from tests.support.facts import created, generated
from tests.support.process import key_of

SECRET = key_of("sk-lasting")
AHEAD = timedelta(hours=3)
HOUR = timedelta(hours=1)


def view_at(now: datetime) -> View:
    """After a fact that was recorded three hours from the start."""
    cache, log = Cache(10**6), History()
    [last] = log.command((stream(TEAM, "t"), created()))
    cache.stand_at(replace(last, recorded_at=START + AHEAD))
    key = key_after(generated(expires=START + HOUR))
    states: dict[str, AnyState] = {stream(KEY, SECRET.token): key, stream(TEAM, "new"): Team()}
    return View(cache, now, Loads(states=states))


def asks(view: View) -> None:
    authenticate(view, Origin(SECRET, "/key/info", "/key/info", "correlation", "command"))


def test_nobody_is_locked_out_by_a_log_that_is_ahead() -> None:
    asks(view_at(START))
    with pytest.raises(AccessRefused) as refused:
        asks(view_at(START + HOUR))
    assert refused.value.kind == "expired_key"


@pytest.mark.parametrize("late", [timedelta(), AHEAD, 2 * AHEAD])
def test_what_is_recorded_is_never_earlier_than_what_was(late: timedelta) -> None:
    view = view_at(START + late)
    [recorded] = view.record([(stream(TEAM, "new"), created())], Meta("command", "/team/new"))
    assert recorded.recorded_at == START + max(late, AHEAD)
    assert view.now == view.fork().now == START + late

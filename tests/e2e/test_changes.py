"""The change feed: every fact once and in order, to whom it concerns (issue 6, item 5)."""

import random
import time
from itertools import islice
from threading import Thread
from typing import Any

import pytest

from services.cli.serve import GRACE_SECONDS
from services.database.embedded import EmbeddedServer
from tests.support.event_source import Told, stream
from tests.support.ledger import Ledger, running_ledger
from tests.support.service import MASTER_KEY, Start

DISCONNECTS = 100
FACTS = (
    "SELECT notification_id, topic FROM events.stored_events WHERE notification_id > %s ORDER BY 1"
)


def stored(ledger: Ledger, after: int = 0) -> list[tuple[int, str]]:
    return [(at, topic) for at, topic in ledger.database.execute(FACTS, (after,)).fetchall()]


def told(events: list[Any]) -> list[tuple[int, str]]:
    """Position and name of each."""
    found = []
    for event in events:
        name, _, version = event["type"].removeprefix("teamledger.").rpartition(".v")
        assert version.isdecimal()
        found.append((event["position"], name))
    return found


def paged(ledger: Ledger, key: str = MASTER_KEY, **query: str | int) -> list[Any]:
    """All pages, one after the other."""
    found: list[Any] = []
    after = 0
    while True:
        page = ledger.shown("/v1/events", key, **query, after=after)
        found += page["events"]
        after = page["next"]
        if not page["more"]:
            return found


@pytest.fixture(scope="module", autouse=True)
def _world(ledger: Ledger) -> None:
    ledger.user("ann")
    for team in ("core", "other"):
        ledger.done("/team/new", {"team_id": team, "team_alias": team})
    member = {"user_id": "ann", "role": "admin"}
    ledger.done("/team/member_add", {"team_id": "core", "member": member})
    ledger.done("/team/update", {"team_id": "core", "max_budget": 5})


def test_pages_hold_the_log(ledger: Ledger) -> None:
    assert told(paged(ledger, limit=3)) == stored(ledger)


def test_a_fact_is_a_cloud_event(ledger: Ledger) -> None:
    [event] = paged(ledger, types="team.budget_changed", subject="team/core")
    assert event["specversion"] == "1.0"
    assert event["type"] == "teamledger.team.budget_changed.v1"
    assert (event["subject"], event["actor"]) == ("team/core", "default_user_id")
    assert event["data"]["after"]["max_budget"] == "5"
    assert event["dataschema"] == "urn:teamledger:event:team.budget_changed.v1"
    assert event["source"].startswith("/teamledger/")


def test_types_and_subjects_narrow(ledger: Ledger) -> None:
    everything = stored(ledger)
    assert told(paged(ledger, types="team.*")) == [
        e for e in everything if e[1].startswith("team.")
    ]
    wanted = ("user.created", "team.created")
    assert told(paged(ledger, types=",".join(wanted), limit=1)) == [
        e for e in everything if e[1] in wanted
    ]
    assert paged(ledger, types="team_created") == []
    assert paged(ledger, subject="team/none") == []


def test_personal_data_stays_sealed(ledger: Ledger) -> None:
    ledger.done("/user/new", {"user_id": "eve", "user_email": "eve@example.com"})
    [event] = paged(ledger, subject="user/eve", types="user.created")
    assert event["data"]["settings"]["email"].keys() == {"person", "box"}
    assert "eve@example.com" not in str(paged(ledger))


def test_everybody_sees_what_he_administers_owns_and_is(ledger: Ledger) -> None:
    ann = ledger.key(user_id="ann")
    subjects = {event["subject"].split("/")[0] for event in paged(ledger, ann)}
    names = {event["subject"] for event in paged(ledger, ann) if event["subject"][:3] != "key"}
    assert (names, subjects) == ({"team/core", "user/ann"}, {"team", "user", "key"})
    assert paged(ledger, ann, subject="team/other") == []
    viewer = ledger.user("vera", "proxy_admin_viewer")
    assert told(paged(ledger, viewer)) == stored(ledger)


def test_a_later_life_of_a_team_tells_nothing_of_the_earlier_one(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "twice", "metadata": {"secret": "of the first"}})
    ledger.done("/team/delete", {"team_ids": ["twice"]})
    member = {"user_id": "ann", "role": "admin"}
    ledger.done("/team/new", {"team_id": "twice", "members_with_roles": [member]})
    ann = ledger.key(user_id="ann")
    assert "of the first" not in str(paged(ledger, ann, subject="team/twice"))
    assert paged(ledger, ann, subject="team/twice")[0]["type"] == "teamledger.team.created.v2"


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30, "1.5"])
def test_a_last_event_id_that_is_no_position_is_refused(ledger: Ledger, last: str) -> None:
    headers = {"accept": "text/event-stream", "last-event-id": last}
    refused = ledger.http.get(
        "/v1/events", headers={**headers, "authorization": f"Bearer {MASTER_KEY}"}
    )
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_stream_begins_now_and_goes_on(ledger: Ledger) -> None:
    before = ledger.stored()
    with stream(ledger, MASTER_KEY) as events:
        first = next(events)
        assert (first.event, first.id) == ("position", str(before))
        ledger.done("/team/new", {"team_id": "later"})
        seen = next(event for event in events if event.event != "position")
    assert (seen.event, seen.data["subject"]) == ("team.created.v2", "team/later")


def test_whose_rights_end_is_told_so_and_sees_nothing_more(ledger: Ledger) -> None:
    key = ledger.key(user_id="ann")
    with stream(ledger, key) as events:
        assert next(events).event == "position"
        ledger.done("/key/block", {"key": key})
        ledger.done("/team/update", {"team_id": "core", "max_budget": 6})
        rest = list(events)
    assert [event.event for event in rest] == ["error"]
    assert rest[0].data["status"] == 401
    assert "Key is blocked" in rest[0].data["detail"]


def test_a_hundred_disconnections_lose_and_repeat_nothing(ledger: Ledger) -> None:
    """A writer goes on meanwhile; each connection goes on from the last event that was seen."""
    rnd = random.Random(6)
    start = ledger.stored()
    writer = Thread(target=_write, args=(ledger, 150))
    writer.start()
    seen: list[Told] = []
    last = str(start)
    for _ in range(DISCONNECTS):
        with stream(ledger, MASTER_KEY, last) as events:
            for event in islice(events, rnd.randrange(1, 6)):
                last = event.id
                seen += [event] if event.event != "position" else []
    writer.join()
    end = ledger.stored()
    with stream(ledger, MASTER_KEY, last) as events:
        while int(last) < end:
            event = next(events)
            last = event.id
            seen += [event] if event.event != "position" else []
    assert told([event.data for event in seen]) == stored(ledger, start)


def _write(ledger: Ledger, teams: int) -> None:
    for n in range(teams):
        ledger.done("/team/new", {"team_id": f"written-{n}", "max_budget": n})


def test_a_service_that_stops_ends_its_streams(
    postgres_server: EmbeddedServer, start_service: Start
) -> None:
    """Well within the time that a graceful stop gives to requests under way."""
    with running_ledger(postgres_server, start_service) as own, stream(own, MASTER_KEY) as events:
        assert next(events).event == "position"
        began = time.monotonic()
        assert own.service.stop() == 0
        assert time.monotonic() - began < GRACE_SECONDS
        assert list(events) == []

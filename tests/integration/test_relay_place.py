"""What a relay reads of the log, page by page."""

import orjson
import psycopg

from services.command.application import relay_place
from services.database.connections import relay_conninfo
from tests.support.eventlog import History, append, owner
from tests.support.groups import team_facts

TOPIC = "test.events"


def test_who_never_waits_for_news_keeps_none(url: str) -> None:
    """A log that is written all the time tells of every commit, and is read without waiting."""
    log = History()
    with psycopg.connect(relay_conninfo(url), autocommit=True) as relay, owner(url) as writer:
        relay.execute("LISTEN stored_events")
        place = relay_place.load(relay, TOPIC)
        for number in range(20):
            append(writer, team_facts(log, f"team-{number}"))
            [*_, last] = rows = relay_place.page(relay, place, 2_000)
            assert rows
            place = place.moved_to(last, orjson.loads(last.state)["id"])
        assert len(list(relay.notifies(timeout=0))) <= 1

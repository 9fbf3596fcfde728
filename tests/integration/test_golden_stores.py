"""Stores as earlier releases left them, and every version of every fact there ever was, replay."""

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson
import pytest

from events.envelope import Envelope, decode
from events.registry import UnknownFact, known_facts
from services.command.application.folds import AnyState, evolve, fold_of
from services.database.embedded import EmbeddedServer
from services.database.schemas import prepare_database
from services.projection.rebuild import rebuild
from services.proof.leaf import StoredRow
from tests.golden import GOLDEN
from tests.golden_store import STORES, append_golden, golden_history, load_dump
from tests.support.eventlog import create_read, create_store, owner
from tests.support.groups import process
from tests.support.loop import opened_writer
from tests.support.postgres import fresh_database
from tests.support.projected import contents, everything

DUMPS = sorted(STORES.glob("*.sql.gz"))
EVER_FILLED = {"teams_1", "users_1", "keys_1", "audit_1"}
"""Read models of things that every release knew, and that leave a row when they end."""

STORED = """
SELECT originator_id, originator_version, notification_id, topic, state
FROM events.stored_events ORDER BY notification_id
"""


@pytest.fixture(params=[*DUMPS, None], ids=lambda dump: dump.name[:-7] if dump else "today")
def url(request: pytest.FixtureRequest, postgres_server: EmbeddedServer) -> Iterator[str]:
    """A store of some release, brought up to date, or one with the golden files of today."""
    with fresh_database(postgres_server) as address:
        if request.param is None:
            create_store(address)
            append_golden(address, golden_history())
            create_read(address)
        else:
            load_dump(address, request.param)
            before = stored(address)
            prepare_database(address)
            assert stored(address) == before
        yield address


def stored(url: str) -> list[StoredRow]:
    with owner(url) as conn:
        return [StoredRow(*row) for row in conn.execute(STORED.encode()).fetchall()]


def decoded(rows: Sequence[StoredRow]) -> list[Envelope]:
    return [decode(*row) for row in rows]


def test_the_history_of_today_holds_every_version_of_every_fact() -> None:
    found = {(row.topic, decoded_version(row)) for row in golden_history()}
    expected = {(path.parent.name, int(path.stem[1:])) for path in GOLDEN.glob("*/v*.json")}
    assert found == expected
    assert {topic for topic, _ in found} == {fact.type_name for fact in known_facts()}


def decoded_version(row: StoredRow) -> int:
    return int(orjson.loads(row.state)["v"])


def test_aggregates_fold_all_of_it(url: str) -> None:
    states: dict[str, AnyState] = {}
    facts = decoded(stored(url))
    for at in facts:
        stream = at.originator_id
        states[stream] = evolve(states.get(stream, fold_of(stream).initial), at)
        assert not isinstance(at.event, UnknownFact)
    lengths = Counter(at.originator_id for at in facts)
    assert {stream: state.version for stream, state in states.items()} == lengths


async def test_read_models_follow_it_and_are_rebuilt_alike(url: str) -> None:
    last = len(stored(url))
    with owner(url) as conn:
        async with process(url) as live:
            await live.reach(last)
            before = everything(conn)
            report = await rebuild(live.group, url, progress=lambda _done, _total: None, page=7)
        assert [table.table for table in report.tables if not table.equal] == []
        assert everything(conn) == before
        assert {name for name, rows in before.items() if rows} >= EVER_FILLED
        assert "core" in {row["team_id"] for row in contents(conn, "teams_1")}


async def test_commands_go_on_where_it_ends(url: str) -> None:
    last = len(stored(url))
    async with opened_writer(url) as writer:
        done = await writer.create("after", "eve")
    rows = stored(url)[last:]
    assert done.position == rows[-1].position
    assert [row.position for row in rows] == list(range(last + 1, last + 1 + len(rows)))
    assert {"team.created", "team.member_added", "user.created"} <= {row.topic for row in rows}

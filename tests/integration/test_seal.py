"""Every event and every batch of usage has a leaf; whatever is changed afterwards is named."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.database.embedded import EmbeddedServer
from services.projection.seal.sinks import FileSink, HttpSink, SinkRefused
from services.projection.seal.tree_store import TreeStore
from services.proof.checkpoint import BadCheckpoint, opened, public_text
from services.proof.log import EVENTS, USAGE
from services.proof.tree import continues, includes
from tests.support.eventlog import History, append, create_store, owner
from tests.support.groups import team_facts
from tests.support.postgres import fresh_database
from tests.support.receiver import receiving
from tests.support.sealed import KEY, Sealing, exported, sealing, verified
from tests.support.usage import call, opened_books, rows

Tamper = Callable[[psycopg.Connection[Any]], object]
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


async def filled(url: str) -> None:
    """Teams, two batches of usage, and more teams, each part under a checkpoint of its own."""
    create_store(url)
    log = History()
    async with sealing(url) as work, opened_books(url) as books:
        with owner(url) as conn:
            append(conn, team_facts(log, "a", members=300))
        await work.seal()
        await books.book(call(1), call(2))
        await books.book(call(3))
        await work.seal()
        with owner(url) as conn:
            append(conn, team_facts(log, "b", members=30))
        await work.seal()


@pytest.fixture
async def url(database_url: str) -> str:
    await filled(database_url)
    return database_url


@pytest.fixture
async def work(url: str) -> AsyncIterator[Sealing]:
    async with sealing(url) as opened_sealing:
        yield opened_sealing


def notes(url: str) -> list[str]:
    return [note for (note,) in rows(url, "SELECT note FROM ops.checkpoints ORDER BY size")]


async def test_an_export_proves_itself(url: str, tmp_path: Path) -> None:
    verdict = verified(exported(url, tmp_path / "audit.gz"), *notes(url))
    assert verdict.problem is None
    assert (verdict.events, verdict.batches, verdict.checkpoints) == (332, 2, 6)
    assert verdict.proved is not None
    assert (verdict.proved.events, verdict.proved.usage) == (332, 3)


async def test_whether_a_checkpoint_is_due_is_told_by_the_last_one(url: str, work: Sealing) -> None:
    """It is asked for every second, and after a year there are millions of them."""
    with owner(url) as conn:
        conn.execute(
            "INSERT INTO ops.checkpoints SELECT n, '', now() FROM generate_series(1000, 3000) n"
        )
        conn.execute("ANALYZE ops.checkpoints")
    read = "SELECT pg_stat_get_xact_tuples_returned('ops.checkpoints'::regclass)"
    async with work.pool.connection() as connection, connection.transaction():
        tree = TreeStore(connection)
        assert not await tree.due(await tree.kept(), datetime.now(UTC), 0)
        assert await (await connection.execute(read)).fetchone() == (0,)


async def test_every_leaf_is_proved_to_be_in_every_later_tree(work: Sealing) -> None:
    async with work.pool.connection() as connection:
        tree = TreeStore(connection)
        size = (await tree.kept()).size
        root = await tree.root(size)
        for kind, position in ((EVENTS, 1), (EVENTS, 301), (USAGE, 1), (USAGE, 3), (EVENTS, 332)):
            index = await tree.leaf_of(kind, position)
            assert index is not None
            leaf, path = await tree.leaf(index), await tree.inclusion(index, size)
            assert includes(leaf, index, size, path, root)
        assert await tree.leaf_of(USAGE, 1) == await tree.leaf_of(USAGE, 2)
        assert await tree.leaf_of(EVENTS, 333) is None
        assert await tree.leaf_of(USAGE, 4) is None


async def test_every_checkpoint_is_continued_by_the_next(work: Sealing, url: str) -> None:
    signed = [opened(note, KEY.public_key()) for note in notes(url)]
    async with work.pool.connection() as connection:
        tree = TreeStore(connection)
        for old, new in pairwise(signed):
            path = await tree.consistency(old.size, new.size)
            assert continues(old.size, old.root, new.size, new.root, path)


async def test_two_sealers_give_every_event_one_leaf(database_url: str, tmp_path: Path) -> None:
    create_store(database_url)
    with owner(database_url) as conn:
        log = History()
        for name in "abcd":
            append(conn, team_facts(log, name, members=4_000))
    async with sealing(database_url) as one, sealing(database_url) as other:
        while any(await asyncio.gather(one.sealer.seal(), other.sealer.seal())):
            pass
        await one.seal()
    verdict = verified(exported(database_url, tmp_path / "audit.gz"))
    assert (verdict.problem, verdict.size) == (None, 16_004)


async def test_nothing_new_is_not_signed_again(work: Sealing, url: str) -> None:
    before = notes(url)
    await work.seal()
    assert notes(url) == before


async def test_a_clock_that_was_ahead_puts_no_checkpoint_off(work: Sealing, url: str) -> None:
    with owner(url) as conn:
        conn.execute("UPDATE ops.checkpoints SET made_at = made_at + interval '1 day'")
        append(conn, team_facts(History(position=332), "c", members=3))
    before = len(notes(url))
    await work.seal()
    assert len(notes(url)) == before + 1


async def test_a_sealer_waits_behind_what_others_have_sealed(work: Sealing) -> None:
    """Not behind what it has sealed itself: that would be news for ever."""
    running = asyncio.create_task(work.sealer.run())
    assert await work.feed.waited_behind.get() == 332
    await work.sealer.stop()
    await running


async def test_a_page_that_takes_all_there_is_was_the_last(work: Sealing, url: str) -> None:
    with owner(url) as conn:
        append(conn, team_facts(History(position=332), "c", members=3))
    assert not await work.sealer.seal()
    assert rows(url, "SELECT events FROM ops.seal") == [(336,)]


async def test_a_log_that_shrank_stops_the_sealer(work: Sealing, url: str) -> None:
    with owner(url) as conn:
        conn.execute("DELETE FROM events.stored_events WHERE notification_id > 300")
    await work.sealer.run()
    assert work.sealer.failed is not None
    assert "committed records are missing" in work.sealer.failed


def _execute(*statements: str) -> Tamper:
    def tamper(conn: psycopg.Connection[Any]) -> None:
        for statement in statements:
            conn.execute(statement.encode())

    return tamper


_STATE = "overlay(state placing 'X'::bytea from 20 for 1)"
TAMPERING = {
    "the content of an event": (
        _execute(f"UPDATE events.stored_events SET state = {_STATE} WHERE notification_id = 7"),
        "event 7 .* was changed",
    ),
    "the type of an event": (
        _execute("UPDATE events.stored_events SET topic = 'team.x' WHERE notification_id = 8"),
        r"event 8 \(team\.x, .* was changed",
    ),
    "the stream of an event": (
        _execute(
            "UPDATE events.stored_events SET originator_id = 'team-z' WHERE notification_id = 9"
        ),
        "event 9 .*team-z.* was changed",
    ),
    "an event removed": (
        _execute("DELETE FROM events.stored_events WHERE notification_id = 12"),
        "event 12 was removed",
    ),
    "an event removed, the rest moved up": (
        _execute(
            "DELETE FROM events.stored_events WHERE notification_id = 12",
            "DROP INDEX events.stored_events_notification_id_idx",
            "UPDATE events.stored_events SET notification_id = notification_id - 1"
            " WHERE notification_id > 12",
        ),
        "event 12 .* was changed",
    ),
    "two events in each other's place": (
        _execute(
            "DROP INDEX events.stored_events_notification_id_idx",
            "UPDATE events.stored_events SET notification_id = 41 - notification_id"
            " WHERE notification_id IN (20, 21)",
        ),
        "event 20 .* was changed",
    ),
    "the end cut off": (
        _execute("DELETE FROM events.stored_events WHERE notification_id > 320"),
        "the log ends after 322 of 334 leaves",
    ),
    "the cost of a call": (
        _execute("UPDATE usage.records SET cost = 0 WHERE position = 2"),
        "the batch of usage up to 2 was changed",
    ),
    "a call removed": (
        _execute("DELETE FROM usage.records WHERE position = 1"),
        "the batch of usage up to 2 was changed",
    ),
    "whose calls they are": (
        _execute("UPDATE usage.accounts SET id = 'other' WHERE kind = 'key'"),
        "the batch of usage up to 2 was changed",
    ),
    "the name of a team": (
        _execute("UPDATE usage.series SET team_alias = 'other'"),
        "the batch of usage up to 2 was changed",
    ),
    "a leaf": (
        _execute(
            "UPDATE ops.seal_tiles SET hashes = overlay(hashes placing 'X'::bytea from 40 for 1)"
            " WHERE level = 0 AND number = 0"
        ),
        r"the tree was changed: leaves 0 to 300 .* \(up to event 301\)",
    ),
    "an event and its leaf": (
        _execute(
            f"UPDATE events.stored_events SET state = {_STATE} WHERE notification_id = 310",
            "UPDATE ops.seal_tiles SET hashes = overlay(hashes placing 'X'::bytea from 1665 for 1)"
            " WHERE level = 0 AND number = 1",
        ),
        "the tree was changed: leaves 303 to 333",
    ),
    "a checkpoint": (
        _execute("UPDATE ops.checkpoints SET note = replace(note, 'events 301', 'events 300')"),
        "not signed by the key",
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
async def test_tampering_is_found_and_named(url: str, tmp_path: Path, name: str) -> None:
    tamper, told = TAMPERING[name]
    kept = notes(url)
    with owner(url) as conn:
        tamper(conn)
    trusted = [] if name == "a checkpoint" else kept
    verdict = verified(exported(url, tmp_path / "audit.gz"), *trusted)
    assert verdict.problem is not None
    assert re.search(told, verdict.problem), verdict.problem


async def test_another_past_is_found_by_a_checkpoint_kept_elsewhere(
    url: str, postgres_server: EmbeddedServer, tmp_path: Path
) -> None:
    """Whoever has database and signing key can make a history that proves itself."""
    kept = notes(url)
    with fresh_database(postgres_server) as other:
        create_store(other)
        async with sealing(other) as work:
            with owner(other) as conn:
                append(conn, team_facts(History(), "forged", members=400))
            await work.seal()
        file = exported(other, tmp_path / "forged.gz")
        assert verified(file).problem is None
        verdict = verified(file, kept[0])
    assert verdict.problem is not None
    assert verdict.problem.startswith("the tree was changed: leaves 0 to 300")


async def test_a_signature_is_that_of_the_key_one_trusts(url: str, tmp_path: Path) -> None:
    file = exported(url, tmp_path / "audit.gz")
    origin = opened(notes(url)[0], KEY.public_key()).origin
    trusted = public_text(origin, KEY.public_key())
    assert verified(file, verifiers=[trusted]).problem is None
    other = public_text(origin, OTHER.public_key())
    assert "not signed by the key" in str(verified(file, verifiers=[other]).problem)
    with pytest.raises(BadCheckpoint):
        verified(file, notes(url)[0].replace("events 301", "events 300"))


class _Full:
    """A sink that takes the first note and no other."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def keep(self, note: str) -> None:
        if self.kept:
            raise SinkRefused("full")
        self.kept.append(note)


async def test_checkpoints_reach_a_file_each_once_and_in_order(url: str, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    async with sealing(url, sink=FileSink(file)) as work:
        await work.sealer.deliver()
        await work.sealer.deliver()
    assert file.read_text(encoding="utf-8") == "".join(f"{note}\n" for note in notes(url))


@pytest.mark.parametrize("status", [302, 401, 500])
async def test_a_refusal_tells_no_password_of_the_sink(status: int) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: status
        where = receiver.url.replace("://", "://ann:s3cret@") + "?token=s3cret"
        with pytest.raises(SinkRefused, match=f"the sink answered {status}") as refused:
            await HttpSink(where).keep("note")
    assert "s3cret" not in str(refused.value)


async def test_an_address_that_makes_no_sense_stops_no_sealer() -> None:
    with pytest.raises(SinkRefused):
        await HttpSink("https://host:port/").keep("note")


async def test_what_a_sink_refuses_is_offered_again(url: str, tmp_path: Path) -> None:
    full = _Full()
    async with sealing(url, sink=full) as work:
        await work.sealer.deliver()
        assert full.kept == notes(url)[:1]
    file = tmp_path / "notes"
    async with sealing(url, sink=FileSink(file)) as work:
        await work.sealer.deliver()
    assert file.read_text(encoding="utf-8") == "".join(f"{note}\n" for note in notes(url)[1:])


class _Slow:
    """A sink that a note reaches once `open` is set; `reached` as soon as one is on its way."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def keep(self, note: str) -> None:
        self.reached.set()
        await self.open.wait()
        self.kept.append(note)


async def test_no_sealer_overtakes_a_note_that_is_on_its_way(url: str) -> None:
    """Nobody could hand it over then: a sink is never given an older note after a newer one."""
    slow, other_end = _Slow(), _Slow()
    other_end.kept = slow.kept
    other_end.open.set()
    async with sealing(url, sink=slow) as one, sealing(url, sink=other_end) as other:
        delivering = asyncio.create_task(one.sealer.deliver())
        await slow.reached.wait()
        await other.sealer.deliver()
        slow.open.set()
        await delivering
        await other.sealer.deliver()
    assert slow.kept == notes(url)

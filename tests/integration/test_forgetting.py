"""Keys of persons are destroyed with the fact that says so, and stay so (decision 012)."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from events.registry import DomainEvent
from events.streams import USER, stream
from events.user import UserForgotten
from events.values import Sealed
from services.database.connections import Pool, open_pool, service_conninfo
from services.database.vault import Vault
from services.projection.head import Head
from tests.support.eventlog import History, append, owner
from tests.support.facts import user_created

ROOT = b"r" * 32
NAMED = "SELECT count(*) FROM ops.person_keys WHERE person = %s"


@pytest.fixture
def log(url: str) -> Iterator[psycopg.Connection[Any]]:
    with owner(url) as conn:
        yield conn


@pytest.fixture
async def pool(url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(service_conninfo(url), 1, 4, "test")
    yield pool
    await pool.close()


@pytest.fixture
def history() -> History:
    return History()


async def opened(pool: Pool) -> Vault:
    vault = Vault(pool, ROOT)
    await vault.open()
    return vault


def happens(log: psycopg.Connection[Any], history: History, *facts: DomainEvent) -> int:
    """The position of the last of these facts about ann."""
    envelopes = history.command(*((stream(USER, "ann"), fact) for fact in facts))
    append(log, envelopes)
    return envelopes[-1].position


def forget(log: psycopg.Connection[Any], history: History, *persons: str) -> int:
    return happens(log, history, UserForgotten(persons=list(persons)))


async def read(vault: Vault, sealed: Sealed) -> str | None:
    return (await vault.open_all([sealed]))[sealed]


def keys_of(log: psycopg.Connection[Any], person: str) -> int:
    row = log.execute(NAMED, (person,)).fetchone()
    return 0 if row is None else int(row[0])


async def test_the_fact_destroys_the_keys_it_names_and_no_others(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    vault = await opened(pool)
    ann = await vault.seal_for(None, "10.0.0.1", named="ann")
    bob = await vault.seal_for(None, "10.0.0.2", named="bob")
    forget(log, history, ann.person, "p-unknown")
    assert (keys_of(log, ann.person), keys_of(log, bob.person)) == (0, 1)


async def test_a_fact_that_is_not_stored_destroys_nothing(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    vault = await opened(pool)
    ann = await vault.seal_for(None, "10.0.0.1", named="ann")
    happens(log, history, user_created())
    again = History(versions=history.versions.copy())
    again.versions["user-ann"] = 0
    with pytest.raises(psycopg.errors.UniqueViolation):
        forget(log, again, ann.person)
    assert await read(await opened(pool), ann) == "10.0.0.1"


async def test_whoever_looks_at_the_log_knows_nothing_any_more(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    one, other = await opened(pool), await opened(pool)
    ann = await one.seal_for(None, "10.0.0.1", named="ann")
    bob = await one.seal_for(None, "10.0.0.2", named="bob")
    assert await read(other, ann) == "10.0.0.1"
    position = forget(log, history, ann.person)
    for vault in (one, other):
        await vault.forget_up_to(position)
        assert (await read(vault, ann), await read(vault, bob)) == (None, "10.0.0.2")


async def test_readers_are_told_by_the_head_of_the_log(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    head = Head(pool)
    happens(log, history, user_created())
    await head.read()
    assert head.forgotten_at == 0
    position = forget(log, history, "p-ann")
    happens(log, history, user_created())
    assert await head.read() == position + 1
    assert head.forgotten_at == position


async def test_what_is_sealed_under_the_same_name_later_is_another_person_s(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    vault = await opened(pool)
    before = await vault.seal_for(None, "10.0.0.1", named="ann")
    position = forget(log, history, before.person)
    await vault.forget_up_to(position)
    after = await vault.seal_for(None, "10.0.0.1", named="ann")
    assert after.person == before.person
    for later in (vault, await opened(pool)):
        assert [await read(later, box) for box in (before, after)] == [None, "10.0.0.1"]
    again = forget(log, history, before.person)
    await vault.forget_up_to(again)
    assert await read(vault, after) is None


async def test_who_read_in_vain_reads_what_another_process_seals_later(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    """Of the same name again, after a person of that name was forgotten."""
    one, other = await opened(pool), await opened(pool)
    before = await one.seal_for(None, "10.0.0.1", named="ann")
    position = forget(log, history, before.person)
    for vault in (one, other):
        await vault.forget_up_to(position)
    assert await read(other, before) is None
    after = await one.seal_for(None, "10.0.0.2", named="ann")
    assert [await read(other, box) for box in (before, after)] == [None, "10.0.0.2"]


async def test_what_a_backup_brings_back_is_destroyed_at_the_next_start(
    pool: Pool, log: psycopg.Connection[Any], history: History
) -> None:
    vault = await opened(pool)
    ann = await vault.seal_for(None, "10.0.0.1", named="ann")
    kept = log.execute("SELECT * FROM ops.person_keys").fetchall()
    forget(log, history, ann.person)
    log.cursor().executemany("INSERT INTO ops.person_keys VALUES (%s, %s, %s, %s)", kept)
    assert await read(await opened(pool), ann) is None
    assert keys_of(log, ann.person) == 0


async def test_secrets_of_a_team_are_no_person_s(pool: Pool) -> None:
    """Whatever somebody is called, his being forgotten does not concern them."""
    vault = await opened(pool)
    holder = vault.holder("callbacks", "core")
    sealed = await vault.seal_for(holder, "sk-lf-1", named="core")
    assert sealed.person == holder
    names = ("core", "callbacks core", "callbacks of core", "callbacks")
    assert holder not in {vault.person_named(name) for name in names}

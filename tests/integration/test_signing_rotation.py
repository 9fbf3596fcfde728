"""Another key signs the log from now on, and what was signed holds for whoever trusts either."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.database.connections import open_pool, service_conninfo
from services.database.unused import StillUsed
from services.database.vault import Vault, WrongRootKey
from services.projection.seal.signing import (
    NothingSigned,
    Replaced,
    replace_signing_key,
    signing_key,
)
from services.proof.checkpoint import BadCheckpoint
from tests.support.eventlog import History, append, create_store, owner
from tests.support.groups import team_facts
from tests.support.sealed import exported, sealing, verified

ROOT = b"r" * 32


@asynccontextmanager
async def key_of(url: str) -> AsyncIterator[Ed25519PrivateKey]:
    """As a process has it, which runs until the block ends."""
    async with await open_pool(service_conninfo(url), 1, 2, "test") as pool:
        vault = Vault(pool, ROOT)
        await vault.open()
        yield await signing_key(vault)


async def sealed(url: str, log: History, team: str) -> None:
    """One more team, under a checkpoint of its own."""
    with owner(url) as conn:
        append(conn, team_facts(log, team, members=3))
    async with key_of(url) as key, sealing(url, key=key) as work:
        await work.seal()


def notes(url: str) -> list[str]:
    with owner(url) as conn:
        return [n for (n,) in conn.execute("SELECT note FROM ops.checkpoints ORDER BY size")]


@pytest.fixture
async def log(database_url: str) -> History:
    create_store(database_url)
    history = History()
    for team in ("a", "b"):
        await sealed(database_url, history, team)
    return history


async def test_what_was_signed_holds_under_either_key_and_what_comes_under_the_new_one(
    database_url: str, log: History, tmp_path: Path
) -> None:
    kept_elsewhere = notes(database_url)
    replaced = replace_signing_key(database_url, ROOT)
    assert replaced.checkpoints == len(kept_elsewhere) == 2
    file = exported(database_url, tmp_path / "before.gz")
    for verifier in (replaced.before, replaced.after):
        assert verified(file, verifiers=[verifier]).problem is None
    await sealed(database_url, log, "c")
    file = exported(database_url, tmp_path / "after.gz")
    assert verified(file).problem is None
    assert verified(file, verifiers=[replaced.after]).checkpoints == 3
    assert verified(file, verifiers=[replaced.before]).problem is not None
    assert_trusted(file, kept_elsewhere, replaced)


def assert_trusted(file: Path, kept_elsewhere: list[str], replaced: Replaced) -> None:
    """Notes that were kept before know one key, and prove the log to whoever names both."""
    with pytest.raises(BadCheckpoint):
        verified(file, *kept_elsewhere, verifiers=[replaced.after])
    both = [replaced.after, replaced.before]
    assert verified(file, *kept_elsewhere, verifiers=both).problem is None


@pytest.mark.usefixtures("log")
async def test_a_note_that_the_old_key_did_not_sign_gets_no_other_signature(
    database_url: str,
) -> None:
    with owner(database_url) as conn:
        conn.execute("UPDATE ops.checkpoints SET note = replace(note, 'events 4', 'events 5')")
    before = notes(database_url)
    with pytest.raises(BadCheckpoint):
        replace_signing_key(database_url, ROOT)
    with pytest.raises(WrongRootKey):
        replace_signing_key(database_url, b"x" * 32)
    assert notes(database_url) == before


@pytest.mark.usefixtures("log")
async def test_no_key_is_replaced_under_a_service_that_runs(database_url: str) -> None:
    async with key_of(database_url):
        with pytest.raises(StillUsed):
            replace_signing_key(database_url, ROOT)


def test_where_nothing_was_signed_there_is_nothing_to_replace(database_url: str) -> None:
    create_store(database_url)
    with pytest.raises(NothingSigned):
        replace_signing_key(database_url, ROOT)
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT name FROM ops.secrets").fetchall() == []

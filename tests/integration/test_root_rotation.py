"""Everything that one root key wraps is wrapped by another, whole or not at all."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from events.values import Sealed
from services.database.connections import open_pool, owner_conninfo, service_conninfo
from services.database.root_rotation import rotate_root_key
from services.database.unused import StillUsed
from services.database.vault import Person, Vault, WrongRootKey
from tests.support.command_line import invoked

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
SIGNING = b"signing key"


@asynccontextmanager
async def opened(url: str, root_key: bytes) -> AsyncIterator[Vault]:
    """The vault of a service that runs until the block ends."""
    async with await open_pool(service_conninfo(url), 1, 2, "test") as pool:
        vault = Vault(pool, root_key)
        await vault.open()
        yield vault


async def written(url: str, people: int) -> tuple[list[Sealed], str]:
    """What was sealed for so many people, and the name of an address, all under OLD."""
    async with opened(url, OLD) as vault:
        await vault.secret("signing_key", lambda: SIGNING)
        persons = [vault.new_person() for _ in range(people)]
        claim = vault.claim("ann@example.com")
    with psycopg.connect(owner_conninfo(url)) as conn, conn.cursor() as cursor:
        cursor.executemany(_KEEP, [(p.person, p.wrapped) for p in persons])
    return [person.seal(text(n)) for n, person in enumerate(persons)], claim


_KEEP = "INSERT INTO ops.person_keys (person, wrapped) VALUES (%s, %s)"


def text(number: int) -> str:
    return f"person {number}"


async def test_what_was_sealed_is_opened_under_the_new_key_alone(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.database.root_rotation.AT_ONCE", 3)
    sealed, claim = await written(url, 8)
    assert rotate_root_key(url, OLD, NEW) == 8 + len(["pepper", "signing key"])
    async with opened(url, NEW) as vault:
        assert [(await vault.open_all(sealed))[each] for each in sealed] == [
            text(number) for number in range(8)
        ]
        assert await vault.secret("signing_key", lambda: b"another") == SIGNING
        assert vault.claim("ann@example.com") == claim
    with pytest.raises(WrongRootKey):
        async with opened(url, OLD):
            pass


async def test_a_second_time_there_is_nothing_to_do(url: str) -> None:
    await written(url, 1)
    assert rotate_root_key(url, OLD, NEW) == 3
    assert rotate_root_key(url, OLD, NEW) == 0


async def test_nothing_is_wrapped_anew_under_a_service_that_runs(url: str) -> None:
    sealed, _ = await written(url, 1)
    async with opened(url, OLD) as vault:
        with pytest.raises(StillUsed):
            rotate_root_key(url, OLD, NEW)
        assert await vault.open_all(sealed) == {sealed[0]: text(0)}


async def test_a_key_that_does_not_open_leaves_all_as_it_was(url: str) -> None:
    sealed, _ = await written(url, 1)
    with psycopg.connect(owner_conninfo(url)) as conn:
        conn.execute(_KEEP, ("p-spoilt", Person("p-spoilt", b"k" * 32, b"w" * 60).wrapped))
    with pytest.raises(WrongRootKey):
        rotate_root_key(url, OLD, NEW)
    with pytest.raises(WrongRootKey):
        rotate_root_key(url, OTHER, NEW)
    async with opened(url, OLD) as vault:
        assert await vault.open_all(sealed) == {sealed[0]: text(0)}


async def test_an_operator_is_told_what_comes_next(url: str, tmp_path: Path) -> None:
    await written(url, 1)
    file = tmp_path / "new.key"
    file.write_text(base64.b64encode(NEW).decode())
    env = {
        "TEAMLEDGER_DATABASE_URL": url,
        "TEAMLEDGER_MASTER_KEY": "sk-1234567",
        "TEAMLEDGER_ROOT_KEY": base64.b64encode(OLD).decode(),
    }
    file.chmod(0o644)
    assert "open to others" in invoked("rotate-root-key", str(file), **env).stderr
    file.chmod(0o600)
    done = invoked("rotate-root-key", str(file), **env)
    assert (done.exit_code, "3 keys" in done.stdout) == (0, True)
    assert f"set TEAMLEDGER_ROOT_KEY to what {file} holds" in done.stdout
    file.write_text("not a key")
    refused = invoked("rotate-root-key", str(file), **env)
    assert (refused.exit_code, "must be 32 bytes in base64" in refused.stderr) == (2, True)

"""The vault on a real database: sealed, opened, forgotten, and never under another root key."""

from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.values import Sealed
from services.database.connections import Pool, open_pool, service_conninfo
from services.database.vault import NONCE_BYTES, Person, Vault, WrongRootKey
from tests.support.eventlog import create_store

ROOT, OTHER_ROOT = b"r" * 32, b"s" * 32


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    create_store(database_url)
    async with await open_pool(service_conninfo(database_url), 1, 2, "test") as pool:
        yield pool


async def opened(pool: Pool) -> Vault:
    """A vault as a process opens it: it remembers nothing of earlier ones."""
    vault = Vault(pool, ROOT)
    await vault.open()
    return vault


async def store(pool: Pool, person: Person) -> None:
    """Keep a person's key, as the append does that brings the person about."""
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO ops.person_keys (person, wrapped) VALUES (%s, %s)",
            (person.person, person.wrapped),
        )


async def forget(pool: Pool, person: str) -> None:
    async with pool.connection() as conn:
        await conn.execute("DELETE FROM ops.person_keys WHERE person = %s", (person,))


async def read(vault: Vault, *sealed: Sealed) -> list[str | None]:
    found = await vault.open_all(sealed)
    return [found[each] for each in sealed]


async def test_what_one_process_seals_another_opens(pool: Pool) -> None:
    vault = await opened(pool)
    ann, bob = vault.new_person(), vault.new_person()
    await store(pool, ann)
    await store(pool, bob)
    sealed = [ann.seal("ann@example.com"), bob.seal("Боб 🐟"), ann.seal("")]
    another = await opened(pool)
    assert another.missing(sealed) == {ann.person, bob.person}
    assert await read(another, *sealed) == ["ann@example.com", "Боб 🐟", ""]
    assert another.missing(sealed) == set()


async def test_the_box_tells_nothing_and_never_repeats(pool: Pool) -> None:
    vault = await opened(pool)
    ann = vault.new_person()
    first, second = ann.seal("ann@example.com"), ann.seal("ann@example.com")
    assert first.person == second.person == ann.person
    assert first.box != second.box


async def test_a_person_is_never_drawn_twice(pool: Pool) -> None:
    vault = await opened(pool)
    people = [vault.new_person() for _ in range(100)]
    assert len({p.person for p in people}) == len({p.key for p in people}) == 100


async def test_a_forgotten_person_reads_as_nothing(pool: Pool) -> None:
    vault = await opened(pool)
    ann, bob = vault.new_person(), vault.new_person()
    await store(pool, ann)
    await store(pool, bob)
    sealed = [ann.seal("ann@example.com"), bob.seal("bob@example.com")]
    await forget(pool, ann.person)
    later = await opened(pool)
    assert await read(later, *sealed) == [None, "bob@example.com"]


async def test_a_key_that_was_not_fetched_is_a_reason_to_fetch(pool: Pool) -> None:
    vault = await opened(pool)
    with pytest.raises(KeyError):
        vault.peek(Sealed(person="p-nobody", box=""))


async def test_a_box_moved_to_another_person_reads_as_nothing(pool: Pool) -> None:
    vault = await opened(pool)
    ann, bob = vault.new_person(), vault.new_person()
    await store(pool, ann)
    await store(pool, bob)
    stolen = Sealed(person=bob.person, box=ann.seal("secret").box)
    assert await read(vault, stolen) == [None]


async def test_another_root_key_is_refused_and_changes_nothing(pool: Pool) -> None:
    vault = await opened(pool)
    ann = vault.new_person()
    await store(pool, ann)
    sealed, claim = ann.seal("ann@example.com"), vault.claim("ann@example.com")
    with pytest.raises(WrongRootKey, match="TEAMLEDGER_ROOT_KEY"):
        await Vault(pool, OTHER_ROOT).open()
    again = await opened(pool)
    assert await read(again, sealed) == ["ann@example.com"]
    assert again.claim("ann@example.com") == claim


async def test_a_key_wrapped_under_another_root_is_no_forgotten_person(pool: Pool) -> None:
    """It must stop the reader: to show nothing would look like somebody was forgotten."""
    vault = await opened(pool)
    ann = vault.new_person()
    nonce = b"n" * NONCE_BYTES
    wrapped = nonce + AESGCM(OTHER_ROOT).encrypt(nonce, ann.key, ann.person.encode())
    await store(pool, Person(ann.person, ann.key, wrapped))
    with pytest.raises(WrongRootKey, match=ann.person):
        await read(vault, ann.seal("ann@example.com"))


@pytest.mark.parametrize(
    "spelling", ["ann@example.com", "ANN@EXAMPLE.COM", " Ann@Example.com", "ann@example.com\t"]
)
async def test_d28_an_address_has_one_claim_whatever_its_case(pool: Pool, spelling: str) -> None:
    vault = await opened(pool)
    assert vault.claim(spelling) == vault.claim("ann@example.com")


async def test_d28_letters_that_look_alike_when_composed_are_alike(pool: Pool) -> None:
    vault = await opened(pool)
    assert vault.claim("Zo\u00eb@example.com") == vault.claim("zoe\u0308@example.com")
    assert vault.claim("STRASSE@example.com") == vault.claim("straße@example.com")
    assert vault.claim("zoe@example.com") != vault.claim("zoë@example.com")


async def test_a_claim_tells_nothing_without_the_pepper(pool: Pool) -> None:
    vault = await opened(pool)
    claim = vault.claim("ann@example.com")
    async with pool.connection() as conn:
        await conn.execute("DELETE FROM ops.secrets WHERE name = 'pepper'")
    elsewhere = await opened(pool)
    assert elsewhere.claim("ann@example.com") != claim


async def test_every_process_has_the_same_pepper(pool: Pool) -> None:
    one = await opened(pool)
    other = await opened(pool)
    assert one.claim("ann@example.com") == other.claim("ann@example.com")


async def test_a_claim_is_sealed_for_a_person_of_its_own(pool: Pool) -> None:
    vault = await opened(pool)
    by_ann = await vault.seal_for(None, "10.0.0.1", named="ann")
    by_bob = await vault.seal_for(None, "10.0.0.1", named="bob")
    assert by_ann.person != by_bob.person
    assert "ann" not in by_ann.person
    assert (await vault.seal_for(None, "10.0.0.2", named="ANN")).person == by_ann.person
    later = await opened(pool)
    assert (await later.seal_for(None, "x", named="ann")).person == by_ann.person
    assert await read(later, by_ann, by_bob) == ["10.0.0.1", "10.0.0.1"]


async def test_the_same_text_for_the_same_person_is_sealed_once(pool: Pool) -> None:
    vault = await opened(pool)
    first = await vault.seal_for(None, "10.0.0.1", named="ann")
    assert await vault.seal_for(None, "10.0.0.1", named="ann") == first
    assert await vault.seal_for(None, "10.0.0.2", named="ann") != first


async def test_what_was_sealed_before_forgetting_stays_closed_when_the_name_comes_back(
    pool: Pool,
) -> None:
    vault = await opened(pool)
    before = await vault.seal_for(None, "10.0.0.1", named="ann")
    await forget(pool, before.person)
    later = await opened(pool)
    after = await later.seal_for(None, "10.0.0.2", named="ann")
    assert after.person == before.person
    assert await read(later, before, after) == [None, "10.0.0.2"]


async def test_personal_data_can_be_sealed_for_a_person_known_already(pool: Pool) -> None:
    vault = await opened(pool)
    ann = vault.new_person()
    await store(pool, ann)
    sealed = await vault.seal_for(ann.person, "Ann", named="unused")
    assert sealed.person == ann.person
    assert await read(vault, sealed) == ["Ann"]

"""The vault: personal data sealed under a key per person (architecture, section 2).

A person's key is kept in `ops.person_keys`, wrapped by the root key; without the row the data can
be read by nobody. E-mail addresses are compared by an HMAC under a pepper that only the vault
knows. Sealing and opening are AES-256-GCM; the person's id is authenticated along.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import AsyncConnectionPool

from events.values import Sealed
from services.database.connections import owner_conninfo

NONCE_BYTES = 12
KEPT_KEYS = 200_000
_ATTEMPTS = 5

# Also what was put into the place of a forgotten person's key again: by a backup, or by whoever was
# about to seal something for him meanwhile.
_FORGET = """
WITH forgotten AS MATERIALIZED (
    SELECT e.notification_id AS position, json_array_elements_text(
        convert_from(e.state, 'UTF8')::json->'data'->'persons') AS person
    FROM events.stored_events e WHERE e.topic = 'user.forgotten' AND e.notification_id > %s
), destroyed AS (
    DELETE FROM ops.person_keys k USING forgotten f
    WHERE k.person = f.person AND k.since < f.position
)
SELECT position, person FROM forgotten
"""
_FINGERPRINT = "SELECT value FROM ops.secrets WHERE name = 'root_fingerprint'"
_NEW_PERSON = """
INSERT INTO ops.person_keys (person, wrapped, since)
SELECT %s, %s, coalesce(max(notification_id), 0) FROM events.stored_events ON CONFLICT DO NOTHING
"""


class WrongRootKey(Exception):
    """The database was written under another root key; refusing protects both."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person's key, in the clear for sealing and wrapped for storing."""

    person: str
    key: bytes
    wrapped: bytes

    def seal(self, text: str) -> Sealed:
        nonce = secrets.token_bytes(NONCE_BYTES)
        box = nonce + AESGCM(self.key).encrypt(nonce, text.encode(), self.person.encode())
        return Sealed(person=self.person, box=base64.b64encode(box).decode())


def normalised(email: str) -> str:
    """How addresses are compared everywhere: without regard to case (register D28)."""
    return unicodedata.normalize("NFC", email).strip().casefold()


def root_fingerprint(root_key: bytes) -> bytes:
    """By which a root key is recognised, and from which nobody can tell it."""
    return hashlib.sha256(b"teamledger root key" + root_key).digest()


def wrapped(root: AESGCM, name: str, key: bytes) -> bytes:
    """A key as it is stored: under the root key, and only under its own name."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + root.encrypt(nonce, key, name.encode())


def unwrapped(root: AESGCM, name: str, stored: bytes) -> bytes:
    """The key itself. Raises WrongRootKey."""
    nonce, cipher = stored[:NONCE_BYTES], stored[NONCE_BYTES:]
    try:
        return root.decrypt(nonce, cipher, name.encode())
    except InvalidTag:
        raise WrongRootKey(f"the root key does not open the key of {name}") from None


def check_root_key(url: str, root_key: bytes) -> None:
    """Raise WrongRootKey for a database under another root key, before a service is started."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        row = conn.execute(_FINGERPRINT).fetchone()
    if row is not None:
        _recognise(bytes(row[0]), root_fingerprint(root_key))


def _recognise(stored: bytes, fingerprint: bytes) -> None:
    if not hmac.compare_digest(stored, fingerprint):
        raise WrongRootKey(
            "the root key is not the one this database was written under; "
            "set TEAMLEDGER_ROOT_KEY to that key"
        )


class Vault:
    """Keys of persons, fetched per batch and kept in memory up to a bound."""

    def __init__(self, pool: AsyncConnectionPool[Any], root_key: bytes) -> None:
        self._pool = pool
        self._root = AESGCM(root_key)
        self._fingerprint = root_fingerprint(root_key)
        self._pepper = b""
        self._keys: OrderedDict[str, bytes | None] = OrderedDict()
        self._written: OrderedDict[tuple[str, str], Sealed] = OrderedDict()
        self._forgotten_at = 0

    async def open(self) -> None:
        """Check the root key against the database; the first start leaves its fingerprint.

        Whoever was forgotten according to the log is forgotten again: what a backup brought back
        is destroyed at every start. Raises WrongRootKey for a database under another root key.
        """
        pepper = secrets.token_bytes(32)
        first = [
            ("root_fingerprint", self._fingerprint),
            ("pepper", self._wrap("pepper", pepper)),
        ]
        async with self._pool.connection() as conn:
            for name, value in first:
                await conn.execute(
                    "INSERT INTO ops.secrets VALUES (%s, %s) ON CONFLICT DO NOTHING", (name, value)
                )
            rows = await (await conn.execute("SELECT name, value FROM ops.secrets")).fetchall()
        stored = {name: bytes(value) for name, value in rows}
        _recognise(stored["root_fingerprint"], self._fingerprint)
        self._pepper = self._unwrap("pepper", stored["pepper"])
        await self._forget()

    async def forget_up_to(self, position: int) -> None:
        """Know nobody any more who was forgotten up to that position of the log."""
        if position > self._forgotten_at:
            await self._forget()

    async def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A secret of this installation: made once, kept wrapped by the root key."""
        fresh = (name, self._wrap(name, make()))
        async with self._pool.connection() as conn:
            await conn.execute(
                "INSERT INTO ops.secrets VALUES (%s, %s) ON CONFLICT DO NOTHING", fresh
            )
            cursor = await conn.execute("SELECT value FROM ops.secrets WHERE name = %s", (name,))
            [(wrapped,)] = await cursor.fetchall()
        return self._unwrap(name, bytes(wrapped))

    def claim(self, email: str) -> str:
        """The name under which an e-mail address is reserved; tells nothing without the pepper."""
        return self._hmac("email", normalised(email))

    def digest(self, record: str) -> str:
        """By which a record of another system is recognised; tells nothing without the pepper."""
        return self._hmac("record", record)

    def new_person(self) -> Person:
        """A key for a user about to exist; stored with the fact that creates him, or never."""
        return self._person(f"p-{uuid.uuid4().hex}", secrets.token_bytes(32))

    def holder(self, purpose: str, identity: str) -> str:
        """Nobody: who is called by what names a thing cannot be mistaken for it and forgotten."""
        return f"t-{self._hmac(purpose, identity)}"

    def person_named(self, name: str) -> str:
        """Whoever is called that in a claim, or as the caller of a request: see `seal_for`."""
        return f"c-{self._hmac('claim', normalised(name))}"

    async def known(self, persons: Iterable[str]) -> set[str]:
        """Those of these persons who have a key."""
        async with self._pool.connection() as conn:
            query = "SELECT person FROM ops.person_keys WHERE person = ANY (%s)"
            rows = await (await conn.execute(query, (list(persons),))).fetchall()
        return {str(person) for (person,) in rows}

    async def seal_for(self, person: str | None, text: str, *, named: str) -> Sealed:
        """Seal under a known person's key, else under that of the person called `named`.

        The same text for the same person is sealed once and reused.
        """
        person = person or self.person_named(named)
        known = self._written.get((person, text))
        if known is not None:
            return known
        sealed = (await self._existing_person(person)).seal(text)
        self._written[person, text] = sealed
        if len(self._written) > KEPT_KEYS // 10:
            self._written.popitem(last=False)
        return sealed

    def missing(self, sealed: Iterable[Sealed]) -> set[str]:
        """Persons whose keys are not at hand; whoever was forgotten may have got another since."""
        return {s.person for s in sealed if self._keys.get(s.person) is None}

    def peek(self, sealed: Sealed) -> str | None:
        """Open with a key at hand; None for a forgotten person. KeyError: fetch first."""
        key = self._keys[sealed.person]
        if key is None:
            return None
        box = base64.b64decode(sealed.box)
        nonce, cipher = box[:NONCE_BYTES], box[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, cipher, sealed.person.encode()).decode()
        except InvalidTag:
            return None

    async def fetch(self, persons: Iterable[str]) -> None:
        """Bring keys into memory; a person without a key counts as forgotten until asked again."""
        wanted = list(persons)
        if not wanted:
            return
        as_of = -1
        while as_of != self._forgotten_at:  # else a key could be kept that was destroyed meanwhile
            as_of = self._forgotten_at
            async with self._pool.connection() as conn:
                cursor = await conn.execute(
                    "SELECT person, wrapped FROM ops.person_keys WHERE person = ANY(%s)", (wanted,)
                )
                found = dict(await cursor.fetchall())
        for person in wanted:
            wrapped = found.get(person)
            self._keep(person, None if wrapped is None else self._unwrap(person, wrapped))

    async def open_all(self, sealed: Iterable[Sealed]) -> Mapping[Sealed, str | None]:
        """Open many at once; None where the person was forgotten."""
        wanted = list(sealed)
        await self.fetch(self.missing(wanted))
        return {s: self.peek(s) for s in wanted}

    async def _existing_person(self, person: str) -> Person:
        """With a key made now if there is none, or only that of somebody who is forgotten."""
        for _ in range(_ATTEMPTS):
            key = self._keys.get(person)
            if key is not None:
                return self._person(person, key)
            fresh = self._person(person, secrets.token_bytes(32))
            async with self._pool.connection() as conn:
                await conn.execute(_NEW_PERSON, (person, fresh.wrapped))
            await self.fetch([person])
        raise LookupError(f"no key for person {person}")

    async def _forget(self) -> None:
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_FORGET, (self._forgotten_at,))).fetchall()
        gone = {str(person) for _, person in rows}
        for person in gone:
            self._keys.pop(person, None)
        for place in [place for place in self._written if place[0] in gone]:
            del self._written[place]
        self._forgotten_at = max([self._forgotten_at, *(int(position) for position, _ in rows)])

    def _person(self, person: str, key: bytes) -> Person:
        return Person(person, key, self._wrap(person, key))

    def _keep(self, person: str, key: bytes | None) -> None:
        self._keys[person] = key
        if len(self._keys) > KEPT_KEYS:
            self._keys.popitem(last=False)

    def _hmac(self, purpose: str, text: str) -> str:
        message = f"{purpose}:{text}".encode()
        return hmac.new(self._pepper, message, hashlib.sha256).hexdigest()

    def _wrap(self, name: str, key: bytes) -> bytes:
        return wrapped(self._root, name, key)

    def _unwrap(self, name: str, stored: bytes) -> bytes:
        return unwrapped(self._root, name, stored)

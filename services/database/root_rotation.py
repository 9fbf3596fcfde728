"""Putting everything that the root key wraps under another one, while no process uses it.

What is wrapped stays as it is: keys of persons and holders, the pepper, the signing key. So nothing
that was sealed or signed changes, and who has the old root key and an older copy of the database
can still read that copy.
"""

import hmac
from typing import Any, LiteralString

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.database.connections import owner_conninfo
from services.database.unused import check_unused
from services.database.vault import WrongRootKey, root_fingerprint, unwrapped, wrapped

AT_ONCE = 5_000
FINGERPRINT = "root_fingerprint"
_SECRETS: tuple[LiteralString, LiteralString] = (
    "SELECT name, value FROM ops.secrets WHERE name <> 'root_fingerprint'",
    "UPDATE ops.secrets SET value = %s WHERE name = %s",
)
_PERSONS: tuple[LiteralString, LiteralString] = (
    "SELECT person, wrapped FROM ops.person_keys",
    "UPDATE ops.person_keys SET wrapped = %s WHERE person = %s",
)
_LOCK = "LOCK TABLE ops.secrets, ops.person_keys IN EXCLUSIVE MODE"


def rotate_root_key(url: str, old: bytes, new: bytes) -> int:
    """Wrap everything by `new` that `old` wraps, in one transaction; the number of keys.

    It is 0 where that was done before. Whoever starts meanwhile waits, and is then refused under
    the old key. Raises StillUsed, and WrongRootKey where neither key is that of the database.
    """
    with psycopg.connect(owner_conninfo(url)) as conn:
        conn.execute(_LOCK)
        if _is(new, conn):
            return 0
        if not _is(old, conn):
            raise WrongRootKey("the root key that is set is not the one of this database")
        check_unused(conn)
        before, after = AESGCM(old), AESGCM(new)
        done = sum(_rewrap(conn, *where, before, after) for where in (_SECRETS, _PERSONS))
        conn.execute(
            "UPDATE ops.secrets SET value = %s WHERE name = %s",
            (root_fingerprint(new), FINGERPRINT),
        )
    return done


def _is(key: bytes, conn: psycopg.Connection[Any]) -> bool:
    query = "SELECT value FROM ops.secrets WHERE name = %s"
    row = conn.execute(query, (FINGERPRINT,)).fetchone()
    return row is not None and hmac.compare_digest(bytes(row[0]), root_fingerprint(key))


def _rewrap(
    conn: psycopg.Connection[Any],
    found: LiteralString,
    changed: LiteralString,
    old: AESGCM,
    new: AESGCM,
) -> int:
    done = 0
    with conn.cursor("kept") as reading, conn.cursor() as writing:
        reading.execute(found)
        while rows := reading.fetchmany(AT_ONCE):
            writing.executemany(
                changed,
                [(wrapped(new, name, unwrapped(old, name, stored)), name) for name, stored in rows],
            )
            done += len(rows)
    return done

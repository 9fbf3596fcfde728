"""The key that checkpoints are signed by: made once, kept under the root key, replaced by another.

Checkpoints that are there get a second signature when it is replaced, so whoever trusts the new key
needs no other for the whole log; what the old one signed holds for those who trust that.
"""

from dataclasses import dataclass

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.database.connections import owner_conninfo
from services.database.unused import check_unused
from services.database.vault import Vault, unwrapped, wrapped
from services.proof.checkpoint import cosigned, opened, public_text

ORIGIN = "teamledger/{log}"
NAME = "signing_key"
AT_ONCE = 5_000
_KEY = "SELECT value FROM ops.secrets WHERE name = %s FOR UPDATE"
_LOG = "SELECT log FROM ops.seal FOR UPDATE"
_NOTES = "SELECT size, note FROM ops.checkpoints ORDER BY size"
_COSIGN = "UPDATE ops.checkpoints SET note = %s WHERE size = %s"


class NothingSigned(Exception):
    """There is no signing key yet: no process has ever sealed anything."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The verifier keys before and after, and how many checkpoints both have signed."""

    before: str
    after: str
    checkpoints: int


async def signing_key(vault: Vault) -> Ed25519PrivateKey:
    """That of this installation."""
    made = Ed25519PrivateKey.generate
    raw = await vault.secret(NAME, lambda: made().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(raw)


def replace_signing_key(url: str, root_key: bytes) -> Replaced:
    """Make another one and have it sign every checkpoint that the present one signed.

    Raises StillUsed, NothingSigned, WrongRootKey, and BadCheckpoint for one that the present key
    did not sign: nothing is changed then.
    """
    root = AESGCM(root_key)
    with psycopg.connect(owner_conninfo(url)) as conn:
        log = conn.execute(_LOG).fetchone()
        stored = conn.execute(_KEY, (NAME,)).fetchone()
        if log is None or stored is None:
            raise NothingSigned("no checkpoint was ever signed: there is no key to replace")
        check_unused(conn)
        old = Ed25519PrivateKey.from_private_bytes(unwrapped(root, NAME, stored[0]))
        new = Ed25519PrivateKey.generate()
        done = _cosign(conn, old, new)
        box = wrapped(root, NAME, new.private_bytes_raw())
        conn.execute("UPDATE ops.secrets SET value = %s WHERE name = %s", (box, NAME))
        origin = ORIGIN.format(log=log[0])
        before, after = (public_text(origin, key.public_key()) for key in (old, new))
        conn.execute("UPDATE ops.seal SET verifier = %s", (after,))
    return Replaced(before, after, done)


def _cosign(
    conn: psycopg.Connection[tuple[int, str]], old: Ed25519PrivateKey, new: Ed25519PrivateKey
) -> int:
    done, trusted = 0, old.public_key()
    with conn.cursor("notes") as reading, conn.cursor() as writing:
        reading.execute(_NOTES)
        while rows := reading.fetchmany(AT_ONCE):
            for _, note in rows:
                opened(note, trusted)
            writing.executemany(_COSIGN, [(cosigned(note, new), size) for size, note in rows])
            done += len(rows)
    return done

"""Checkpoints: the size and root of the tree, signed, as a note that other tools read.

The form is that of C2SP's tlog-checkpoint and signed-note: origin, size, root in base64, further
lines of ours, an empty line, and a signature by Ed25519.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from events.values import timestamp

ED25519 = b"\x01"
KEY_ID_BYTES = 4
FIELDS = ("events", "usage", "epoch", "time")


class BadCheckpoint(ValueError):
    """The text is no checkpoint, or nobody who may has signed it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree as it was at a moment: `events` and `usage` are the last positions in it."""

    origin: str
    size: int
    root: bytes
    events: int
    usage: int
    epoch: str
    time: datetime

    def body(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        further = (self.events, self.usage, self.epoch, timestamp(self.time))
        lines = [f"{name} {value}" for name, value in zip(FIELDS, further, strict=True)]
        return "\n".join([self.origin, str(self.size), root, *lines]) + "\n"

    def signed(self, key: Ed25519PrivateKey) -> str:
        """The whole note."""
        body = self.body()
        return f"{body}\n{_signature(self.origin, body, key)}"


def cosigned(note: str, key: Ed25519PrivateKey) -> str:
    """The same note with one more signature: it holds for whoever trusts either key."""
    body = note.partition("\n\n")[0] + "\n"
    return note + _signature(body.partition("\n")[0], body, key)


def opened(note: str, *publics: Ed25519PublicKey) -> Checkpoint:
    """What a note says, once a signature by one of the keys holds; raises BadCheckpoint."""
    body, _, signatures = note.partition("\n\n")
    body += "\n"
    lines = body.splitlines()
    try:
        origin, size, root = lines[:3]
        further = dict(line.split(" ", 1) for line in lines[3:])
        checkpoint = Checkpoint(
            origin=origin,
            size=int(size),
            root=base64.b64decode(root, validate=True),
            events=int(further["events"]),
            usage=int(further["usage"]),
            epoch=further["epoch"],
            time=datetime.fromisoformat(further["time"]),
        )
    except (KeyError, ValueError) as error:
        raise BadCheckpoint(f"this is no checkpoint: {error}") from None
    lines = signatures.splitlines()
    if not any(_holds(line, origin, body, public) for line in lines for public in publics):
        raise BadCheckpoint("the checkpoint is not signed by the key that was given")
    return checkpoint


def public_text(origin: str, public: Ed25519PublicKey) -> str:
    """A verifier key as signed notes have it: name, key id and key."""
    raw = base64.b64encode(ED25519 + public.public_bytes_raw()).decode()
    return f"{origin}+{_key_id(origin, public).hex()}+{raw}"


def public_key(text: str) -> Ed25519PublicKey:
    """The key of a verifier text; raises BadCheckpoint."""
    try:
        raw = base64.b64decode(text.strip().split("+", 2)[2], validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw[1:])
    except (IndexError, ValueError):
        raise BadCheckpoint("this is no verifier key, such as origin+0a1b2c3d+AX5…") from None
    if raw[:1] != ED25519:
        raise BadCheckpoint("this verifier key is not for Ed25519")
    return key


def _signature(origin: str, body: str, key: Ed25519PrivateKey) -> str:
    signature = _key_id(origin, key.public_key()) + key.sign(body.encode())
    return f"— {origin} {base64.b64encode(signature).decode()}\n"


def _key_id(origin: str, public: Ed25519PublicKey) -> bytes:
    named = origin.encode() + b"\n" + ED25519 + public.public_bytes_raw()
    return hashlib.sha256(named).digest()[:KEY_ID_BYTES]


def _holds(line: str, origin: str, body: str, public: Ed25519PublicKey) -> bool:
    mark, _, rest = line.partition(" ")
    name, _, text = rest.rpartition(" ")
    if mark != "—" or name != origin:
        return False
    try:
        signature = base64.b64decode(text, validate=True)
        public.verify(signature[KEY_ID_BYTES:], body.encode())
    except (ValueError, InvalidSignature):
        return False
    return signature[:KEY_ID_BYTES] == _key_id(origin, public)

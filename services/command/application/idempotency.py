"""Idempotency keys: a repeated POST gets the first answer again (architecture, section 4).

What is remembered is the answer sealed under a key derived from the caller's credential, so that
the table tells nobody else anything. Refusals are not remembered.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.values import JsonObject, Sealed
from services.spend.budgets import Account

MAX_KEY_LENGTH = 255
_MARK, _SPENT = "\x00sealed", "\x00spent"


class KeyReused(Exception):
    """The same idempotency key came with another body: 422, nothing was done."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """One caller's key for one request body."""

    caller: bytes
    key: str
    body_hash: bytes
    _secret: bytes

    @classmethod
    def of(cls, secret: str, key: str, route: str, body: bytes) -> "Idempotency":
        """From the credential presented; the route counts as part of the body."""
        derived = hashlib.blake2b(secret.encode(), digest_size=32, person=b"idempotency")
        return cls(
            caller=hashlib.sha256(secret.encode()).digest(),
            key=key,
            body_hash=hashlib.sha256(route.encode() + b"\0" + body).digest(),
            _secret=derived.digest(),
        )

    def seal(self, answer: JsonObject) -> bytes:
        nonce = secrets.token_bytes(12)
        plain = orjson.dumps(answer, default=_marked)
        return nonce + AESGCM(self._secret).encrypt(nonce, plain, self.body_hash)

    def open(self, box: bytes) -> JsonObject:
        plain = AESGCM(self._secret).decrypt(box[:12], box[12:], self.body_hash)
        answer: JsonObject = _restored(orjson.loads(plain))
        return answer


def _marked(value: object) -> object:
    if isinstance(value, Sealed):
        return {_MARK: [value.person, value.box]}
    if isinstance(value, Account):
        return {_SPENT: list(value)}
    raise TypeError(f"{type(value).__name__} in an answer")


def _restored(value: Any) -> Any:  # noqa: ANN401
    """Sealed values are remembered sealed: a person forgotten since stays forgotten.

    Of spend is remembered whose it is: it is what it is whenever it is answered.
    """
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if (box := value.get(_MARK)) is not None:
        return Sealed(person=box[0], box=box[1])
    if (account := value.get(_SPENT)) is not None:
        return Account(*account)
    return {key: _restored(item) for key, item in value.items()}

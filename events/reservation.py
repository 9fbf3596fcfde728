"""Uniqueness over a set: whoever holds the name's stream holds the name.

E-mail addresses: `email-{HMAC(pepper, normalised address)}`; key aliases: `key_alias-{sha256}`.
The stream's name tells nothing to those without the pepper.
"""

from typing import ClassVar

from events.registry import DomainEvent, fact


@fact("name.reserved")
class NameReserved(DomainEvent):
    begins_life: ClassVar[bool] = True

    holder: str


@fact("name.released")
class NameReleased(DomainEvent):
    holder: str

"""People who do not exist, the same ones for the same seed."""

import hashlib
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.cli.company.names import NAMES, UNFOLDED

Role = Literal["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]


@dataclass(frozen=True, slots=True)
class Person:
    """Ids tell nothing of the person, so that he can be forgotten."""

    user_id: str
    name: str
    email: str
    role: Role = "internal_user"


def people(seed: int, count: int) -> list[Person]:
    """So many people of all cultures, no two with the same address under example.com."""
    drawn = random.Random(seed)  # noqa: S311 - people, not secrets
    found: dict[str, Person] = {}
    for number, name in enumerate(_names(drawn)):
        email = f"{_folded(name)}@example.com"
        found.setdefault(email, Person(_user_id(seed, number), name, email))
        if len(found) == count:
            break
    return list(found.values())


def _names(drawn: random.Random) -> Iterator[str]:
    while True:
        first, last = NAMES[int(drawn.random() * len(NAMES))]
        yield f"{_one_of(first, drawn)} {_one_of(last, drawn)}"


def _one_of(words: str, drawn: random.Random) -> str:
    choice = words.split()
    return choice[int(drawn.random() * len(choice))]


def _user_id(seed: int, number: int) -> str:
    return "u-" + hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()[:10]


def _folded(name: str) -> str:
    """`Łukasz Wójcik` as `lukasz.wojcik`."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(UNFOLDED))
    return "".join(c for c in plain if c.isascii()).replace(" ", ".")

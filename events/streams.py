"""Names of streams: a kind, a hyphen, an id. Ids are opaque and may hold any character."""

from typing import NewType

Stream = NewType("Stream", str)

TEAM, USER, KEY, EMAIL, KEY_ALIAS = "team", "user", "key", "email", "key_alias"
ORGANIZATION, BUDGET, SPEND = "organization", "budget", "spend"
QUARANTINE, DEAD_LETTERS, AUDIT = "quarantine", "dead_letters", "audit"
ALERT, WEBHOOK = "alert", "webhook"


def stream(kind: str, identity: str) -> Stream:
    """The stream of the thing `identity` of that kind."""
    return Stream(f"{kind}-{identity}")


def kind_and_id(name: str) -> tuple[str, str]:
    """The inverse of `stream`: kinds hold no hyphen, ids may."""
    kind, _, identity = name.partition("-")
    return kind, identity

"""What hangs on what: keys on teams and users, teams on users. Derived from facts alone.

The links are written with the facts and can be rebuilt from them; the command side uses them to
find what a deletion concerns, and which teams a user is in.
"""

from dataclasses import dataclass
from typing import Literal

from events.envelope import Envelope
from events.key import KeyDeleted, KeyGenerated, KeySettings
from events.streams import TEAM, USER, stream
from events.team import MemberAdded, MemberRemoved, TeamDeleted

TEAMS, KEYS = "teams", "keys"


def keys_of_member(user_id: str) -> str:
    """The kind of link from a team to the keys that one member has in it."""
    return f"keys/{user_id}"


@dataclass(frozen=True, slots=True)
class Link:
    """`drop` removes every link that leads to `child`, whatever its parent."""

    action: Literal["add", "remove", "drop"]
    parent: str
    kind: str
    child: str
    since: int = 0


def links(envelope: Envelope) -> list[Link]:
    """The changes that one fact makes."""
    stream_name, since = envelope.originator_id, envelope.position
    match envelope.event:
        case MemberAdded(user_id=user_id):
            return [Link("add", stream(USER, user_id), TEAMS, stream_name, since)]
        case MemberRemoved(user_id=user_id):
            return [Link("remove", stream(USER, user_id), TEAMS, stream_name)]
        case TeamDeleted():
            return [Link("drop", "", TEAMS, stream_name)]
        case KeyGenerated(settings=settings):
            return [Link("add", p, k, stream_name, since) for p, k in _owners(settings)]
        case KeyDeleted(settings=settings):
            return [Link("remove", p, k, stream_name) for p, k in _owners(settings)]
    return []


def _owners(settings: KeySettings) -> list[tuple[str, str]]:
    owners: list[tuple[str, str]] = []
    if settings.team_id is not None:
        owners.append((stream(TEAM, settings.team_id), KEYS))
    if settings.user_id is not None:
        owners.append((stream(USER, settings.user_id), KEYS))
    if settings.team_id is not None and settings.user_id is not None:
        owners.append((stream(TEAM, settings.team_id), keys_of_member(settings.user_id)))
    return owners

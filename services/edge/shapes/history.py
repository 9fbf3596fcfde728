"""What the routes answer that bring back what was, and the one that forgets."""

from collections.abc import Sequence
from datetime import datetime

from events.values import JsonObject
from services.edge.shapes.times import iso

ADDRESS_REMAINS = (
    "The user id is an e-mail address. Ids stand in facts, which are never changed, so it remains "
    "readable: in history, exports and backups."
)


def restored_key(token: str, key_name: str, alias: str | None) -> JsonObject:
    """A key by its hash."""
    return {"token": token, "key_name": key_name, "key_alias": alias}


def restored(  # noqa: PLR0913 - what is told apart
    team: JsonObject,
    *,
    keys: Sequence[JsonObject],
    users: Sequence[str],
    lost_keys: Sequence[str],
    taken: Sequence[tuple[str, str]],
    to_follow: tuple[int, int],
) -> JsonObject:
    """The answer of /v1/teams/{team_id}/restore; `taken` are hashes of keys with their aliases.

    `to_follow` counts members and keys.
    """
    members, more_keys = to_follow
    return {
        "team_id": team["team_id"],
        "team": team,
        "keys": list(keys),
        "left_out": {
            "users": list(users),
            "keys": list(lost_keys),
            "key_aliases": [{"token": token, "key_alias": alias} for token, alias in taken],
        },
        "to_follow": {"members": members, "keys": more_keys},
    }


def reverted(
    team: JsonObject, place: tuple[int, int, datetime], users: Sequence[str]
) -> JsonObject:
    """The answer of /v1/teams/{team_id}/revert; `place` is version, position and time."""
    version, position, at = place
    return {
        "team_id": team["team_id"],
        "reverted_to": {"version": version, "position": position, "recorded_at": iso(at)},
        "team": team,
        "left_out": {"users": list(users)},
    }


def forgotten(user_id: str, *, deleted: bool, persons: int, id_remains: bool) -> JsonObject:
    """The answer of /v1/users/{user_id}/forget."""
    return {
        "user_id": user_id,
        "deleted": deleted,
        "persons": persons,
        "remains": ADDRESS_REMAINS if id_remains else None,
    }

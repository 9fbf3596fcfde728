"""Shaping what was brought back, and who was forgotten."""

from datetime import tzinfo

from events.values import JsonObject
from services.command.api import render
from services.command.application.forgetting import Forgotten
from services.command.application.restoration import Restored
from services.command.application.reversion import Reverted
from services.edge.shapes import history as shapes


def restored(answer: Restored, zone: tzinfo) -> JsonObject:
    """The answer of /v1/teams/{team_id}/restore."""
    return shapes.restored(
        render.team(answer.team, zone),
        keys=[
            shapes.restored_key(one.token, one.settings.key_name, one.settings.key_alias)
            for one in answer.keys
        ],
        users=answer.departed,
        lost_keys=answer.lost,
        taken=[(one.token, str(one.alias)) for one in answer.keys if one.taken],
        to_follow=(answer.members_to_check, answer.keys_to_follow),
    )


def reverted(answer: Reverted, zone: tzinfo) -> JsonObject:
    """The answer of /v1/teams/{team_id}/revert."""
    team = render.team(answer.team, zone)
    last = answer.past.last
    place = last.originator_version, last.position, last.recorded_at
    return shapes.reverted(team, place, answer.departed)


def forgotten(answer: Forgotten) -> JsonObject:
    """The answer of /v1/users/{user_id}/forget."""
    return shapes.forgotten(
        answer.user_id,
        deleted=answer.deleted,
        persons=answer.persons,
        id_remains=answer.id_remains,
    )

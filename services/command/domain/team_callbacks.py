"""Where a team's calls are logged to: one list, whichever route writes it (register D23)."""

from events.registry import DomainEvent
from events.team import TeamCallbacksChanged
from events.values import Callback
from services.command.domain.callbacks import place, unmasked
from services.command.domain.errors import AlreadyExists, NotFound
from services.command.domain.limits import check_size
from services.command.domain.team import Team


def add_callback(team: Team, team_id: str, callback: Callback) -> list[DomainEvent]:
    """Refuses a name that is there already for the same type of calls (team-api.md 4)."""
    if not team.open:
        raise NotFound("team", team_id)
    before = team.settings.callbacks
    if any(place(callback) == place(held) for held in before):
        raise AlreadyExists("callback", callback.callback_name)
    return _changed(team, [*before, *unmasked([], [callback])])


def disable_callbacks(team: Team, team_id: str) -> list[DomainEvent]:
    """[] when nothing is logged anyway."""
    if not team.open:
        raise NotFound("team", team_id)
    return _changed(team, [])


def _changed(team: Team, after: list[Callback]) -> list[DomainEvent]:
    before = team.settings.callbacks
    if before == after:
        return []
    check_size("team", team.settings.model_copy(update={"callbacks": after}))
    return [TeamCallbacksChanged(before=before, after=after)]

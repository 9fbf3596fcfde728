"""Which models a team may use, changed one by one (team-api.md 3.15, 3.16)."""

from collections.abc import Sequence

from events.registry import DomainEvent
from events.team import TeamModelsChanged
from services.command.domain.errors import LastModel, NotFound
from services.command.domain.limits import check_size
from services.command.domain.team import Team

ALL_MODELS = "all-proxy-models"
"""What an empty list says without words (team-api.md 2.1)."""


def add_models(team: Team, team_id: str, models: Sequence[str]) -> list[DomainEvent]:
    """In the order in which they came, each once (D24); a team that has all models keeps all."""
    if not team.open:
        raise NotFound("team", team_id)
    held = team.settings.models
    if not models:
        return []
    return _changed(team, list(dict.fromkeys([*(held or [ALL_MODELS]), *models])))


def delete_models(team: Team, team_id: str, models: Sequence[str]) -> list[DomainEvent]:
    """Names that are not there are ignored; the last model stays, as none would mean all (D16)."""
    if not team.open:
        raise NotFound("team", team_id)
    left = [model for model in team.settings.models if model not in models]
    if team.settings.models and not left:
        raise LastModel
    return _changed(team, left)


def _changed(team: Team, after: list[str]) -> list[DomainEvent]:
    before = team.settings.models
    if before == after:
        return []
    check_size("team", team.settings.model_copy(update={"models": after}))
    return [TeamModelsChanged(before=before, after=after)]

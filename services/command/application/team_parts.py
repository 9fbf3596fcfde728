"""Use cases on one part of a team: its models, what its members may do, its callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from events.registry import DomainEvent
from events.streams import TEAM, stream
from events.values import Callback
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.admission import authorized_team
from services.command.application.answers import TeamAnswer, team_answer
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.application.within import check_fits
from services.command.domain import team_callbacks, team_models
from services.command.domain.team import Team, UpdateTeam
from services.command.domain.team_update import update

CALLBACK_ROUTE = "/team/{team_id:path}/callback"
DISABLE_ROUTE = "/team/{team_id:path}/disable_logging"


@dataclass(frozen=True, slots=True)
class ChangeModels:
    """Allow more models or fewer; `route` tells which (3.15, 3.16, D21)."""

    team_id: str
    models: Sequence[str]
    route: str

    @property
    def name(self) -> str:
        return "AddModels" if self.route == "/team/model/add" else "DeleteModels"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = authorized_team(view, caller, self.route, self.team_id)
        facts = self._change(found, self.team_id, self.models)
        for fact in facts:
            models = list(getattr(fact, "after", ()))
            wanted = found.settings.model_copy(update={"models": models})
            check_fits(view, self.team_id, found, wanted)
        return _decision(self.team_id, facts)

    @property
    def _change(self) -> Callable[[Team, str, Sequence[str]], list[DomainEvent]]:
        if self.route == "/team/model/add":
            return team_models.add_models
        return team_models.delete_models


@dataclass(frozen=True, slots=True)
class SetPermissions:
    """What members may do with the team's keys; the whole new list (3.18)."""

    team_id: str
    permissions: Sequence[str]
    name: str = "SetMemberPermissions"

    def decide(self, view: View, caller: Principal) -> Decision:
        found = authorized_team(view, caller, "/team/permissions_update", self.team_id)
        wanted = list(dict.fromkeys(self.permissions))
        changes = {"member_permissions": wanted}
        return _decision(self.team_id, update(found, UpdateTeam(self.team_id, changes)))


@dataclass(frozen=True, slots=True)
class AddCallback:
    """Log the team's calls to one more place (team-api.md 4, D23)."""

    team_id: str
    callback: Callback
    name: str = "AddCallback"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(CALLBACK_ROUTE, caller)
        found = view.team(self.team_id)
        facts = team_callbacks.add_callback(found, self.team_id, self.callback)
        return _decision(self.team_id, facts)


@dataclass(frozen=True, slots=True)
class DisableLogging:
    """Log the team's calls nowhere (team-api.md 4, D23)."""

    team_id: str
    name: str = "DisableLogging"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(DISABLE_ROUTE, caller)
        found = view.team(self.team_id)
        return _decision(self.team_id, team_callbacks.disable_callbacks(found, self.team_id))


def _decision(team_id: str, facts: Sequence[DomainEvent]) -> Decision:
    name = stream(TEAM, team_id)

    def answer(after: View) -> TeamAnswer:
        return team_answer(after, team_id)

    return Decision([(name, fact) for fact in facts], answer, subject=name)

"""Keys of a team that belong to nobody in it (supporting-api.md 2.2, auth.md 4)."""

from dataclasses import dataclass

from events.streams import KEY, stream
from services.access.policy import check_route
from services.access.principal import Principal
from services.command.application.key_rights import check_narrowing
from services.command.application.keys import NewKey, check_maker
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain.errors import NotFound

ROUTE = "/key/service-account/generate"


@dataclass(frozen=True, slots=True)
class NewServiceKey:
    """A key without a user for the team `team_id`, which the settings of `key` name too.

    Members make one by permission. Strangers are told the same of any team, there or not (D09).
    """

    key: NewKey
    team_id: str
    name: str = "GenerateServiceAccountKey"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(ROUTE, caller)
        settings = self.key.settings
        check_narrowing(view, caller, None, settings)
        team = view.team(self.team_id)
        if not caller.is_admin:
            check_maker(view, team, self.team_id, caller, ROUTE)
        if not team.open:
            raise NotFound("team", self.team_id)
        facts = self.key.in_organization(view, caller).facts(view)
        return Decision(facts, self.key.answer, subject=stream(KEY, self.key.token))

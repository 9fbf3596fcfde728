"""Who sees what: callers of every kind, with real keys, around one team."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.ledger import Ledger

TEAM, OTHER, UNKNOWN = "seen", "other-team", "no-such-team"


@dataclass(frozen=True)
class World:
    """`callers` present their own keys; `team_keys` are the keys of the team by alias.

    PA proxy admin, PV admin viewer, TA team admin, TM member, IU internal user outside the team,
    IV internal viewer outside it, TK key of the team without user, LK key of nobody and no team.
    """

    ledger: Ledger
    callers: Mapping[str, str]
    team_keys: Mapping[str, str]

    def get(self, caller: str, path: str, **query: str) -> httpx.Response:
        return self.ledger.get(path, self.callers[caller], **query)

    def shown(self, caller: str, path: str, **query: str) -> Any:  # noqa: ANN401
        return self.ledger.shown(path, self.callers[caller], **query)

    def post(self, caller: str, path: str, **body: object) -> httpx.Response:
        return self.ledger.post(path, body, self.callers[caller])


USER_OF = {"PA": "root", "PV": "view", "TA": "lead", "TM": "mem", "IU": "out", "IV": "out-view"}
ROLES = {"PA": "proxy_admin", "PV": "proxy_admin_viewer", "IV": "internal_user_viewer"}


def make_world(ledger: Ledger) -> World:
    """A team with an admin, two members and keys, another team, and callers of every kind."""
    callers = {who: ledger.user(user, ROLES.get(who)) for who, user in USER_OF.items()}
    roster = [("lead", "admin"), ("mem", "user"), ("colleague", "user")]
    members = [{"user_id": user, "role": role} for user, role in roster]
    ledger.done("/team/new", {"team_id": TEAM, "team_alias": "S", "members_with_roles": members})
    ledger.done("/team/new", {"team_id": OTHER, "team_alias": "O"})
    team_keys = {user: ledger.key(team_id=TEAM, user_id=user, key_alias=user) for user, _ in roster}
    team_keys |= {name: ledger.key(team_id=TEAM, key_alias=name) for name in ("service", "TK")}
    callers |= {"TK": team_keys["TK"], "LK": ledger.key(key_alias="lone")}
    return World(ledger, callers, team_keys)

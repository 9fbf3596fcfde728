"""The world of LiteLLM's behaviour-pinning suite, restated, and who may do what in it.

Every route is tried by every actor on a team of its own, which is looked at afterwards: a refusal
has to leave it as it was. Organizations are a table of their own, since they came later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

Json = dict[str, Any]
Statuses = Mapping[str, int]

PROXY_ADMIN, TEAM_ADMIN, MEMBER, OUTSIDER = "proxy admin", "team admin", "member", "outsider"
ORG_ADMIN, OTHER_ORG_ADMIN = "org admin", "admin of another org"
ROUTED: Statuses = {PROXY_ADMIN: 200, TEAM_ADMIN: 401, MEMBER: 401, OUTSIDER: 401}
MANAGED: Statuses = {PROXY_ADMIN: 200, TEAM_ADMIN: 200, MEMBER: 403, OUTSIDER: 403}


@dataclass(frozen=True, slots=True)
class World:
    """`user_ids` of those who have one; the outsider is in no team."""

    ledger: Ledger
    keys: Mapping[str, str]
    user_ids: Mapping[str, str]
    numbers: Iterator[int] = field(default_factory=count)

    def team(self, organization_id: str | None = None) -> str:
        """A new team with its admin and a member."""
        team_id = f"pinned-{next(self.numbers)}"
        members = [
            {"user_id": self.user_ids[TEAM_ADMIN], "role": "admin"},
            {"user_id": self.user_ids[MEMBER], "role": "user"},
        ]
        body: Json = {"team_id": team_id, "members_with_roles": members}
        if organization_id is not None:
            body["organization_id"] = organization_id
        self.ledger.done("/team/new", body)
        return team_id

    def stored(self, team_id: str) -> Json | None:
        """The team as an administrator sees it, None when there is none."""
        answer = self.ledger.get("/team/info", team_id=team_id)
        return None if answer.status_code == 404 else dict(answer.json())


def world_of(ledger: Ledger) -> World:
    actors = {TEAM_ADMIN: "pinned-admin", MEMBER: "pinned-member", OUTSIDER: "pinned-outsider"}
    keys = {actor: ledger.user(user_id) for actor, user_id in actors.items()}
    return World(ledger, {PROXY_ADMIN: MASTER_KEY, **keys}, actors)


@dataclass(frozen=True, slots=True)
class Write:
    """A route that writes; `{id}` in its body becomes the team."""

    path: str
    body: Json
    statuses: Statuses

    def sent(self, team_id: str) -> Json:
        filled = {name: team_id if value == "{id}" else value for name, value in self.body.items()}
        return {n: [team_id] if v == ["{id}"] else v for n, v in filled.items()}


ID: Json = {"team_id": "{id}"}
WRITES = (
    Write("/team/update", {**ID, "team_alias": "pinned-new"}, ROUTED),
    Write("/team/delete", {"team_ids": ["{id}"]}, ROUTED),
    Write("/team/block", ID, ROUTED),
    Write("/team/unblock", ID, ROUTED),
    Write("/team/member_add", {**ID, "member": {"user_id": "pinned-x", "role": "user"}}, MANAGED),
    Write("/team/member_update", {**ID, "user_id": "pinned-member", "role": "admin"}, MANAGED),
    Write("/team/member_delete", {**ID, "user_id": "pinned-member"}, MANAGED),
    Write("/team/permissions_update", {**ID, "team_member_permissions": ["/key/info"]}, MANAGED),
)

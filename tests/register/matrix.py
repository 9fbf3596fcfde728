"""The matrix of team-api.md 1.4 as it has to be: who may call what, corrected by the register.

Callers are those of `tests/e2e/visible.py`, and one more, who is admin of the organization ACME:
OA towards a team of it, OB towards a team of BETA, where the teams of all other cells are, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.visible import USER_OF, World
from tests.support.ledger import Ledger, bearer
from tests.support.refused import assert_refused

CALLERS = ("PA", "PV", "OA", "OB", "TA", "TM", "IU", "IV", "TK")
ACME, BETA, CHIEF, OFFERED = "acme", "beta", "chief", "offered"
ROSTER = {"lead": "admin", "mem": "user", "colleague": "user"}

MATRIX: Mapping[str, Mapping[str, str]] = {
    #                                             PA  PV  OA  OB  TA  TM  IU  IV  TK
    "m01": {"/team/new": "                        200 403 401 401 401 401 401 401 401"},
    "m02": {"/team/new": "                        200 403 200 401 401 401 401 401 401"},
    "m03": {"/team/update": "                     200 403 200 401 401 401 401 401 401"},
    "m04": {"/team/delete": "                     200 403 200 401 401 401 401 401 401"},
    "m05": {
        "/team/block": "                          200 403 200 401 401 401 401 401 401",
        "/team/unblock": "                        200 403 200 401 401 401 401 401 401",
    },
    "m06": {"/team/info": "                       200 200 200 403 200 200 403 403 200"},
    "m07": {"/team/list": "                       200 200 200 200 401 401 401 401 401"},
    "m08": {"/team/list": "                       200 200 200 200 200 200 200 200 401"},
    "m09": {"/v2/team/list": "                    200 200 401 401 401 401 401 401 401"},
    "m10": {"/v2/team/list": "                    200 200 200 200 200 200 200 200 401"},
    "m11": {"/team/available": "                  200 200 200 200 200 200 200 200 404"},
    "m12": {"/team/filter/ui": "                  200 403 401 401 401 401 401 401 401"},
    "m13": {"/team/member_add": "                 200 403 200 403 200 403 403 403 403"},
    "m14": {"/team/bulk_member_add": "            200 403 200 403 200 403 403 403 403"},
    "m15": {
        "/team/member_update": "                  200 403 200 403 200 403 403 403 403",
        "/team/member_delete": "                  200 403 200 403 200 403 403 403 403",
    },
    "m16": {
        "/team/model/add": "                      200 403 200 403 200 403 403 403 403",
        "/team/model/delete": "                   200 403 200 403 200 403 403 403 403",
    },
    "m17": {
        "/team/permissions_list": "               200 403 200 403 200 403 403 403 403",
        "/team/permissions_update": "             200 403 200 403 200 403 403 403 403",
    },
    "m18": {"/team/daily/activity": "             200 200 404 404 200 200 404 404 404"},
    "m19": {
        "/team/{team_id}/callback": "             200 403 401 401 401 401 401 401 401",
        "/team/{team_id}/disable_logging": "      200 403 401 401 401 401 401 401 401",
    },
}  # fmt: skip
"""The rows by their place in 1.4; for each route the status that every caller gets."""

BY_ROUTE = "Only proxy admin can be used to generate, delete, update info for new keys/users/teams."
CELL = ("path", "caller", "status")


def cells(row: str) -> list[tuple[str, str, int]]:
    """Route, caller and status of each cell of a row."""
    return [
        (path, caller, int(status))
        for path, statuses in MATRIX[row].items()
        for caller, status in zip(CALLERS, statuses.split(), strict=True)
    ]


def user_of(caller: str) -> str:
    """The id of the caller's user; a text that names nobody for a key without one."""
    return CHIEF if caller in {"OA", "OB"} else USER_OF.get(caller, "None")


def _body(path: str, team_id: str) -> dict[str, Any]:
    member = {"user_id": "new", "role": "user"}
    fields: Mapping[str, dict[str, Any]] = {
        "/team/update": {"max_budget": 1},
        "/team/member_add": {"member": member},
        "/team/bulk_member_add": {"members": [member]},
        "/team/member_update": {"user_id": "colleague", "max_budget_in_team": 1},
        "/team/member_delete": {"user_id": "colleague"},
        "/team/model/add": {"models": ["b"]},
        "/team/model/delete": {"models": ["a"]},
        "/team/permissions_update": {"team_member_permissions": ["/key/generate"]},
        "/team/{team_id}/callback": {"callback_name": "langfuse", "callback_vars": {}},
    }
    named = {"team_ids": [team_id]} if path == "/team/delete" else {"team_id": team_id}
    return {**named, **fields.get(path, {})}


@dataclass(frozen=True)
class Matrix:
    """A service with the callers and the two organizations; `chief` is the key of ACME's admin."""

    world: World
    chief: str

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    def team(self, path: str, caller: str) -> str:
        """A team for a cell of its own: of ACME for OA, of BETA for all others."""
        team_id = f"{path.replace('/', ' ')} {caller} {self.ledger.position()}"
        members = [{"user_id": user, "role": role} for user, role in ROSTER.items()]
        organization = {"organization_id": ACME if caller == "OA" else BETA}
        fields = {"members_with_roles": members, "models": ["a", "z"], **organization}
        self.ledger.done("/team/new", {"team_id": team_id, **fields})
        return team_id

    def key(self, caller: str, team_id: str | None = None) -> str:
        """What the caller presents; TK presents a key of that team, or of the world's."""
        if caller == "TK" and team_id is not None:
            return self.ledger.key(team_id=team_id)
        return self.chief if caller in {"OA", "OB"} else self.world.callers[caller]

    def write(self, path: str, caller: str, status: int) -> None:
        """Hold a write about a team to its cell: refused, it is told why and changes nothing.

        OB names the organization that he administers in the body and in the query (D01).
        """
        team_id = self.team(path, caller)
        claim = {"organization_id": ACME} if caller == "OB" else {}
        sent, key = {**_body(path, team_id), **claim}, self.key(caller, team_id)
        self.send(path.format(team_id=team_id), sent, (caller, key), status, **claim)

    def send(
        self, path: str, sent: object, by: tuple[str, str], status: int, **query: str
    ) -> httpx.Response:
        """The answer to a caller with a key, held to its status and to the usual refusal."""
        caller, key = by
        before = self.ledger.stored()
        response = self.ledger.http.post(path, json=sent, params=query, headers=bearer(key))
        assert response.status_code == status, response.text
        if status != 200:
            assert self.ledger.caused(before) == 0
            assert_refused(response, status, *_told(path, caller, status))
        return response

    def shown(self, path: str, caller: str, **query: str | int) -> Any:  # noqa: ANN401
        return self.ledger.shown(path, self.key(caller), **query)


def _told(path: str, caller: str, status: int) -> tuple[Any, str]:
    """Shape and text: viewers are refused by path, others by the route (401) or for the team."""
    if caller == "PV":
        return "B", f"role= proxy_admin_viewer. Trying to access: {path}"
    if status == 401:
        return "B", "" if path == "/team/new" else BY_ROUTE
    if path.startswith("/team/model/"):
        return "A", "Only proxy admin or team admin can modify team models"
    return "A", f"Call not allowed. User not proxy admin OR team admin. route={path}"

"""The calls of ackstorm/alitellm-operator: a team is known by its alias, and written whole.

Its list filter is a part of the alias on the server, so it compares again; of several teams with
one alias it takes the smallest id. What is not limited is sent as null, every time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.clients.wire import Wire

Team = dict[str, Any]
ALWAYS = ("max_budget", "budget_duration", "rpm_limit", "tpm_limit")
LIMIT_TYPE = "best_effort_throughput"
# Of an entry it decodes these; anything but the type, null or nothing at all is an error to Go.
DECODED = {
    "team_id": str,
    "team_alias": str,
    "organization_id": str,
    "models": list,
    "blocked": bool,
}


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}


def body_of(alias: str, spec: Mapping[str, Any]) -> Team:
    limits = {name: spec.get(name) for name in ALWAYS}
    types = {
        f"{name}_type": LIMIT_TYPE
        for name in ("rpm_limit", "tpm_limit")
        if limits[name] is not None
    }
    return {**spec, "team_alias": alias, **limits, **types}


@dataclass(frozen=True, slots=True)
class Operator:
    wire: Wire

    def reconcile(self, alias: str, spec: Mapping[str, Any]) -> str:
        """Update the team with this alias, or make one; its id."""
        body = body_of(alias, spec)
        known = self.teams(alias)
        if not known:
            return str(_decoded(self.wire.post("/team/new", body))["team_id"])
        team_id = min(team["team_id"] for team in known)
        _decoded(self.wire.post("/team/update", {**body, "team_id": team_id}))
        return str(team_id)

    def teams(self, alias: str) -> list[Team]:
        answer = self.wire.get("/v2/team/list", team_alias=alias, page_size=100)
        for name in ("total", "page", "page_size", "total_pages"):
            assert isinstance(answer[name], int), name
        return [_decoded(team) for team in answer["teams"] if team["team_alias"] == alias]

    def delete(self, team_id: str) -> None:
        self.wire.post("/team/delete", {"team_ids": [team_id]})


def _decoded(entry: Team) -> Team:
    for name, kind in DECODED.items():
        assert isinstance(entry.get(name), kind | None), (name, entry.get(name))
    return entry

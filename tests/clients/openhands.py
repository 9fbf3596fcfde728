"""The calls of OpenHands' enterprise server, which keeps one team per organization of its own.

It provisions over and over: "already there" and "not there" have to be told apart from failures,
by status and by words. It reads budgets to show what is left of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.clients.wire import RefusedError, Wire

Answer = dict[str, Any]
# What it writes for "no limit", since LiteLLM could not be told to go back to null.
UNLIMITED = 1_000_000_000.0
METADATA = {"version": 5, "model": "litellm_proxy/some-model"}


def headers(key: str) -> dict[str, str]:
    return {"x-goog-api-key": key}


def cloud_alias(user_id: str, org_id: str) -> str:
    return f"OpenHands Cloud - user {user_id} - org {org_id}"


@dataclass(frozen=True, slots=True)
class OpenHands:
    """`default_team` is the one that everybody it makes is in."""

    wire: Wire
    default_team: str

    def provision(self, org_id: str, user_id: str, email: str, budget: float = 0.0) -> str:
        """Team, user, membership, key. A team that is there gives its budget to the newcomer."""
        if (team := self.team(org_id)) is not None:
            budget = team["team_info"].get("max_budget") or 0.0
        self.create_team(user_id, org_id, budget)
        self.create_user(email, user_id)
        self.add_to_team(user_id, org_id, budget)
        self.delete_alias(cloud_alias(user_id, org_id))
        return self.generate_key(user_id, org_id)

    def team(self, team_id: str) -> Answer | None:
        try:
            answer: Answer = self.wire.get(f"/team/info?team_id={team_id}")
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
        return answer

    def create_team(self, alias: str, team_id: str, budget: float) -> None:
        body = {"team_id": team_id, "team_alias": alias, "models": [], "max_budget": budget}
        try:
            self.wire.post("/team/new", {**body, "spend": 0, "metadata": METADATA})
        except RefusedError as refused:
            known = "already exists. Please use a different team id"
            if refused.status != 400 or known not in refused.text:
                raise
            self.update_team(team_id, alias, budget)

    def update_team(self, team_id: str, alias: str | None, budget: float | None) -> None:
        given = {"max_budget": budget, "team_alias": alias}
        body = {name: value for name, value in given.items() if value is not None}
        self.wire.post("/team/update", {"team_id": team_id, "metadata": METADATA, **body})

    def create_user(self, email: str, user_id: str) -> None:
        """Somebody else may have the address; then it is tried without, which settles it."""
        body = {
            "user_email": email,
            "models": [],
            "user_id": user_id,
            "teams": [self.default_team],
            "auto_create_key": False,
            "send_invite_email": False,
            "metadata": METADATA,
        }
        try:
            self.wire.post("/user/new", body)
        except RefusedError:
            try:
                self.wire.post("/user/new", {**body, "user_email": None})
            except RefusedError as refused:
                if refused.status not in {400, 409} or "already exists" not in refused.text:
                    raise

    def add_to_team(self, user_id: str, team_id: str, budget: float) -> None:
        member = {"user_id": user_id, "role": "user"}
        body = {"team_id": team_id, "member": member, "max_budget_in_team": budget}
        try:
            self.wire.post("/team/member_add", body)
        except RefusedError as refused:
            if refused.status != 400 or "already in team" not in refused.text.lower():
                raise

    def membership(self, user_id: str, team_id: str) -> Answer | None:
        """In a team of several the team's own budget and spend stand for the member's."""
        team = self.team(team_id) or {}
        for found in team.get("team_memberships", []):
            if (found.get("user_id"), found.get("team_id")) == (user_id, team_id):
                if user_id == team_id:
                    return dict(found)
                info = team["team_info"]
                shared = {
                    "max_budget_in_team": info.get("max_budget"),
                    "spend": info.get("spend", 0),
                }
                return {**found, **shared}
        return None

    def budget_and_spend(self, user_id: str, org_id: str) -> tuple[float, float]:
        """What it shows as credits."""
        found = self.membership(user_id, org_id)
        if not found:
            return 0, 0
        if user_id == org_id:
            budget = (found.get("litellm_budget_table") or {}).get("max_budget", 0)
        else:
            budget = found.get("max_budget_in_team") or 0
        return budget, found.get("spend", 0)

    def raise_budgets(self, team_id: str, budget: float) -> None:
        """A payment: the team's budget, and then everybody's in it."""
        self.update_team(team_id, None, budget)
        for membership in (self.team(team_id) or {}).get("team_memberships", []):
            if user_id := membership.get("user_id"):
                self.update_member(user_id, team_id, budget)

    def update_member(self, user_id: str, team_id: str, budget: float) -> None:
        body = {"team_id": team_id, "user_id": user_id, "max_budget_in_team": budget}
        self.wire.post("/team/member_update", body)

    def remove_member(self, user_id: str, team_id: str) -> None:
        self._unless_missing("/team/member_delete", {"team_id": team_id, "user_id": user_id})

    def delete_team(self, team_id: str) -> None:
        self._unless_missing("/team/delete", {"team_ids": [team_id]})

    def generate_key(self, user_id: str, team_id: str) -> str:
        body = {"user_id": user_id, "models": [], "team_id": team_id}
        made = self.wire.post("/key/generate", {**body, "key_alias": cloud_alias(user_id, team_id)})
        return str(made["key"])

    def has_key(self, key: str, user_id: str, org_id: str) -> bool:
        """The user's keys tell by alias, team and last four characters."""
        keys = self.wire.get(f"/user/info?user_id={user_id}")["keys"]
        return any(
            (found["team_id"], found["key_alias"]) == (org_id, cloud_alias(user_id, org_id))
            and key.endswith(found["key_name"][-4:])
            for found in keys
        )

    def key_budget(self, key: str) -> tuple[float | None, float | None]:
        info = self.wire.get(f"/key/info?key={key}")["info"]
        return info.get("max_budget"), info.get("spend")

    def move_keys(self, user_id: str, team_id: str) -> int:
        """All keys of a user, by their hashes; how many."""
        keys = self.wire.get("/key/list", user_id=user_id)["keys"]
        for key in keys:
            self.wire.post("/key/update", {"key": key, "team_id": team_id})
        return len(keys)

    def delete_key(self, key: str, alias: str | None = None) -> None:
        try:
            self.wire.post("/key/delete", {"keys": [key]})
        except RefusedError as refused:
            if refused.status != 404:
                raise
            if alias is not None:
                self.delete_alias(alias)

    def delete_alias(self, alias: str) -> None:
        self._unless_missing("/key/delete", {"key_aliases": [alias]})

    def update_user(self, user_id: str, **fields: object) -> None:
        self.wire.post("/user/update", {"user_id": user_id, **fields})

    def delete_user(self, user_id: str) -> None:
        self.wire.post("/user/delete", {"user_ids": [user_id]})

    def verifies(self, key: str) -> bool:
        """Any key that may list models is a good one."""
        base_url = self.wire.http.base_url
        answer = httpx.get(f"{base_url}/v1/models", headers={"Authorization": f"Bearer {key}"})
        return answer.status_code == 200

    def _unless_missing(self, path: str, body: Mapping[str, object]) -> None:
        try:
            self.wire.post(path, body)
        except RefusedError as refused:
            if refused.status != 404:
                raise

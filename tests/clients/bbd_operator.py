"""The calls of bbdsoftware/litellm-operator: teams, users and virtual keys of a cluster.

Zero and empty are not sent. Answers are decoded into typed structures, so that one field of
another type fails the whole reconciliation; errors are the message of the `error` object.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.clients.wire import RefusedError, Wire

Answer = dict[str, Any]

TEXTS = (
    *("budget_duration", "budget_id", "budget_reset_at", "created_at", "created_by", "duration"),
    *("expires", "key", "key_alias", "key_name", "litellm_budget_table", "litellm_model_table"),
    *("model_id", "organization_id", "sso_user_id", "team_alias", "team_id", "token", "token_id"),
    *("updated_at", "updated_by", "user_alias", "user_email", "user_id", "user_role"),
)
NUMBERS = ("max_budget", "max_parallel_requests", "rpm_limit", "spend", "tpm_limit")
LISTS = (
    *("admins", "allowed_cache_controls", "allowed_routes", "enforced_params", "guardrails"),
    *("members", "models", "tags", "team_member_permissions", "teams"),
)
MAPS = (
    *("aliases", "config", "metadata", "model_max_budget", "model_rpm_limit", "model_tpm_limit"),
    "permissions",
)
# What a virtual key is compared by; nil and empty are the same.
COMPARED = (
    *("aliases", "allowed_cache_controls", "allowed_routes", "blocked", "budget_duration"),
    *("budget_id", "config", "duration", "enforced_params", "guardrails", "key_alias"),
    *("max_budget", "max_parallel_requests", "metadata", "model_max_budget", "model_rpm_limit"),
    *("model_tpm_limit", "models", "permissions", "rpm_limit", "tags", "team_id", "tpm_limit"),
    "user_id",
)


class OperatorError(Exception):
    """What the operator reports: `litellm request failed: …`."""


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Operator:
    wire: Wire

    def create_team(self, spec: Mapping[str, Any]) -> Answer:
        made = self._post("/team/new", _sent(spec))
        for member in made["members_with_roles"]:
            assert set(map(type, member.values())) <= {str, type(None)}, member
        return decoded(made)

    def team_exists(self, alias: str) -> bool:
        """Only the first one is looked at."""
        teams = self.wire.get(f"/v2/team/list?team_alias={alias}")["teams"]
        return bool(teams) and teams[0]["team_alias"] == alias

    def delete_team(self, team_id: str) -> None:
        self._post("/team/delete", {"team_ids": [team_id]})

    def create_user(self, spec: Mapping[str, Any]) -> Answer:
        return decoded(self._post("/user/new", _sent(spec)))

    def user_exists(self, email: str) -> bool:
        users = self.wire.get(f"/user/list?user_email={email}")["users"]
        return bool(users) and users[0]["user_email"] == email

    def delete_user(self, user_id: str) -> None:
        self._post("/user/delete", {"user_ids": [user_id]})

    def generate_key(self, spec: Mapping[str, Any]) -> Answer:
        return decoded(self._post("/key/generate", _sent(spec)))

    def key_exists(self, alias: str) -> bool:
        keys = self.wire.get(f"/key/list?key_alias={alias}")["keys"]
        assert set(map(type, keys)) <= {str}
        return bool(keys)

    def key(self, key: str) -> Answer:
        return decoded(self.wire.get(f"/key/info?key={key}")["info"])

    def update_key(self, spec: Mapping[str, Any]) -> Answer:
        return decoded(self._post("/key/update", _sent(spec)))

    def delete_key(self, alias: str) -> None:
        self._post("/key/delete", {"key_aliases": [alias]})

    def _post(self, path: str, body: Mapping[str, object]) -> Answer:
        try:
            answer = self.wire.post(path, body)
        except RefusedError as refused:
            raise OperatorError(f"litellm request failed: {_message(refused)}") from refused
        return dict(answer) if isinstance(answer, dict) else {}


def update_needed(shown: Answer, spec: Mapping[str, Any]) -> list[str]:
    """Fields that differ, as the operator sees them."""
    return [
        name
        for name in COMPARED
        if shown.get(name) != spec.get(name) and (shown.get(name) or spec.get(name))
    ]


def decoded(answer: Answer) -> Answer:
    """Go's view of an answer: every known field has its type, or is null, or is not there."""
    kinds: dict[str, type | tuple[type, ...]] = {
        **dict.fromkeys(TEXTS, str),
        **dict.fromkeys(NUMBERS, (int, float)),
        **dict.fromkeys(LISTS, list),
        **dict.fromkeys(MAPS, dict),
        "blocked": bool,
    }
    for name, kind in kinds.items():
        value = answer.get(name)
        assert value is None or isinstance(value, kind), (name, value)
        inside = [*value.values()] if isinstance(value, dict) else value
        if isinstance(inside, list):
            assert set(map(type, inside)) <= {str}, (name, value)
    return answer


def _sent(spec: Mapping[str, Any]) -> Answer:
    return {name: value for name, value in spec.items() if value}


def _message(refused: RefusedError) -> str:
    """Of the two shapes of errors it knows one; the other is an empty message."""
    body = refused.response.json()
    return str(body.get("error", {}).get("message", ""))

"""The calls of BerriAI/terraform-provider-litellm, in its order and with its fields.

It takes what it reads from the top level of an answer, where LiteLLM has little: whatever is not
there counts as unchanged (its issue 56). A value that is zero or empty is not sent, so nothing but
a member's budget can be cleared.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.clients.wire import RefusedError, Wire

State = dict[str, Any]
Config = Mapping[str, Any]

TEAM_FIELDS = (
    *("team_alias", "organization_id", "metadata", "tpm_limit", "rpm_limit", "max_budget"),
    *("budget_duration", "models", "blocked", "team_member_permissions"),
)
TEXTS = ("team_id", "budget_duration", "key_alias")
MAPS = (
    *("metadata", "aliases", "permissions"),
    *("model_max_budget", "model_rpm_limit", "model_tpm_limit"),
)
KEY_ALWAYS: Config = {**dict.fromkeys(TEXTS, ""), **{name: {} for name in MAPS}, "blocked": False}
KEY_IF_SET = (
    *("max_budget", "soft_budget", "max_parallel_requests", "tpm_limit", "rpm_limit"),
    *("models", "guardrails"),
)


def headers(key: str) -> dict[str, str]:
    return {"x-api-key": key, "accept": "application/json", "content-type": "application/json"}


def planned(config: Config, state: Config) -> State:
    """What `terraform plan` would change; unset and empty are the same to this provider."""
    fields = config.keys() | state.keys() - {"id"}
    return {f: (state.get(f), config.get(f)) for f in fields if differ(config.get(f), state.get(f))}


def differ(wanted: object, found: object) -> bool:
    return wanted != found and bool(wanted or found)


@dataclass(frozen=True, slots=True)
class Team:
    """The resource litellm_team."""

    wire: Wire

    def create(self, config: Config) -> State:
        team_id = str(uuid4())
        self.wire.post("/team/new", self._body(team_id, config))
        return self.read({"id": team_id, **config})

    def read(self, state: State) -> State:
        """Empty when the team is gone."""
        try:
            answer = self.wire.get(f"/team/info?team_id={state['id']}")
        except RefusedError as refused:
            if refused.status == 404:
                return {}
            raise
        found = {field: answer.get(field) or state.get(field) for field in TEAM_FIELDS}
        permissions = self.wire.get(f"/team/permissions_list?team_id={state['id']}")
        assert permissions["team_id"] == state["id"]
        assert isinstance(permissions["all_available_permissions"], list)
        found["team_member_permissions"] = permissions["team_member_permissions"]
        return {"id": state["id"], **found}

    def update(self, state: State, config: Config) -> State:
        self.wire.post("/team/update", self._body(state["id"], config))
        name = "team_member_permissions"
        if differ(config.get(name), state.get(name)):
            body = {"team_id": state["id"], name: config.get(name, [])}
            self.wire.post("/team/permissions_update", body)
        return self.read({"id": state["id"], **config})

    def delete(self, state: State) -> None:
        self.wire.post("/team/delete", {"team_ids": [state["id"]]})

    @staticmethod
    def _body(team_id: str, config: Config) -> State:
        return {"team_id": team_id, **{f: config[f] for f in TEAM_FIELDS if config.get(f)}}


@dataclass(frozen=True, slots=True)
class TeamMember:
    """The resource litellm_team_member; its address may be empty, and is sent all the same."""

    wire: Wire

    def create(self, config: Config) -> State:
        member = {name: config[name] for name in ("role", "user_id", "user_email")}
        body = {"member": [member], "team_id": config["team_id"], **_budget(config)}
        self.wire.post("/team/member_add", body)
        return self.read(dict(config))

    def read(self, state: State) -> State:
        """Found by id or address in the roster, or by id among the memberships."""
        try:
            answer = self.wire.get(f"/team/info?team_id={state['team_id']}")
        except RefusedError as refused:
            if refused.status == 404:
                return {}
            raise
        identity = (state["user_id"], state["user_email"].lower())
        of_roster = [
            member
            for member in answer.get("members_with_roles") or []
            if identity[0] == member["user_id"]
            or identity[1] == (member["user_email"] or "").lower()
        ][:1]
        of_budget = [m for m in answer["team_memberships"] if m["user_id"] == state["user_id"]][:1]
        if not of_roster and not of_budget:
            return {}
        found = dict(state)
        for member in of_roster:
            found |= {"user_email": member["user_email"] or state["user_email"]}
            found |= {"role": member["role"]}
        found["max_budget_in_team"] = None
        for membership in of_budget:
            table = membership["litellm_budget_table"] or {}
            found["max_budget_in_team"] = table.get("max_budget")
        return found

    def update(self, state: State, config: Config) -> State:
        names = ("user_id", "user_email", "team_id", "role")
        cleared = state.get("max_budget_in_team") != config.get("max_budget_in_team")
        body = {name: config[name] for name in names}
        self.wire.post("/team/member_update", {**body, **_budget(config, cleared=cleared)})
        return self.read(dict(config))

    def delete(self, state: State) -> None:
        names = ("user_id", "user_email", "team_id")
        self.wire.post("/team/member_delete", {name: state[name] for name in names})


@dataclass(frozen=True, slots=True)
class TeamMemberAdd:
    """The resource litellm_team_member_add: several members with one budget; it never reads."""

    wire: Wire

    def create(self, config: Config) -> None:
        members = [_filled(member) for member in config["member"]]
        body = {"member": members, "team_id": config["team_id"], **_budget(config)}
        self.wire.post("/team/member_add", body)

    def update(self, state: Config, config: Config) -> None:
        """A changed budget goes to everybody who stays; then deletions, roles and additions."""
        before = {_identity(member): member for member in state["member"]}
        after = {_identity(member): member for member in config["member"]}
        budget_changed = state.get("max_budget_in_team") != config.get("max_budget_in_team")
        team = {"team_id": config["team_id"]}
        for name in after.keys() & before.keys():
            if budget_changed or before[name]["role"] != after[name]["role"]:
                budget = _budget(config, cleared=budget_changed)
                self.wire.post("/team/member_update", {**team, **_filled(after[name]), **budget})
        for name in before.keys() - after.keys():
            self._delete(team, before[name])
        if added := [_filled(after[name]) for name in after.keys() - before.keys()]:
            self.wire.post("/team/member_add", {**team, "member": added, **_budget(config)})

    def delete(self, state: Config) -> None:
        for member in state["member"]:
            self._delete({"team_id": state["team_id"]}, member)

    def _delete(self, team: Config, member: Config) -> None:
        who = {name: value for name, value in _filled(member).items() if name != "role"}
        self.wire.post("/team/member_delete", {**team, **who})


@dataclass(frozen=True, slots=True)
class Key:
    """The resource litellm_key; it knows the key by its hash."""

    wire: Wire

    def create(self, config: Config) -> State:
        sent = {name: value for name, value in config.items() if value}
        made = self.wire.post("/key/generate", {"models": [], "blocked": False, **sent})
        assert made["key"].startswith("sk-")
        return self.read({"id": made["token_id"], **config})

    def read(self, state: State) -> State:
        """A key that is gone is an error to this provider; empty here."""
        with suppress(RefusedError):
            answer = self.wire.get(f"/key/info?key={state['id']}")
            return {name: answer.get(name) or value for name, value in state.items()}
        return {}

    def update(self, state: State, config: Config) -> State:
        """Everything it may change is in every update, as "" and {} where nothing is set."""
        always = {name: config.get(name) or unset for name, unset in KEY_ALWAYS.items()}
        given = {name: config[name] for name in KEY_IF_SET if config.get(name)}
        self.wire.post("/key/update", {"key": state["id"], **always, **given})
        return self.read({"id": state["id"], **config})

    def delete(self, state: State) -> None:
        self.wire.post("/key/delete", {"keys": [state["id"]]})


def _budget(config: Config, *, cleared: bool = False) -> State:
    """0 is a budget; one that was removed is sent as null, and otherwise left out."""
    budget = config.get("max_budget_in_team")
    return {"max_budget_in_team": budget} if budget is not None or cleared else {}


def _identity(member: Config) -> str:
    return f"id:{member['user_id']}" if member.get("user_id") else f"email:{member['user_email']}"


def _filled(member: Config) -> State:
    return {name: value for name, value in member.items() if value}

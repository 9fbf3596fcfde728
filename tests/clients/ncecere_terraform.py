"""The calls of ncecere/terraform-provider-litellm, in its order and with its fields.

It reads `team_info`, clears with explicit nulls, and takes every default of the server that shows
up in a field which the configuration leaves out for a difference.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.clients.wire import RefusedError, Wire

State = dict[str, Any]
Config = Mapping[str, Any]

TEXTS = ("organization_id", "tpm_limit_type", "rpm_limit_type", "budget_duration")
MEMBERS = ("team_member_budget", "team_member_rpm_limit", "team_member_tpm_limit")
NUMBERS = ("tpm_limit", "rpm_limit", "max_budget", *MEMBERS)
LISTS = ("models", "tags", "guardrails", "prompts", "team_member_permissions")
MAPS = ("model_aliases", "model_rpm_limit", "model_tpm_limit")
CLEARED = ("max_budget", "budget_duration", "tpm_limit", "rpm_limit", *MEMBERS)
# Computed by the server where the configuration is silent; anywhere else a value is drift.
COMPUTED = frozenset({"id", "team_id", "metadata", "blocked", *LISTS, *MAPS})
ALL_TEAM_MODELS = ["all-team-models"]


def headers(key: str, changed_by: str) -> dict[str, str]:
    """Both ways to present the key, and who is behind it."""
    return {
        "x-api-key": key,
        "authorization": f"Bearer {key}",
        "litellm-changed-by": changed_by,
        "accept": "application/json",
    }


def planned(config: Config, state: State) -> State:
    """What `terraform plan` would change. Null and the empty list are two values here."""
    fields = config.keys() | (state.keys() - COMPUTED)
    pairs = {field: (state.get(field), config.get(field)) for field in fields}
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True, slots=True)
class Team:
    """The resource litellm_team."""

    wire: Wire

    def create(self, config: Config) -> State:
        team_id = config.get("team_id") or str(uuid4())
        self.wire.post("/team/new", self._body(team_id, config))
        return self.read({**config, "id": team_id})

    def read(self, state: State) -> State:
        """Empty when the team is gone."""
        try:
            answer = self.wire.get("/team/info", team_id=state["id"])
        except RefusedError as refused:
            if refused.status == 404:
                return {}
            raise
        info = answer.get("team_info", answer)
        assert info["team_id"] == state["id"]
        found = {**state, "team_id": state["id"]}
        found |= {name: info[name] for name in ("tpm_limit", "rpm_limit", *MEMBERS) if name in info}
        for name in ("max_budget", "budget_duration"):
            if info[name] is None or state.get(name) is not None:
                found[name] = info[name]
        for name in ("team_alias", "organization_id", "tpm_limit_type", "rpm_limit_type", *MAPS):
            if info.get(name):
                found[name] = info[name]
        for name in LISTS[:-1]:
            found[name] = _listed(info.get(name), state.get(name))
        found["metadata"] = _metadata(info["metadata"], state.get("metadata"))
        found["router_settings"] = _fallbacks(info.get("router_settings"))
        if isinstance(info.get("blocked"), bool):
            found["blocked"] = info["blocked"]
        permissions = self.wire.get("/team/permissions_list", team_id=state["id"])
        name = "team_member_permissions"
        return {**found, name: _listed(permissions[name], state.get(name))}

    def update(self, state: State, config: Config) -> State:
        """Everything again; null for what was set and no longer is.

        Permissions that the configuration leaves out are sent as null; a refusal is a warning.
        """
        body = self._body(state["id"], config)
        gone = [f for f in CLEARED if state.get(f) is not None and config.get(f) is None]
        self.wire.post("/team/update", {**body, **dict.fromkeys(gone)})
        name = "team_member_permissions"
        if config.get(name) != state.get(name):
            permissions = {"team_id": state["id"], name: config.get(name)}
            with suppress(RefusedError):
                self.wire.post("/team/permissions_update", permissions)
        return self.read({**config, "id": state["id"]})

    def delete(self, state: State) -> None:
        _unless_missing(self.wire, "/team/delete", {"team_ids": [state["id"]]})

    @staticmethod
    def _body(team_id: str, config: Config) -> State:
        body: State = {"team_id": team_id, "team_alias": config["team_alias"]}
        filled = (*TEXTS, *LISTS, *MAPS)
        body |= {name: config[name] for name in filled if config.get(name)}
        given = (*NUMBERS, "blocked")
        body |= {name: config[name] for name in given if config.get(name) is not None}
        if config.get("metadata"):
            body["metadata"] = {name: _native(text) for name, text in config["metadata"].items()}
        settings = config.get("router_settings") or {}
        body["router_settings"] = {
            kind: [{entry["model"]: entry["fallback_models"]} for entry in entries]
            for kind, entries in settings.items()
            if entries is not None
        }
        return body


@dataclass(frozen=True, slots=True)
class TeamMember:
    """The resource litellm_team_member; it never reads, and a change of role is not sent."""

    wire: Wire

    def create(self, config: Config) -> None:
        member = {name: config[name] for name in ("role", "user_id", "user_email")}
        body = {"member": [member], "team_id": config["team_id"], **_budget(config)}
        try:
            self.wire.post("/team/member_add", body)
        except RefusedError as refused:
            if refused.status != 400 or "team_member_already_in_team" not in refused.text:
                raise
        self._apply_duration(config)

    def update(self, state: Config, config: Config) -> None:
        body = {name: config[name] for name in ("user_id", "user_email", "team_id")}
        if state.get("max_budget_in_team") is not None:
            body["max_budget_in_team"] = None
        self.wire.post("/team/member_update", {**body, **_budget(config)})
        self._apply_duration(config)

    def delete(self, state: Config) -> None:
        names = ("user_id", "user_email", "team_id")
        _unless_missing(self.wire, "/team/member_delete", {name: state[name] for name in names})

    def _apply_duration(self, config: Config) -> None:
        """The duration goes to the budget itself, whose id /team/info tells."""
        if not config.get("budget_duration"):
            return
        answer = self.wire.get("/team/info", team_id=config["team_id"])
        tables = {m["user_id"]: m["litellm_budget_table"] for m in answer["team_memberships"]}
        budget_id = tables[config["user_id"]]["budget_id"]
        body = {"budget_id": budget_id, "budget_duration": config["budget_duration"]}
        self.wire.post("/budget/update", {**body, "max_budget": config["max_budget_in_team"]})


@dataclass(frozen=True, slots=True)
class TeamMemberAdd:
    """The resource litellm_team_member_add: one request per member, each read back."""

    wire: Wire

    def create(self, config: Config) -> list[State]:
        """The members, with the ids that the service gave to bare addresses."""
        members = sorted(config["member"], key=lambda m: (m.get("user_id", ""), m["user_email"]))
        assert [m for m in members if self._found(config, m)] == []
        for member in members:
            body = {"team_id": config["team_id"], "member": member, **_budget(config)}
            self.wire.post("/team/member_add", body)
            assert self._found(config, member), member
        return self.read(config)

    def read(self, config: Config) -> list[State]:
        """Each has one entry in the roster and one membership with the budget."""
        found = []
        answer = self.wire.get("/team/info", team_id=config["team_id"])
        for member in config["member"]:
            (entry,) = self._found(config, member)
            (membership,) = (
                m for m in answer["team_memberships"] if m["user_id"] == entry["user_id"]
            )
            table = membership["litellm_budget_table"] or {}
            assert table.get("max_budget") == config.get("max_budget_in_team")
            found.append({**member, "user_id": entry["user_id"], "role": entry["role"]})
        return found

    def delete(self, config: Config, members: list[State]) -> None:
        for member in members:
            body = {name: value for name, value in member.items() if name != "role"}
            self.wire.post("/team/member_delete", {"team_id": config["team_id"], **body})

    def _found(self, config: Config, member: Config) -> list[State]:
        info = self.wire.get("/team/info", team_id=config["team_id"])["team_info"]
        return [
            entry
            for entry in info["members_with_roles"]
            if entry["user_id"] == member.get("user_id")
            or (entry["user_email"] and entry["user_email"] == member["user_email"])
        ]


@dataclass(frozen=True, slots=True)
class TeamBlock:
    """The resource litellm_team_block: it exists while the team is blocked."""

    wire: Wire

    def create(self, team_id: str) -> None:
        self.wire.post("/team/block", {"team_id": team_id})

    def exists(self, team_id: str) -> bool:
        try:
            answer = self.wire.get("/team/info", team_id=team_id)
        except RefusedError as refused:
            if refused.status == 404:
                return False
            raise
        return answer["team_info"].get("blocked") is True

    def delete(self, team_id: str) -> None:
        _unless_missing(self.wire, "/team/unblock", {"team_id": team_id})


@dataclass(frozen=True, slots=True)
class Key:
    """The resource litellm_key; what the answer leaves null stays what was configured."""

    wire: Wire

    def create(self, config: Config) -> State:
        made = self.wire.post("/key/generate", self._body(config))
        return self.read({"key": made["key"], **config})

    def read(self, state: State) -> State:
        try:
            answer = self.wire.get("/key/info", key=state["key"])
        except RefusedError as refused:
            if refused.status == 404:
                return {}
            raise
        info = answer.get("info", answer)
        found = {n: v if info.get(n) is None else info[n] for n, v in state.items()}
        if state.get("metadata") is not None:
            found["metadata"] = _metadata(info["metadata"], state["metadata"])
        return found

    def update(self, state: State, config: Config) -> State:
        self.wire.post("/key/update", {**self._body(config), "key": state["key"]})
        return self.read({"key": state["key"], **config})

    def delete(self, state: State) -> None:
        _unless_missing(self.wire, "/key/delete", {"keys": [state["key"]]})

    @staticmethod
    def _body(config: Config) -> State:
        """A key of a team without models of its own asks for all of the team's."""
        body = {name: value for name, value in config.items() if value not in (None, "", [], {})}
        if config.get("team_id") and not config.get("models"):
            body["models"] = ALL_TEAM_MODELS
        return body


def teams(wire: Wire, organization_id: str | None = None) -> list[State]:
    """The data source litellm_teams: an array, or one under `teams` or `data`."""
    query = {"organization_id": organization_id} if organization_id else {}
    answer = wire.get("/team/list", **query)
    if isinstance(answer, dict):
        answer = answer.get("teams") or answer["data"]
    return [dict(team) for team in answer]


def _unless_missing(wire: Wire, path: str, body: Config) -> None:
    try:
        wire.post(path, body)
    except RefusedError as refused:
        if refused.status != 404:
            raise


def _budget(config: Config) -> State:
    budget = config.get("max_budget_in_team")
    return {} if budget is None else {"max_budget_in_team": budget}


def _listed(answered: list[str] | None, configured: list[str] | None) -> list[str] | None:
    return answered or (None if configured is None else [])


def _metadata(answered: State, configured: Config | None) -> State:
    """As text, and only what was configured; all of it where nothing was."""
    kept = answered if not configured else {n: v for n, v in answered.items() if n in configured}
    return {n: v if isinstance(v, str) else json.dumps(v) for n, v in kept.items()}


def _native(text: str) -> object:
    """Terraform's maps hold text; what is JSON travels as what it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _fallbacks(answered: State | None) -> State | None:
    """Any setting at all in the answer makes a block of two lists."""
    if not answered:
        return None
    return {
        kind: None
        if answered.get(kind) is None
        else [
            {"model": model, "fallback_models": models}
            for entry in answered[kind]
            for model, models in entry.items()
        ]
        for kind in ("fallbacks", "context_window_fallbacks")
    }

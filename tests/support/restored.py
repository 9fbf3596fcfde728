"""Teams with everything that they may have, to be deleted, brought back and taken back."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from hypothesis import strategies as st

from tests.support.auditor import token
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

SETTINGS: dict[str, Any] = {
    "team_alias": "Core",
    "max_budget": 100,
    "soft_budget": 80,
    "budget_duration": "30d",
    "tpm_limit": 1_000,
    "models": ["gpt-4o"],
    "model_aliases": {"fast": "gpt-4o"},
    "metadata": {"cost_center": "42", "logging": []},
    "object_permission": {"mcp_servers": ["files"]},
    "team_member_budget": 5,
    "team_member_permissions": ["/key/generate", "/key/info"],
    "tags": ["prod"],
}


def path_of(team_id: str, what: str) -> str:
    return f"/v1/teams/{quote(team_id, safe='')}/{what}"


def restore(ledger: Ledger, team_id: str, **body: object) -> Any:  # noqa: ANN401
    return ledger.done(path_of(team_id, "restore"), body)


def revert(ledger: Ledger, team_id: str, to: object) -> Any:  # noqa: ANN401
    return ledger.done(path_of(team_id, "revert"), {"to": to})


def delete(ledger: Ledger, team_id: str) -> None:
    ledger.done("/team/delete", {"team_ids": [team_id]})


def info(ledger: Ledger, team_id: str, key: str = MASTER_KEY) -> Any:  # noqa: ANN401
    return ledger.shown("/team/info", key, team_id=team_id)


def level(shown: Any) -> Any:  # noqa: ANN401
    """A team as it is shown, but for when it and its keys were changed last, and by whom."""
    keys: list[Any] = shown["keys"]
    for each in (shown["team_info"], *keys):
        each.pop("updated_at")
    return shown


def accepted(ledger: Ledger, key: str, team_id: str) -> bool:
    """Whether a key is known, for a read and for a write alike."""
    read = ledger.get("/team/info", key, team_id=team_id)
    written = ledger.post("/key/generate", {"team_id": team_id}, key)
    known = ["token_not_found_in_db" not in each.text for each in (read, written)]
    assert known[0] == known[1]
    return known[0]


def spend(ledger: Ledger, gateway: str, key: str, cost: float) -> None:
    """A call of a model with a key, as a gateway reports it."""
    usage = {"id": uuid4().hex, "started_at": datetime.now(UTC).isoformat(), "model": "gpt-4o"}
    told = ledger.done("/v1/usage", {**usage, "key_hash": token(key), "cost": cost}, gateway)
    assert told["accepted"] == 1


def whole_team(ledger: Ledger, team_id: str) -> str:
    """A team with settings, members, callbacks and keys; the key of the member `<team>-ann`."""
    ledger.done("/team/new", {"team_id": team_id, **SETTINGS})
    logger = {
        "callback_name": "langfuse",
        "callback_vars": {"langfuse_secret_key": "sk-lf-1234567"},
    }
    ledger.done(f"/team/{quote(team_id, safe='')}/callback", logger)
    email = f"{quote(team_id, safe='')}@example.com"
    ledger.user(f"{team_id}-ann", "internal_user", user_email=email)
    member = {"user_id": f"{team_id}-ann", "role": "admin"}
    ledger.done("/team/member_add", {"team_id": team_id, "member": member, "max_budget_in_team": 7})
    ledger.key(team_id=team_id, key_alias=f"{team_id}-production")
    return ledger.key(team_id=team_id, user_id=f"{team_id}-ann")


ACTIONS = st.one_of(
    st.tuples(
        st.just("/team/update"),
        st.fixed_dictionaries(
            {},
            optional={
                "team_alias": st.sampled_from(["One", "Zwei"]),
                "max_budget": st.integers(10, 90),
                "budget_duration": st.sampled_from(["1d", "30d"]),
                "models": st.lists(st.sampled_from(["gpt-4o", "llama"]), max_size=2, unique=True),
                "metadata": st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=2),
                "model_aliases": st.sampled_from([{}, {"fast": "gpt-4o"}]),
                "team_member_budget": st.integers(1, 5),
                "rpm_limit": st.none() | st.integers(0, 5),
            },
        ),
    ),
    st.tuples(st.sampled_from(["/team/block", "/team/unblock"]), st.just({})),
    st.tuples(
        st.just("/team/member_add"),
        st.fixed_dictionaries(
            {
                "member": st.fixed_dictionaries(
                    {
                        "user_id": st.sampled_from(["ann", "bob", "eve"]),
                        "role": st.sampled_from(["user", "admin"]),
                    }
                ),
            },
            optional={"max_budget_in_team": st.integers(1, 3)},
        ),
    ),
    st.tuples(
        st.just("/team/member_delete"),
        st.fixed_dictionaries(
            {
                "user_id": st.sampled_from(["ann", "bob", "eve"]),
            }
        ),
    ),
    st.tuples(
        st.just("/team/member_update"),
        st.fixed_dictionaries(
            {
                "user_id": st.sampled_from(["ann", "bob"]),
                "role": st.sampled_from(["user", "admin"]),
            }
        ),
    ),
    st.tuples(
        st.just("/team/permissions_update"),
        st.fixed_dictionaries(
            {
                "team_member_permissions": st.sampled_from([[], ["/key/generate"]]),
            }
        ),
    ),
    st.tuples(st.just("/key/generate"), st.just({})),
)


def act(ledger: Ledger, team_id: str, actions: list[tuple[str, dict[str, Any]]]) -> None:
    """What can be done is done; the rest is refused."""
    for path, body in actions:
        assert ledger.post(path, {"team_id": team_id, **body}).status_code < 500


def unordered(shown: Any) -> Any:  # noqa: ANN401
    """A team without keys, and without the order in which its members joined."""
    team = level(shown)["team_info"]
    members = {(m["user_id"], m["role"]) for m in team.pop("members_with_roles")}
    shares = {m["user_id"]: m["litellm_budget_table"] for m in shown["team_memberships"]}
    team.pop("budget_reset_at")
    return team, members, shares

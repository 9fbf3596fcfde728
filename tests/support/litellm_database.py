"""A LiteLLM database as 1.82 makes it, filled with what its defects leave behind.

The columns come from `litellm_columns.json`, a copy of LiteLLM's schema: nothing of ours says
which there are. There are no foreign keys, as rows of older versions are not held to them.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

COLUMNS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("litellm_columns.json").read_text(encoding="utf-8")
)
TEAM, USER, KEY = "LiteLLM_TeamTable", "LiteLLM_UserTable", "LiteLLM_VerificationToken"
BUDGET, ORGANIZATION = "LiteLLM_BudgetTable", "LiteLLM_OrganizationTable"
MEMBER, ORGANIZATION_MEMBER = "LiteLLM_TeamMembership", "LiteLLM_OrganizationMembership"
DELETED_TEAM, DELETED_KEY = "LiteLLM_DeletedTeamTable", "LiteLLM_DeletedVerificationToken"
PERMISSION, MODEL = "LiteLLM_ObjectPermissionTable", "LiteLLM_ModelTable"
PAIRS = {MEMBER, ORGANIZATION_MEMBER}
"""Their rows are named by the first two columns, others by the first."""
MADE = "2024-05-06 07:08:09.123"
CHANGED = "2024-06-07 08:09:10.5"
DELETED = "2024-07-08 09:10:11"
BY = {"created_by": "default_user_id", "updated_by": "default_user_id"}


def token(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class LiteLLM:
    """Writes rows as LiteLLM would; what is not given has the default of its column."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn

    def create(self, without: Mapping[str, set[str]] | None = None) -> None:
        """All tables; `without` names columns that an older version does not have."""
        for table, columns in COLUMNS.items():
            there = {n: k for n, k in columns.items() if n not in (without or {}).get(table, ())}
            lines = [SQL("{} ").format(Identifier(n)) + SQL(kind) for n, kind in there.items()]
            key = SQL(", ").join(map(Identifier, list(there)[: 1 + (table in PAIRS)]))
            lines.append(SQL("PRIMARY KEY ({})").format(key))
            self._conn.execute(
                SQL("CREATE TABLE {} ({})").format(Identifier(table), SQL(", ").join(lines))
            )

    def put(self, table: str, **values: object) -> None:
        kinds = COLUMNS[table]
        held = [Jsonb(v) if kinds[n].startswith("jsonb") else v for n, v in values.items()]
        self._conn.execute(
            SQL("INSERT INTO {} ({}) VALUES ({})").format(
                Identifier(table),
                SQL(", ").join(map(Identifier, values)),
                SQL(", ").join(SQL("%s") for _ in values),
            ),
            held,
        )

    def change(self, table: str, key: str, identity: str, **values: object) -> None:
        for name, value in values.items():
            self._conn.execute(
                SQL("UPDATE {} SET {} = %s WHERE {} = %s").format(
                    Identifier(table), Identifier(name), Identifier(key)
                ),
                (value, identity),
            )


def fill(db: LiteLLM) -> None:
    """One of each inconsistency that the register names, beside things that are as they should."""
    _budgets(db)
    _organizations(db)
    _users(db)
    _teams(db)
    _strange_teams(db)
    _keys(db)
    _deleted(db)


def _budgets(db: LiteLLM) -> None:
    db.put(BUDGET, budget_id="acme-budget", max_budget=500.0, budget_duration="30d", **BY)
    db.put(BUDGET, budget_id="orphan-budget", max_budget=float("nan"), tpm_limit=-1, **BY)
    db.put(BUDGET, budget_id="core-default", max_budget=10.0, rpm_limit=5, **BY)
    db.put(BUDGET, budget_id="bob-own", max_budget=2.5, **BY)
    db.put(BUDGET, budget_id="key-budget", max_budget=7.0, soft_budget=3.0, **BY)


def _organizations(db: LiteLLM) -> None:
    db.put(
        ORGANIZATION,
        organization_id="acme",
        organization_alias="Acme",
        budget_id="acme-budget",
        models=["gpt-4o"],
        spend=40.0,
        created_at=MADE,
        updated_at=CHANGED,
        **BY,
    )
    for user_id, role, spend in (("ann", "org_admin", 0.25), ("bob", None, 0.0)):
        db.put(
            ORGANIZATION_MEMBER,
            user_id=user_id,
            organization_id="acme",
            user_role=role,
            spend=spend,
        )


def _users(db: LiteLLM) -> None:
    own = {"created_at": MADE, "updated_at": CHANGED, "models": []}
    db.put(
        USER,
        user_id="ann",
        user_email="Ann@Example.com",
        user_alias="Ann",
        user_role="internal_user",
        teams=["core", "core", "gone"],
        max_budget=20.0,
        spend=1.25,
        password="hashed",
        **own,
    )
    db.put(USER, user_id="ann-2", user_email="ann@example.COM", created_at=DELETED, models=[])
    db.put(USER, user_id="bob", user_email="bob@example.com", teams=["core"], **own)
    db.put(USER, user_id="cleo", teams=["core"], budget_duration="daily", **own)
    db.put(USER, user_id="odd", user_email="no address", max_budget=-3.0, **own)
    db.put(USER, user_id="tab\tbed", **own)
    db.put(USER, user_id="u" * 256, **own)
    db.put(USER, user_id="big", metadata={"text": "x" * 70_000}, **own)


def _teams(db: LiteLLM) -> None:
    db.put(MODEL, id=7, aliases={"fast": "gpt-4o"}, **BY)
    db.put(PERMISSION, object_permission_id="perm", mcp_servers=["m"], vector_stores=[])
    db.put(
        TEAM,
        team_id="core",
        team_alias="Core",
        organization_id="acme",
        object_permission_id="perm",
        admins=[],
        members=[],
        members_with_roles=[
            {"user_id": "ann", "user_email": None, "role": "admin"},
            {"user_id": "bob", "role": "user"},
            {"user_id": "bob", "role": "user"},
            {"user_id": None, "user_email": "BOB@example.com", "role": "user"},
            {"user_email": "new@example.com", "role": "user"},
            {"user_id": "dan", "user_email": "dan@example.com", "role": "user"},
        ],
        metadata={
            "team_member_budget_id": "core-default",
            "cost_center": "42",
            "logging": [
                {
                    "callback_name": "langfuse",
                    "callback_type": "success",
                    "callback_vars": {"langfuse_secret_key": "sk-lf-0123456789abcdef"},
                }
            ],
            "callback_settings": {
                "failure_callback": ["langsmith"],
                "callback_vars": {"langsmith_api_key": "lsv2-0123456789abcdef"},
            },
        },
        max_budget=100.0,
        soft_budget=100.0,
        spend=12.5,
        models=["gpt-4o"],
        tpm_limit=1000,
        budget_duration="1mo",
        model_id=7,
        team_member_permissions=["/key/generate"],
        created_at=MADE,
        updated_at=CHANGED,
    )
    db.put(MEMBER, user_id="ann", team_id="core", budget_id="core-default", spend=1.0)
    db.put(MEMBER, user_id="bob", team_id="core", budget_id="bob-own", spend=0.5)
    db.put(MEMBER, user_id="eve", team_id="core", budget_id="lost-budget")
    db.put(MEMBER, user_id="ann", team_id="never", budget_id=None)


def _strange_teams(db: LiteLLM) -> None:
    own = {"models": [], "created_at": MADE, "updated_at": CHANGED}
    db.put(
        TEAM,
        team_id="strange",
        organization_id="nowhere",
        members_with_roles=[
            {"user_id": "big", "role": "user"},
            {"user_id": "cleo", "user_email": "cleo@example.com", "role": "admin"},
            {"user_id": "fay", "user_email": "bob@EXAMPLE.com", "role": "user"},
        ],
        max_budget=float("nan"),
        tpm_limit=-5,
        budget_duration="often",
        blocked=True,
        metadata={"team_member_budget_id": "lost-budget", "logging": "nonsense"},
        **own,
    )
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"a": deep}
    db.put(TEAM, team_id="deep", metadata=deep, **own)
    db.put(TEAM, team_id="large", metadata={"text": "x" * 70_000}, **own)
    db.put(TEAM, team_id="new\nline", **own)
    db.put(TEAM, team_id="listed", members_with_roles="ann", **own)


def _keys(db: LiteLLM) -> None:
    own = {"created_at": MADE, "updated_at": CHANGED, **BY}
    db.put(
        KEY,
        token=token("sk-old-secret"),
        key_name="sk-...cret",
        key_alias="production",
        user_id="ann",
        team_id="core",
        organization_id="nowhere",
        models=["gpt-4o"],
        max_budget=7.0,
        budget_id="key-budget",
        metadata={"tags": ["x"]},
        spend=0.75,
        **own,
    )
    later = {**own, "created_at": CHANGED}
    db.put(KEY, token=token("sk-second"), key_alias="production", user_id="bob", **later)
    db.put(KEY, token=token("sk-blocked"), user_id="ann", blocked=True, **own)
    db.put(KEY, token=token("sk-expired"), user_id="ann", expires=MADE, **own)
    db.put(KEY, token=token("sk-teamless"), team_id="never", **own)
    db.put(KEY, token=token("sk-ownerless"), user_id="nobody", **own)
    db.put(KEY, token="sk-stored-in-the-clear", user_id="ann", **own)
    db.put(KEY, token=token("sk-waits"), team_id="deep", **own)
    db.put(KEY, token="broken", user_id="ann", **own)
    routes = ["gateway_routes"]
    db.put(KEY, token=token("sk-gateway"), key_alias="eu", allowed_routes=routes, **own)


def _deleted(db: LiteLLM) -> None:
    gone = {"deleted_at": DELETED, "deleted_by": "ann", "deleted_by_api_key": "f" * 64}
    for row_id, team_id, alias in (("row-1", "gone", "Gone"), ("row-2", "core", "Core before")):
        db.put(
            DELETED_TEAM,
            id=row_id,
            team_id=team_id,
            team_alias=alias,
            members_with_roles=[{"user_id": "bob", "role": "admin"}],
            spend=3.0,
            models=[],
            created_at=MADE,
            **gone,
        )
    db.put(
        DELETED_KEY,
        id="row-3",
        token=token("sk-deleted"),
        key_alias="old",
        user_id="ann",
        created_at=MADE,
        **gone,
    )

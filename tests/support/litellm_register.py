"""What each defect of the register leaves behind in LiteLLM's database, and what is said of it.

A defect that leaves nothing wrong behind (a missing check, an answer, a race that was lost) has no
trace; nor have those of which the data do not tell, such as a limit that was dropped (D13, S16).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.litellm_database import (
    BUDGET,
    BY,
    KEY,
    MEMBER,
    MODEL,
    ORGANIZATION,
    ORGANIZATION_MEMBER,
    PERMISSION,
    TEAM,
    USER,
    LiteLLM,
    token,
)

Rows = list[tuple[str, dict[str, object]]]
NAN, INFINITE = float("nan"), float("inf")


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows, and what the report says of the thing `of`: sort and reason by what it is about."""

    register: str
    rows: Rows
    of: str
    said: Mapping[str, tuple[str, str]]

    def __str__(self) -> str:
        return f"{self.register} {self.of}"


def team(team_id: str, *members: object, **values: object) -> tuple[str, dict[str, object]]:
    listed = [{"user_id": m, "role": "user"} if isinstance(m, str) else m for m in members]
    own = {"models": [], "members_with_roles": listed}
    return TEAM, {"team_id": team_id, **own, **values}


def user(user_id: str, **values: object) -> tuple[str, dict[str, object]]:
    return USER, {"user_id": user_id, "models": [], **values}


def key(name: str, **values: object) -> tuple[str, dict[str, object]]:
    return KEY, {"token": token(f"sk-{name}"), **values}


def budget(budget_id: str, **values: object) -> tuple[str, dict[str, object]]:
    return BUDGET, {"budget_id": budget_id, **values, **BY}


def organization(name: str, budget_id: str, **values: object) -> Rows:
    """With its budget, unless that has no values."""
    of = {"organization_id": name, "organization_alias": name, "budget_id": budget_id, **BY}
    made = budget(budget_id, **values.pop("budget", {}))  # type: ignore[arg-type]
    return [made, (ORGANIZATION, {**of, **values})]


def member(user_id: str, team_id: str, **values: object) -> tuple[str, dict[str, object]]:
    return MEMBER, {"user_id": user_id, "team_id": team_id, **values}


_GUARANTEED = {"tpm_limit_type": "guaranteed_throughput"}
_LISTED = "is not in members_with_roles, but"

TRACES = [
    Trace(
        "D02",
        [user("d02"), key("d02", user_id="d02", allowed_routes=["/key/info", "/user/bulk_update"])],
        token("sk-d02"),
        {"allowed_routes": ("flagged", "/user/bulk_update: the list opens nothing")},
    ),
    Trace(
        "D05",
        [
            *organization("d05", "d05-budget", budget={"max_budget": 10.0}),
            team("d05", organization_id="d05", max_budget=20.0),
        ],
        "d05",
        {"organization_id": ("flagged", "Team max_budget (20.0) exceeds organization's")},
    ),
    Trace(
        "D06",
        [
            *organization("d06", "d06-budget", models=["a"]),
            team("d06-team", organization_id="d06"),
        ],
        "d06-team",
        {"organization_id": ("flagged", "not in organization's allowed models")},
    ),
    Trace(
        "D07",
        [
            *organization("d07", "d07-budget", budget={"tpm_limit": 100}),
            team("d07-a", organization_id="d07", tpm_limit=60, metadata=_GUARANTEED),
            team("d07-b", organization_id="d07", tpm_limit=60, metadata=_GUARANTEED),
        ],
        "d07-b",
        {"organization_id": ("flagged", "Allocated TPM limit=60 + Team TPM limit=60")},
    ),
    Trace(
        "D11",
        [
            user("d11-a"),
            user("d11-b"),
            budget("team-d11-budget", max_budget=5.0),
            team("d11", "d11-a", "d11-b", metadata={"own": 1}),
            member("d11-a", "d11", budget_id="team-d11-budget"),
            member("d11-b", "d11", budget_id="team-d11-budget"),
        ],
        "d11",
        {"budget team-d11-budget": ("flagged", "is that of 2 members, and not the team's")},
    ),
    Trace(
        "D14",
        [budget("d14-orphan", max_budget=1.0)],
        "d14-orphan",
        {"budget_id": ("flagged", "no organization, team, member or key refers to it")},
    ),
    Trace(
        "D15",
        [
            user("d15-a"),
            user("d15-b", user_email="d15-b@example.com"),
            team("d15", {"user_id": "d15-b", "role": "user"}),
            member("d15-a", "d15"),
        ],
        "d15",
        {"member d15-a": ("repaired", f"{_LISTED} it has a membership")},
    ),
    Trace(
        "D15",
        [
            user("d15-c", user_email="d15-c@example.com"),
            user("d15-d"),
            team(
                "d15-email", {"user_id": "d15-d", "user_email": "d15-C@example.com", "role": "user"}
            ),
        ],
        "d15-email",
        {"member d15-d, user_email": ("repaired", "is that of user d15-c: left out")},
    ),
    Trace(
        "D17",
        [team("d17", team_member_permissions=["/key/info", "/key/nonsense"])],
        "d17",
        {"team_member_permissions": ("repaired", "'/key/nonsense': no such permission")},
    ),
    Trace(
        "D24",
        [team("d24", models=["a", "b", "a"])],
        "d24",
        {"models": ("repaired", "names something more than once")},
    ),
    Trace(
        "D27",
        [user("d27-a"), team("d27", "d27-a", "d27-a")],
        "d27",
        {"member d27-a": ("repaired", "is listed more than once: one member")},
    ),
    Trace(
        "D27",
        [user("d27-b", teams=["d27-twice", "d27-twice"]), team("d27-twice", "d27-b")],
        "d27-b",
        {"teams": ("repaired", "names teams more than once: once")},
    ),
    Trace(
        "D28",
        [team("d28", {"user_id": "d28-a", "user_email": "d28-a@example.com", "role": "user"})],
        "d28",
        {"member d28-a": ("repaired", "has no user row: made a user")},
    ),
    Trace(
        "D28",
        [
            user("d28-first", user_email="d28@example.com", created_at="2024-01-01"),
            user("d28-second", user_email="D28@Example.com", created_at="2024-01-02"),
        ],
        "d28-second",
        {"user_email": ("flagged", "is that of user d28-first, too")},
    ),
    Trace(
        "D29",
        [
            user("d29", user_email="d29@example.com"),
            team("d29-team", "d29", {"user_email": "d29@example.com", "role": "user"}),
        ],
        "d29-team",
        {"member d29": ("repaired", "is listed more than once: one member")},
    ),
    Trace(
        "D30",
        [user("d30", teams=["d30-team"]), team("d30-team")],
        "d30-team",
        {"member d30": ("repaired", f"{_LISTED} user.teams names it")},
    ),
    Trace(
        "D31",
        [team("d31", metadata={"team_member_budget_id": "d31-lost"})],
        "d31",
        {"metadata.team_member_budget_id": ("repaired", "d31-lost does not exist")},
    ),
    Trace(
        "D32",
        [user("d32-a"), member("d32-a", "d32-gone")],
        "d32-gone/d32-a",
        {"team_id": ("repaired", "does not exist: the membership is left out")},
    ),
    Trace(
        "D32",
        [user("d32-b", teams=["d32-gone"])],
        "d32-b",
        {"teams": ("repaired", "names 1 teams that do not exist: 'd32-gone'")},
    ),
    Trace(
        "D32",
        [(MODEL, {"id": 32, "aliases": {}, **BY})],
        "32",
        {"id": ("repaired", "belongs to nothing that is imported")},
    ),
    Trace(
        "D32",
        [(PERMISSION, {"object_permission_id": "d32-permission"})],
        "d32-permission",
        {"object_permission_id": ("repaired", "belongs to nothing that is imported")},
    ),
    Trace(
        "D32",
        [team("d32-parts", model_id=33, object_permission_id="d32-lost")],
        "d32-parts",
        {
            "model_id": ("repaired", "model table 33 does not exist: no aliases"),
            "object_permission_id": ("repaired", "d32-lost does not exist: left out"),
        },
    ),
    Trace(
        "D33",
        [team("d33", max_budget=NAN, tpm_limit=-5, rpm_limit=-1)],
        "d33",
        {
            "max_budget": ("repaired", "nan is no amount and limits nothing"),
            "tpm_limit": ("repaired", "-5 is below zero and lets nothing pass, as 0 does"),
            "rpm_limit": ("repaired", "-1 is below zero"),
        },
    ),
    Trace(
        "D33",
        [team("d33-soft", max_budget=INFINITE, soft_budget=-1.0)],
        "d33-soft",
        {
            "max_budget": ("repaired", "inf is no amount and limits nothing"),
            "soft_budget": ("repaired", "-1.0 is below zero"),
        },
    ),
    Trace(
        "D33",
        [team("d33-order", max_budget=10.0, soft_budget=10.0)],
        "d33-order",
        {"soft_budget": ("repaired", "10.0 is not below max_budget 10.0: left out")},
    ),
    Trace(
        "D33",
        [
            user("d33-m"),
            budget("d33-own", max_budget=-2.0),
            team("d33-member", "d33-m"),
            member("d33-m", "d33-member", budget_id="d33-own"),
        ],
        "d33-member",
        {"member d33-m, max_budget": ("repaired", "-2.0 is below zero")},
    ),
    Trace("D34", [team("")], "", {"team_id": ("refused", "there is no id")}),
    Trace(
        "D34",
        [team("d34\ttab")],
        "d34\ttab",
        {"team_id": ("refused", "control characters")},
    ),
    Trace(
        "D36",
        [team("d36", budget_duration="often")],
        "d36",
        {"budget_duration": ("repaired", "'often' is no duration and is reset every midnight")},
    ),
    Trace(
        "S01",
        [user("s01", password="hashed")],
        "s01",
        {"password": ("repaired", "is not kept: nobody signs in here by password")},
    ),
    Trace(
        "S04",
        [user("s04", max_budget=5.0), key("s04", user_id="s04", max_budget=9.0, spend=-3.0)],
        token("sk-s04"),
        {
            "max_budget": ("flagged", "9.0 is above 5.0, what its user has"),
            "spend": ("repaired", "-3.0 was not spent: 0"),
        },
    ),
    Trace(
        "S05",
        [key("s05", team_id="s05-never")],
        token("sk-s05"),
        {"team_id": ("flagged", "s05-never does not exist: the key is kept and refused")},
    ),
    Trace(
        "S12",
        [key("s12", organization_id="s12-gone")],
        token("sk-s12"),
        {"organization_id": ("repaired", "s12-gone does not exist: left out")},
    ),
    Trace(
        "S12",
        [team("s12", organization_id="s12-gone")],
        "s12",
        {"organization_id": ("repaired", "s12-gone does not exist: left out")},
    ),
    Trace(
        "S12",
        [(ORGANIZATION_MEMBER, {"user_id": "s12-m", "organization_id": "s12-gone"})],
        "s12-gone/s12-m",
        {"organization_id": ("repaired", "does not exist: the membership is left out")},
    ),
    Trace(
        "S12",
        [
            *organization("s12-one", "s12-budget"),
            *organization("s12-two", "s12-budget-2"),
            team("s12-team", organization_id="s12-one"),
            key("s12-two", team_id="s12-team", organization_id="s12-two"),
        ],
        token("sk-s12-two"),
        {"organization_id": ("flagged", "s12-two is not that of its team")},
    ),
    Trace(
        "S13",
        [
            user("s13-a"),
            *organization("s13", "s13-budget"),
            (
                ORGANIZATION_MEMBER,
                {"user_id": "s13-a", "organization_id": "s13", "budget_id": "s13-lost"},
            ),
        ],
        "s13",
        {
            "member s13-a, user_role": ("repaired", "None is no role: internal_user"),
            "member s13-a, budget_id": ("repaired", "s13-lost does not exist: left out"),
        },
    ),
    Trace(
        "S14",
        [key("s14", user_id="s14-gone")],
        token("sk-s14"),
        {"user_id": ("flagged", "s14-gone does not exist: kept")},
    ),
    Trace(
        "S15",
        [
            *organization("s15", "s15-budget", budget={"model_max_budget": '{"m": 1}'}),
        ],
        "s15-budget",
        {"model_max_budget": ("repaired", "is JSON in a text: read")},
    ),
    Trace(
        "S16",
        [key("s16", budget_id="s16-gone")],
        token("sk-s16"),
        {"budget_id": ("flagged", "s16-gone does not exist: it limits nothing")},
    ),
    Trace(
        "S16",
        organization("s16", "s16-lost")[1:],
        "s16",
        {"budget_id": ("flagged", "there is no budget s16-lost")},
    ),
    Trace(
        "S16",
        [
            user("s16-m"),
            team("s16-team", "s16-m"),
            member("s16-m", "s16-team", budget_id="s16-lost"),
        ],
        "s16-team",
        {"member s16-m, budget_id": ("repaired", "s16-lost does not exist: no limits of his own")},
    ),
]


def fill_with_traces(db: LiteLLM) -> None:
    """All of them beside each other."""
    for trace in TRACES:
        for table, values in trace.rows:
            db.put(table, **values)

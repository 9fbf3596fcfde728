"""What the read models must hold, folded from the stored JSON into plain dicts.

Independent of the deciders and the projectors: their code is not used, only the facts' names.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from services.database.connections import owner_conninfo
from tests.support.stored import StoredFact, stored_facts

Row = dict[str, Any]
_QUERIES: dict[str, LiteralString] = {
    "teams": """
        SELECT team_id, incarnation, team_alias, blocked, version, created_position,
               members_total, deleted_at IS NOT NULL AS deleted,
               settings -> 'budget' AS budget, metadata
        FROM read.teams_1""",
    "members": "SELECT team_id, incarnation, user_id, role, joined FROM read.memberships_1",
    "users": """
        SELECT user_id, incarnation, person, user_role, version, deleted_at IS NOT NULL AS deleted,
               gone_at, settings -> 'max_budget' AS max_budget,
               settings -> 'budget_duration' AS budget_duration, settings -> 'limits' AS limits,
               settings -> 'max_parallel_requests' AS max_parallel_requests,
               settings -> 'models' AS models, settings -> 'metadata' AS metadata
        FROM read.users_1""",
    "keys": """
        SELECT token, incarnation, user_id, team_id, team_incarnation, coalesce(blocked, false)
               AS blocked, version, deleted_at IS NOT NULL AS deleted, deleted_cause,
               successor, coalesce(rotations, 0) AS rotations, owned_at
        FROM read.keys_1""",
    "organizations": """
        SELECT organization_id, incarnation, organization_alias, budget_id, version, members_total,
               deleted_at IS NOT NULL AS deleted, metadata
        FROM read.organizations_1""",
    "organization_members": """
        SELECT organization_id, incarnation, user_id, role, joined
        FROM read.organization_members_1""",
    "budgets": """
        SELECT budget_id, incarnation, version, deleted_at IS NOT NULL AS deleted, settings
        FROM read.budgets_1""",
    "audit": "SELECT position, object_id, command_id, command FROM read.audit_1",
}

_OF_USER = (
    *("person", "user_role", "max_budget", "budget_duration", "limits"),
    *("max_parallel_requests", "models", "metadata"),
)


_OF_OTHER_COLUMNS = (
    *("team.created", "team.members_restored", "team.models_changed"),
    "team.member_budget_changed",
)
"""Facts about teams that none of these columns tells of."""


@dataclass
class Expected:
    """Rows by what identifies them. A deleted thing keeps its row, and its members theirs."""

    teams: dict[tuple[str, int], Row] = field(default_factory=dict)
    members: dict[tuple[str, int, str], Row] = field(default_factory=dict)
    users: dict[tuple[str, int], Row] = field(default_factory=dict)
    keys: dict[tuple[str, int], Row] = field(default_factory=dict)
    organizations: dict[tuple[str, int], Row] = field(default_factory=dict)
    organization_members: dict[tuple[str, int, str], Row] = field(default_factory=dict)
    budgets: dict[tuple[str, int], Row] = field(default_factory=dict)
    belong: dict[tuple[str, int], str | None] = field(default_factory=dict)
    audit: dict[tuple[str, str], Row] = field(default_factory=dict)

    def fold(self, fact: StoredFact) -> None:
        kind, identity = fact.stream.split("-", 1)
        if kind == "alert":
            self._audit(fact, fact.data["id"])
        if kind == "audit":
            self._audit(fact, identity)
        if kind not in ("team", "user", "key", "organization", "budget"):
            return
        if fact.topic != "organization.allowance_changed":
            self._audit(fact, identity)
        match kind:
            case "organization":
                self._organization(fact, (identity, fact.body["inc"]))
            case "budget":
                self._budget(fact, (identity, fact.body["inc"]))
            case "team":
                self._team(fact, (identity, fact.body["inc"]))
            case "user":
                self._user(fact, (identity, fact.body["inc"]))
            case _:
                self._key(fact, (identity, fact.body["inc"]))

    def _audit(self, fact: StoredFact, identity: str) -> None:
        meta = fact.body["meta"]
        entry = {
            "position": fact.position,
            "object_id": identity,
            "command_id": meta["command_id"],
            "command": meta["command"],
        }
        self.audit.setdefault((meta["command_id"], fact.stream), entry)

    def _team(self, fact: StoredFact, key: tuple[str, int]) -> None:
        data = fact.data
        if fact.topic == "team.created":
            self.teams[key] = {
                "team_id": key[0],
                "incarnation": key[1],
                "team_alias": data["settings"]["team_alias"],
                "blocked": data["settings"]["blocked"],
                "created_position": fact.position,
                "members_total": 0,
                "deleted": False,
                "budget": data["settings"]["budget"],
                "metadata": data["settings"]["metadata"],
            }
            self.belong[key] = data["settings"]["organization_id"]
        team = self.teams[key]
        team["version"] = fact.version
        match fact.topic:
            case "team.renamed":
                team["team_alias"] = data["after"]
            case "team.budget_changed":
                team["budget"] = data["after"]
            case "team.metadata_changed":
                kept = {n: v for n, v in team["metadata"].items() if n not in data["before"]}
                team["metadata"] = kept | data["after"]
            case "team.blocked" | "team.unblocked":
                team["blocked"] = fact.topic == "team.blocked"
            case "team.moved_to_organization":
                self.belong[key] = data["after"]
            case "team.deleted" | "team.restored":
                team["deleted"] = fact.topic == "team.deleted"
            case "team.member_added" | "team.member_removed" | "team.member_role_changed":
                self._member(fact, key, team)
            case unknown if unknown not in _OF_OTHER_COLUMNS:
                raise LookupError(f"{unknown} is not part of what is tested")

    def _member(self, fact: StoredFact, key: tuple[str, int], team: Row) -> None:
        place = (*key, fact.data["user_id"])
        if fact.topic == "team.member_role_changed":
            self.members[place]["role"] = fact.data["after"]
            return
        if fact.topic == "team.member_removed":
            self.members.pop(place, None)
            team["members_total"] -= 1
            return
        team["members_total"] += 1
        self.members[place] = {
            "team_id": key[0],
            "incarnation": key[1],
            "user_id": place[2],
            "role": fact.data["role"],
            "joined": fact.version,
        }

    def _user(self, fact: StoredFact, key: tuple[str, int]) -> None:
        if fact.topic == "user.created":
            settings = fact.data["settings"]
            self.users[key] = {
                "user_id": key[0],
                "incarnation": key[1],
                "deleted": False,
                "gone_at": None,
                **{name: settings[name] for name in _OF_USER},
            }
        user, after = self.users[key], fact.data.get("after", {})
        user["version"] = fact.version
        match fact.topic:
            case "user.role_changed":
                user["user_role"] = after
            case "user.budget_changed":
                user |= after
            case "user.limits_changed":
                user["limits"] = {n: after[n] for n in ("tpm_limit", "rpm_limit")}
                user["max_parallel_requests"] = after["max_parallel_requests"]
            case "user.models_changed":
                user["models"] = after
            case "user.metadata_changed":
                user["metadata"] = after
            case "user.deleted":
                user |= {"deleted": True, "gone_at": fact.position}
                self.members = {k: m for k, m in self.members.items() if k[2] != key[0]}
                entered = self.organization_members.items()
                self.organization_members = {k: m for k, m in entered if k[2] != key[0]}

    def _key(self, fact: StoredFact, key: tuple[str, int]) -> None:
        if fact.topic == "key.generated":
            settings = fact.data["settings"]
            owners = {name: settings[name] for name in ("user_id", "team_id", "team_incarnation")}
            self.keys[key] = {
                "token": key[0],
                "incarnation": key[1],
                **owners,
                "blocked": bool(settings["blocked"]),
                "deleted": False,
                "deleted_cause": None,
                "successor": None,
                "rotations": (fact.data.get("succeeds") or {"rotations": 0})["rotations"],
                "owned_at": fact.position,
            }
        row = self.keys[key]
        row["version"] = fact.version
        if fact.topic in ("key.blocked", "key.unblocked"):
            row["blocked"] = fact.topic == "key.blocked"
        if fact.topic == "key.moved":
            moved = fact.data["after"]
            row |= {name: moved[name] for name in ("user_id", "team_id", "team_incarnation")}
            row["owned_at"] = fact.position
        if fact.topic == "key.deleted":
            row |= {"deleted": True, "deleted_cause": fact.data["cause"]}
        if fact.topic == "key.restored":
            row |= {"deleted": False, "deleted_cause": None, "owned_at": fact.position}
        if fact.topic == "key.rotated":
            successor = fact.data["successor"]
            row |= {"deleted": True, "deleted_cause": "rotated", "successor": successor}

    def _organization(self, fact: StoredFact, key: tuple[str, int]) -> None:
        data = fact.data
        if fact.topic == "organization.created":
            self.organizations[key] = {
                "organization_id": key[0],
                "incarnation": key[1],
                "organization_alias": data["settings"]["organization_alias"],
                "budget_id": data["settings"]["budget_id"],
                "members_total": 0,
                "deleted": False,
                "metadata": data["settings"]["metadata"],
            }
        row = self.organizations[key]
        row["version"] = fact.version
        match fact.topic:
            case "organization.renamed":
                row["organization_alias"] = data["after"]
            case "organization.budget_assigned":
                row["budget_id"] = data["after"]
            case "organization.member_added" | "organization.member_removed":
                self._organization_member(fact, key, row)
            case "organization.deleted":
                row["deleted"] = True
                for team, organization_id in self.belong.items():
                    self.teams[team]["deleted"] |= organization_id == key[0]
            case "organization.created" | "organization.allowance_changed":
                pass
            case unknown:
                raise LookupError(f"{unknown} is not part of what is tested")

    def _organization_member(self, fact: StoredFact, key: tuple[str, int], row: Row) -> None:
        place = (*key, fact.data["user_id"])
        if fact.topic == "organization.member_removed":
            self.organization_members.pop(place, None)
            row["members_total"] -= 1
            return
        row["members_total"] += 1
        self.organization_members[place] = {
            "organization_id": key[0],
            "incarnation": key[1],
            "user_id": place[2],
            "role": fact.data["role"],
            "joined": fact.version,
        }

    def _budget(self, fact: StoredFact, key: tuple[str, int]) -> None:
        if fact.topic == "budget.created":
            self.budgets[key] = {"budget_id": key[0], "incarnation": key[1], "deleted": False}
        row = self.budgets[key]
        row["version"] = fact.version
        if fact.topic == "budget.deleted":
            row["deleted"] = True
        else:
            row["settings"] = fact.data.get("settings") or fact.data["after"]

    def rows(self) -> dict[str, list[Row]]:
        """All rows by read model, in a fixed order."""
        return {name: _sorted(getattr(self, name).values()) for name in _QUERIES}


def expected(facts: Iterable[StoredFact]) -> dict[str, list[Row]]:
    """The rows of every read model after these facts."""
    fold = Expected()
    for fact in facts:
        fold.fold(fact)
    return fold.rows()


def assert_projected(url: str, read_url: str | None = None, *, reached: int | None = None) -> None:
    """The read models are at the head of the store and hold what its facts come to.

    They are in the database of the events unless `read_url` names another one. With a position they
    are there or beyond: while a service runs it may find more to record.
    """
    with psycopg.connect(owner_conninfo(read_url or url)) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        [(position,)] = conn.execute("SELECT position FROM read.groups").fetchall()
        cursor = conn.cursor(row_factory=psycopg.rows.dict_row)
        found = {name: _sorted(cursor.execute(query)) for name, query in _QUERIES.items()}
    facts = stored_facts(url)
    assert len(facts) == position if reached is None else position >= reached
    assert found == expected(fact for fact in facts if fact.position <= position)


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: repr(sorted(row.items())))

"""The audit read model: one entry per command and changed thing, with what changed (D44)."""

from decimal import Decimal
from typing import Any

import pytest

from events.envelope import Envelope, Meta
from events.key import (
    KeyBlocked,
    KeyDeleted,
    KeyGenerated,
    KeyMoved,
    KeyOwner,
    KeyRotated,
    KeySettings,
)
from events.registry import UnknownFact
from events.reservation import NameReserved
from events.streams import EMAIL, KEY, TEAM, USER, stream
from events.team import (
    MemberAdded,
    MemberBudgetChanged,
    MemberRemoved,
    MemberRoleChanged,
    TeamBlocked,
    TeamBudgetChanged,
    TeamCreated,
    TeamDeleted,
    TeamMemberDefaultsChanged,
    TeamMetadataChanged,
    TeamRenamed,
    TeamSettings,
    TeamUnblocked,
)
from events.user import (
    UserCreated,
    UserDeleted,
    UserEmailChanged,
    UserLimits,
    UserLimitsChanged,
    UserMetadataChanged,
    UserRenamed,
    UserRoleChanged,
    UserSettings,
)
from events.values import MemberLimits, ObjectPermission, RateLimits, Sealed, TeamBudget
from services.projection.projector import FactFailed
from services.projection.projectors.audit import AuditProjector
from tests.support.eventlog import History

CORE, ANN, TOKEN = stream(TEAM, "core"), stream(USER, "ann"), stream(KEY, "f" * 64)
MAIL = Sealed(person="p1", box="box of ann@example.com")


async def entries(*commands: list[Envelope]) -> list[dict[str, Any]]:
    facts = [at for command in commands for at in command]
    rows = await AuditProjector().fold(facts)
    return [{"position": key[0], **columns} for key, columns in rows.settled().items()]


async def test_one_command_gives_one_entry_per_thing() -> None:
    log = History()
    created = log.command(
        (CORE, TeamCreated(settings=TeamSettings(team_alias="Core"))),
        (stream(EMAIL, "hash"), NameReserved(holder="ann")),
        (ANN, UserCreated(settings=UserSettings(person="p1"), implicit=True)),
        (CORE, MemberAdded(user_id="ann", role="admin")),
    )
    found = await entries(created, log.command((CORE, TeamBlocked())))
    assert [(row["position"], row["table_name"], row["object_id"]) for row in found] == [
        (1, "LiteLLM_TeamTable", "core"),
        (3, "LiteLLM_UserTable", "ann"),
        (5, "LiteLLM_TeamTable", "core"),
    ]
    assert [row["id"] for row in found] == [
        created[0].event_id,
        created[2].event_id,
        f"0195{5:028x}",
    ]


async def test_an_entry_tells_who_when_and_why() -> None:
    claim = Sealed(person="p9", box="claimed")
    about = Meta(
        "command-x",
        "/team/block",
        actor="boss",
        actor_key="k" * 64,
        actor_role="proxy_admin",
        on_behalf_of=claim,
        correlation_id="request-1",
    )
    (at,) = History().command((CORE, TeamBlocked()), meta=about)
    (row,) = await entries([at])
    assert row == {
        "position": 1,
        "id": at.event_id,
        "updated_at": at.recorded_at,
        "action": "blocked",
        "table_name": "LiteLLM_TeamTable",
        "object_id": "core",
        "object_team_id": "core",
        "object_key_hash": None,
        "actor": "boss",
        "actor_key": "k" * 64,
        "actor_role": "proxy_admin",
        "claim": {"person": "p9", "box": "claimed"},
        "command": "/team/block",
        "command_id": "command-x",
        "correlation_id": "request-1",
        "before_value": {"blocked": False},
        "updated_values": {"blocked": True},
    }


async def test_a_created_team_shows_everything_under_the_names_of_the_contract() -> None:
    settings = TeamSettings(
        team_alias="Core",
        metadata={"cost": 1},
        budget=TeamBudget(max_budget=Decimal("100.50"), budget_duration="30d"),
        limits=RateLimits(tpm_limit=5),
        models=["gpt-4o"],
        object_permission=ObjectPermission(object_permission_id="op", permissions={"agents": []}),
        member_permissions=["/key/info"],
        member_defaults=MemberLimits(budget_id="b1", max_budget=Decimal(7)),
    )
    added = MemberAdded(user_id="ann", role="admin")
    (row,) = await entries(History().command((CORE, TeamCreated(settings=settings)), (CORE, added)))
    assert (row["action"], row["before_value"]) == ("created", {})
    assert row["updated_values"] == {
        "team_id": "core",
        "team_alias": "Core",
        "organization_id": None,
        "admins": [],
        "members": [],
        "members_with_roles": [{"user_id": "ann", "role": "admin"}],
        "metadata": {"cost": 1},
        "max_budget": 100.5,
        "soft_budget": None,
        "budget_duration": "30d",
        "tpm_limit": 5,
        "rpm_limit": None,
        "models": ["gpt-4o"],
        "blocked": False,
        "model_aliases": None,
        "object_permission": {"object_permission_id": "op", "agents": []},
        "router_settings": {},
        "access_group_ids": [],
        "team_member_permissions": ["/key/info"],
        "team_member_budget_id": "b1",
        "team_member_budget": 7.0,
        "team_member_budget_duration": None,
        "team_member_tpm_limit": None,
        "team_member_rpm_limit": None,
    }


async def test_an_update_shows_only_what_changed() -> None:
    (row,) = await entries(
        History().command(
            (CORE, TeamRenamed(before="a", after="b")),
            (CORE, TeamRenamed(before="b", after="c")),
            (
                CORE,
                TeamBudgetChanged(
                    before=TeamBudget(max_budget=Decimal(1), budget_duration="1d"),
                    after=TeamBudget(max_budget=Decimal(2), budget_duration="1d"),
                ),
            ),
            (CORE, TeamMetadataChanged(before={"x": 1, "y": 1}, after={"x": 2})),
            (CORE, TeamMetadataChanged(before={}, after={"z": 3})),
            (
                CORE,
                TeamMemberDefaultsChanged(
                    before=None, after=MemberLimits(budget_id="b", rpm_limit=3)
                ),
            ),
        )
    )
    assert row["action"] == "updated"
    assert row["before_value"] == {
        "team_alias": "a",
        "max_budget": 1.0,
        "metadata": {"x": 1, "y": 1},
        "team_member_budget_id": None,
        "team_member_rpm_limit": None,
    }
    assert row["updated_values"] == {
        "team_alias": "c",
        "max_budget": 2.0,
        "metadata": {"x": 2, "z": 3},
        "team_member_budget_id": "b",
        "team_member_rpm_limit": 3,
    }


async def test_only_touched_members_are_shown_once_each() -> None:
    limits = MemberLimits(budget_id="own", max_budget=Decimal(5), budget_duration="7d")
    lower = MemberLimits(budget_id="own", max_budget=Decimal(3), budget_duration="7d")
    (row,) = await entries(
        History().command(
            (CORE, MemberRoleChanged(user_id="ann", before="user", after="admin")),
            (CORE, MemberBudgetChanged(user_id="ann", before=limits, after=lower)),
            (CORE, MemberAdded(user_id="bob", role="user", limits=lower)),
            (CORE, MemberRemoved(user_id="cy", role="user", limits=limits)),
            (CORE, MemberAdded(user_id="dan", role="user")),
            (CORE, MemberRemoved(user_id="dan", role="user")),
        )
    )
    own = {"budget_id": "own", "budget_duration": "7d", "tpm_limit": None, "rpm_limit": None}
    assert row["before_value"] == {
        "members_with_roles": [
            {"user_id": "ann", "role": "user", "max_budget_in_team": 5.0},
            {"user_id": "cy", "role": "user", "max_budget_in_team": 5.0, **own},
        ]
    }
    assert row["updated_values"] == {
        "members_with_roles": [
            {"user_id": "ann", "role": "admin", "max_budget_in_team": 3.0},
            {"user_id": "bob", "role": "user", "max_budget_in_team": 3.0, **own},
        ]
    }


async def test_a_deletion_shows_what_there_was() -> None:
    deleted = TeamDeleted(settings=TeamSettings(team_alias="Core"), members_total=3)
    key = KeySettings(key_name="sk-...abcd", team_id="core", expires=None)
    found = await entries(
        History().command((CORE, deleted), (TOKEN, KeyDeleted(settings=key, cause="team")))
    )
    assert [(row["action"], row["updated_values"]) for row in found] == [("deleted", {})] * 2
    assert found[0]["before_value"]["team_alias"] == "Core"
    assert found[0]["before_value"]["members_total"] == 3
    assert found[1]["before_value"]["key_name"] == "sk-...abcd"


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ([TeamBlocked()], "blocked"),
        ([TeamUnblocked()], "blocked"),
        ([TeamBlocked(), TeamRenamed(before=None, after="x")], "updated"),
    ],
)
async def test_blocking_alone_is_called_blocked(facts: list[Any], action: str) -> None:
    (row,) = await entries(History().command(*((CORE, fact) for fact in facts)))
    assert row["action"] == action


async def test_a_key_is_found_by_its_hash_and_its_team() -> None:
    log = History()
    settings = KeySettings(
        key_name="sk-...abcd", team_id="core", team_incarnation=1, extra={"aliases": {}}
    )
    generated, blocked = await entries(
        log.command((TOKEN, KeyGenerated(settings=settings))),
        log.command((TOKEN, KeyBlocked())),
    )
    assert (generated["object_key_hash"], generated["object_team_id"]) == ("f" * 64, "core")
    assert generated["updated_values"]["token"] == "f" * 64
    assert generated["updated_values"]["aliases"] == {}
    assert (blocked["object_key_hash"], blocked["action"]) == ("f" * 64, "blocked")
    assert blocked["table_name"] == "LiteLLM_VerificationToken"


async def test_of_a_user_only_what_changed_is_shown() -> None:
    log = History()
    changed, deleted = await entries(
        log.command(
            (ANN, UserRoleChanged(before="internal_user", after="proxy_admin")),
            (
                ANN,
                UserLimitsChanged(
                    before=UserLimits(rpm_limit=1), after=UserLimits(max_parallel_requests=2)
                ),
            ),
            (ANN, UserRenamed(before=None, after=MAIL)),
            (ANN, UserMetadataChanged(before={"a": 1}, after={})),
        ),
        log.command(
            (ANN, UserDeleted(settings=UserSettings(person="p1", user_role="proxy_admin")))
        ),
    )
    assert (changed["action"], changed["table_name"]) == ("updated", "LiteLLM_UserTable")
    assert changed["before_value"] == {
        "user_role": "internal_user",
        "rpm_limit": 1,
        "max_parallel_requests": None,
        "user_alias": None,
        "metadata": {"a": 1},
    }
    assert changed["updated_values"] == {
        "user_role": "proxy_admin",
        "rpm_limit": None,
        "max_parallel_requests": 2,
        "user_alias": {"sealed": MAIL.model_dump()},
        "metadata": {},
    }
    assert (deleted["action"], deleted["before_value"]["user_role"]) == ("deleted", "proxy_admin")


async def test_personal_data_stays_sealed() -> None:
    log = History()
    settings = UserSettings(person="p1", email=MAIL, user_alias=MAIL, email_claim="claim")
    created, changed = await entries(
        log.command((ANN, UserCreated(settings=settings))),
        log.command(
            (
                ANN,
                UserEmailChanged(before=MAIL, after=None, before_claim="claim", after_claim=None),
            )
        ),
    )
    box = {"sealed": {"person": "p1", "box": "box of ann@example.com"}}
    assert created["updated_values"]["user_email"] == box
    assert created["updated_values"]["user_alias"] == box
    assert changed["before_value"] == {"user_email": box}
    assert changed["updated_values"] == {"user_email": None}


async def test_what_is_not_known_leaves_no_entry() -> None:
    unknown = UnknownFact(name="team.painted", version=1, data={"colour": "red"})
    assert await entries(History().command((CORE, unknown))) == []


async def test_a_fact_that_cannot_be_told_is_named_without_its_content() -> None:
    broken = MemberAdded.__new__(MemberAdded)
    with pytest.raises(FactFailed) as it:
        await entries(History().command((CORE, broken)))
    assert str(it.value) == "audit_1: team.member_added at position 1: AttributeError"


async def test_a_key_that_moves_is_found_by_both_teams_and_a_rotated_one_by_both_hashes() -> None:
    log = History()
    settings = KeySettings(key_name="sk-...abcd", team_id="old")
    moved = KeyMoved(before=KeyOwner(team_id="old"), after=KeyOwner(team_id="new"))
    rotated = KeyRotated(settings=settings, successor="e" * 64, until=None)
    found = await entries(
        log.command((TOKEN, KeyGenerated(settings=settings))),
        log.command((TOKEN, moved)),
        log.command((TOKEN, KeyBlocked())),
        log.command((TOKEN, rotated)),
    )
    assert [row["object_team_id"] for row in found] == ["old", "old new", None, "old"]
    assert [row["object_key_hash"] for row in found] == ["f" * 64] * 3 + [f"{'f' * 64} {'e' * 64}"]

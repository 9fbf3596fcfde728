"""What the facts of teams, members, users and keys come to in their read models."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from events import user
from events.envelope import Envelope, Meta
from events.key import KeyBlocked, KeyDeleted, KeyGenerated, KeyMoved, KeyOwner, KeySettings
from events.registry import DomainEvent
from events.streams import KEY, TEAM, USER, stream
from events.team import (
    MemberAdded,
    MemberBudgetChanged,
    MemberRemoved,
    TeamBudgetChanged,
    TeamCreated,
    TeamDeleted,
    TeamMemberDefaultsChanged,
    TeamModelAliasesChanged,
    TeamModelsChanged,
    TeamMovedToOrganization,
    TeamRenamed,
    TeamSettings,
)
from events.user import UserCreated, UserDeleted, UserEmailChanged, UserSettings
from events.values import MemberLimits, Sealed, TeamBudget
from services.projection.projectors.keys import KEYS
from services.projection.projectors.memberships import MEMBERSHIPS
from services.projection.projectors.teams import TEAMS
from services.projection.projectors.users import UsersProjector
from tests.support.eventlog import START, History
from tests.support.projected import open_sealed

CORE, ANN, TOKEN = stream(TEAM, "core"), stream(USER, "ann"), stream(KEY, "a" * 64)
MONTHLY, DAILY = (TeamBudget(budget_duration=text) for text in ("30d", "1d"))


def second(number: int) -> datetime:
    return START + timedelta(seconds=number)


async def team(*facts: DomainEvent, settings: TeamSettings | None = None) -> dict[str, Any]:
    log = History()
    settings = settings or TeamSettings()
    envelopes = log.command((CORE, TeamCreated(settings=settings)))
    for fact in facts:
        envelopes += log.command((CORE, fact))
    return (await TEAMS.fold(envelopes)).settled()["core", 1]


async def test_a_team_keeps_its_settings_without_metadata() -> None:
    settings = TeamSettings(
        team_alias="ÄRGER", metadata={"k": 1}, budget=TeamBudget(max_budget=Decimal("0.10"))
    )
    row = await team(settings=settings)
    assert row["settings"] == settings.model_dump(mode="json", exclude={"metadata"})
    assert row["settings"]["budget"]["max_budget"] == "0.10"
    assert (row["metadata"], row["alias_lower"]) == ({"k": 1}, "ärger")
    assert (row["created_at"], row["created_position"], row["version"]) == (second(1), 1, 1)


async def test_every_fact_moves_version_and_time() -> None:
    row = await team(
        MemberAdded(user_id="ann", role="user"), TeamModelsChanged(before=[], after=["m"])
    )
    assert (row["version"], row["updated_at"], row["members_total"]) == (3, second(3), 1)
    assert row["settings"]["models"] == ["m"]


async def test_name_and_organization_stand_in_columns_and_settings() -> None:
    row = await team(
        TeamRenamed(before=None, after="New"), TeamMovedToOrganization(before=None, after="org")
    )
    assert (row["team_alias"], row["alias_lower"], row["organization_id"]) == ("New", "new", "org")
    assert row["settings"]["team_alias"] == "New"
    assert row["settings"]["organization_id"] == "org"


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        ([(MONTHLY, DAILY)], 2),
        ([(MONTHLY, TeamBudget(budget_duration="30d", max_budget=Decimal(5)))], 1),
        ([(MONTHLY, TeamBudget())], None),
        ([(MONTHLY, TeamBudget()), (TeamBudget(), MONTHLY)], 3),
    ],
)
async def test_only_another_duration_starts_a_window(
    changes: list[tuple[TeamBudget, TeamBudget]], since: int | None
) -> None:
    facts = [TeamBudgetChanged(before=before, after=after) for before, after in changes]
    row = await team(*facts, settings=TeamSettings(budget=MONTHLY))
    assert row["budget_since"] == (None if since is None else second(since))


async def test_windows_of_member_defaults_start_with_their_duration() -> None:
    monthly = MemberLimits(budget_id="b", budget_duration="30d")
    dearer = MemberLimits(budget_id="b", budget_duration="30d", max_budget=Decimal(9))
    row = await team(
        TeamMemberDefaultsChanged(before=None, after=monthly),
        TeamMemberDefaultsChanged(before=monthly, after=dearer),
    )
    assert row["defaults_since"] == second(2)
    assert row["settings"]["member_defaults"]["max_budget"] == "9"


async def test_a_model_table_is_named_by_the_fact_that_first_gave_aliases() -> None:
    row = await team(
        TeamModelAliasesChanged(before=None, after={"a": "b"}),
        TeamModelAliasesChanged(before={"a": "b"}, after={}),
    )
    assert (row["model_table_id"], row["model_aliases_by"]) == (2, "admin")
    assert row["settings"]["model_aliases"] == {}


async def test_a_deleted_team_says_how_it_ended_and_a_new_one_is_another_row() -> None:
    log = History()
    about = Meta("c", "/team/delete", "boss", "k", "proxy_admin", Sealed(person="p", box="b"))
    deleted = TeamDeleted(settings=TeamSettings(), members_total=0)
    envelopes = [
        *log.command((CORE, TeamCreated(settings=TeamSettings(team_alias="old")))),
        *log.command((CORE, deleted), meta=about),
        *log.command((CORE, TeamCreated(settings=TeamSettings(team_alias="new")))),
    ]
    rows = (await TEAMS.fold(envelopes)).settled()
    assert list(rows) == [("core", 1), ("core", 3)]
    old, new = rows.values()
    assert (old["deleted_at"], old["deleted_by"], old["deleted_by_key"]) == (second(2), "boss", "k")
    assert old["deleted_claim"] == {"person": "p", "box": "b"}
    assert old["deleted_event_id"] == envelopes[1].event_id
    assert old["updated_at"] == second(1)
    assert new["team_alias"] == "new"
    assert new.get("deleted_at") is None


async def test_members_join_in_the_order_of_their_facts() -> None:
    log = History()
    own = MemberLimits(budget_id="b", max_budget=Decimal("1.5"))
    envelopes = log.command(
        (CORE, TeamCreated(settings=TeamSettings())),
        (CORE, MemberAdded(user_id="zoe", role="admin")),
        (CORE, MemberAdded(user_id="ann", role="user", limits=own)),
        (CORE, MemberBudgetChanged(user_id="ann", before=own, after=None)),
    )
    rows = (await MEMBERSHIPS.fold(envelopes)).settled()
    assert rows == {
        ("core", 1, "zoe"): {"role": "admin", "joined": 2, "joined_at": second(1), "limits": None},
        ("core", 1, "ann"): {"role": "user", "joined": 3, "joined_at": second(1), "limits": None},
    }


async def test_personal_data_of_a_batch_is_opened_at_once_and_forgotten_is_null() -> None:
    asked: list[Sequence[Sealed]] = []

    async def opening(boxes: Sequence[Sealed]) -> dict[Sealed, str | None]:
        asked.append(boxes)
        return dict(await open_sealed(boxes))

    log = History()
    mail = Sealed(person="p", box="Ann@Example.com")
    gone = Sealed(person="forgotten", box="nobody@example.com")
    ann = UserSettings(person="p", email=mail, user_alias=gone, user_role="internal_user")
    envelopes = [
        *log.command((ANN, UserCreated(settings=ann))),
        *log.command(
            (stream(USER, "bob"), UserCreated(settings=UserSettings(person="q", email=mail)))
        ),
    ]
    rows = (await UsersProjector(opening).fold(envelopes)).settled()
    assert asked == [[mail, gone]]
    row = rows["ann", 1]
    assert (row["email"], row["email_lower"]) == ("Ann@Example.com", "ann@example.com")
    assert (row["user_alias"], row["user_role"], row["person"]) == (None, "internal_user", "p")
    assert not {"email", "user_alias", "person"} & row["settings"].keys()


async def test_a_changed_address_replaces_the_old_one() -> None:
    log = History()
    old, new = (Sealed(person="p", box=text) for text in ("old@x.org", "NEW@x.org"))
    envelopes = [
        *log.command((ANN, UserCreated(settings=UserSettings(person="p", email=old)))),
        *log.command(
            (ANN, UserEmailChanged(before=old, after=new, before_claim="1", after_claim="2"))
        ),
    ]
    row = (await UsersProjector(open_sealed).fold(envelopes)).settled()["ann", 1]
    assert (row["email"], row["email_lower"], row["version"]) == ("NEW@x.org", "new@x.org", 2)
    assert row["settings"]["email_claim"] == "2"


async def test_a_batch_without_personal_data_opens_nothing() -> None:
    async def never(_: Sequence[Sealed]) -> dict[Sealed, str | None]:
        raise AssertionError("asked to open nothing")

    created: list[Envelope] = History().command(
        (ANN, UserCreated(settings=UserSettings(person="p")))
    )
    rows = await UsersProjector(never).fold(created)
    assert rows.settled()["ann", 1]["email"] is None


async def test_a_key_keeps_its_row_when_it_is_deleted() -> None:
    log = History()
    settings = KeySettings(
        key_name="sk-...abcd",
        team_id="core",
        team_incarnation=4,
        expires=datetime(2027, 1, 1, tzinfo=UTC),
        max_budget=Decimal("2.50"),
    )
    envelopes = [
        *log.command((TOKEN, KeyGenerated(settings=settings))),
        *log.command((TOKEN, KeyBlocked())),
        *log.command((TOKEN, KeyDeleted(settings=settings, cause="member"))),
    ]
    row = (await KEYS.fold(envelopes)).settled()["a" * 64, 1]
    assert row["settings"] == {**settings.model_dump(mode="json"), "blocked": True}
    assert (row["team_id"], row["team_incarnation"], row["blocked"]) == ("core", 4, True)
    assert (row["created_at"], row["updated_at"]) == (second(1), second(2))
    assert (row["deleted_at"], row["deleted_cause"], row["version"]) == (second(3), "member", 3)


async def changed_user(*facts: DomainEvent) -> dict[str, Any]:
    """The row of ann, whose settings say something everywhere, after these facts."""
    log = History()
    settings = UserSettings(
        person="p1", email=Sealed(person="p1", box="mail"), max_budget=Decimal(5), models=["m"]
    )
    envelopes = log.command((ANN, UserCreated(settings=settings)))
    for fact in facts:
        envelopes += log.command((ANN, fact))
    return (await UsersProjector(open_sealed).fold(envelopes)).settled()["ann", 1]


async def test_what_changes_of_a_user_stands_in_his_settings() -> None:
    row = await changed_user(
        user.UserRoleChanged(before=None, after="proxy_admin"),
        user.UserLimitsChanged(
            before=user.UserLimits(), after=user.UserLimits(rpm_limit=1, max_parallel_requests=2)
        ),
        user.UserModelsChanged(before=["m"], after=["n"]),
        user.UserMetadataChanged(before={}, after={"a": {"b": None}}),
        user.UserDetailsChanged(before={}, after={"sso_user_id": "s"}),
        user.UserRenamed(before=None, after=Sealed(person="p2", box="alias")),
    )
    assert (row["version"], row["updated_at"]) == (7, second(7))
    assert (row["user_role"], row["user_alias"], row["email"]) == ("proxy_admin", "alias", "mail")
    settings = row["settings"]
    assert settings["limits"] == {"tpm_limit": None, "rpm_limit": 1}
    assert [settings[n] for n in ("max_parallel_requests", "models", "metadata", "extra")] == [
        *(2, ["n"], {"a": {"b": None}}),
        {"sso_user_id": "s"},
    ]
    assert "user_alias" not in settings


async def test_d38_only_another_duration_starts_the_window_of_a_user_anew() -> None:
    budgets = [
        user.UserBudget(max_budget=Decimal(n), budget_duration=d) for n, d in ((5, None), (6, None))
    ]
    daily = user.UserBudget(budget_duration="1d")
    dearer = user.UserBudgetChanged(before=budgets[0], after=budgets[1])
    moved = user.UserBudgetChanged(before=budgets[1], after=daily)
    assert (await changed_user(dearer))["budget_since"] == second(1)
    row = await changed_user(dearer, moved)
    assert row["budget_since"] == second(3)
    assert row["settings"]["max_budget"] is None


async def test_s14_a_deleted_user_keeps_his_row_and_no_membership() -> None:
    log = History()
    settings = UserSettings(person="p1")
    before = [
        *log.command((ANN, UserCreated(settings=settings))),
        *log.command(
            (CORE, TeamCreated(settings=TeamSettings())),
            (CORE, MemberAdded(user_id="ann", role="user")),
            (CORE, MemberAdded(user_id="bob", role="user")),
        ),
    ]
    ended = log.command((ANN, UserDeleted(settings=settings)))
    again = [
        *log.command((CORE, MemberRemoved(user_id="ann", role="user"))),
        *log.command((CORE, MemberAdded(user_id="ann", role="admin"))),
    ]
    rows = (await MEMBERSHIPS.fold([*before, *ended])).settled()
    assert [key[2] for key in rows] == ["bob"]
    rows = (await MEMBERSHIPS.fold([*before, *ended, *again])).settled()
    assert rows["core", 1, "ann"]["role"] == "admin"
    row = (await UsersProjector(open_sealed).fold([*before, *ended])).settled()["ann", 1]
    assert (row["deleted_at"], row["gone_at"]) == (ended[0].recorded_at, 5)


async def test_a_key_is_its_owners_from_when_it_was_made_or_moved() -> None:
    log = History()
    generated = log.command((TOKEN, KeyGenerated(settings=KeySettings(key_name="k"))))
    owners = KeyOwner(), KeyOwner(user_id="ann")
    moved = log.command((TOKEN, KeyMoved(before=owners[0], after=owners[1])))
    assert (await KEYS.fold(generated)).settled()["a" * 64, 1]["owned_at"] == 1
    assert (await KEYS.fold([*generated, *moved])).settled()["a" * 64, 1]["owned_at"] == 2

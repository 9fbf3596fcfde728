"""A thing that was imported shows the moments it had before, and nothing else of it changes."""

from datetime import UTC, datetime, timedelta

import pytest

from events.budget import BudgetCreated, BudgetSettings
from events.imported import ThingImported
from events.key import KeyDeleted, KeyGenerated, KeySettings
from events.organization import OrganizationCreated, OrganizationSettings
from events.registry import DomainEvent
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, stream
from events.team import TeamCreated, TeamDeleted, TeamRenamed, TeamSettings
from events.user import UserCreated, UserSettings
from services.command.application.folds import AnyState, evolve, fold_of
from services.projection.projector import Projector
from services.projection.projectors.keys import KEYS
from services.projection.projectors.teams import TEAMS
from tests.support.eventlog import START, History

MADE = datetime(2024, 5, 6, tzinfo=UTC)
CHANGED = MADE + timedelta(days=1)
MARK = ThingImported(
    source="litellm",
    table="t",
    id="x",
    digest="d",
    created_at=MADE,
    created_by="ann",
    updated_at=CHANGED,
    updated_by="bob",
)
GONE = MARK.model_copy(
    update={"deleted_at": CHANGED, "deleted_by": "cleo", "deleted_by_key": "hash"}
)
TEAM_CREATED = TeamCreated(settings=TeamSettings())
KEY_GENERATED = KeyGenerated(settings=KeySettings(key_name="sk-...1"))
BORN: dict[str, DomainEvent] = {
    TEAM: TEAM_CREATED,
    KEY: KEY_GENERATED,
    USER: UserCreated(settings=UserSettings(person="p")),
    BUDGET: BudgetCreated(settings=BudgetSettings()),
    ORGANIZATION: OrganizationCreated(
        settings=OrganizationSettings(organization_alias="a", budget_id="b")
    ),
}


def folded(kind: str, *facts: DomainEvent) -> AnyState:
    name, log = stream(kind, "x"), History()
    state = fold_of(name).initial
    for fact in facts:
        for envelope in log.command((name, fact)):
            state = evolve(state, envelope)
    return state


@pytest.mark.parametrize("kind", BORN)
def test_a_state_shows_the_original_moments(kind: str) -> None:
    state = folded(kind, BORN[kind], MARK)
    found = {name: getattr(state, name, None) for name in ("created_at", "updated_at", "open")}
    assert found == {"created_at": MADE, "updated_at": CHANGED, "open": True}
    assert state.version == 2
    assert getattr(state, "created_by", "ann") == "ann"
    assert getattr(state, "updated_by", "bob") == "bob"


@pytest.mark.parametrize("kind", BORN)
def test_moments_that_nobody_knew_are_those_of_the_import(kind: str) -> None:
    unknown = ThingImported(source="litellm", table="t", id="x", digest="d")
    state = folded(kind, BORN[kind], unknown)
    assert getattr(state, "created_at", None) is not None


def test_a_later_change_is_of_its_own_time() -> None:
    state = folded(TEAM, TEAM_CREATED, MARK, TeamRenamed(before=None, after="a"))
    assert getattr(state, "created_at", None) == MADE
    assert getattr(state, "updated_at", CHANGED) > CHANGED


async def rows(projector: Projector, kind: str, *facts: DomainEvent) -> dict[str, object]:
    log, name = History(), stream(kind, "x")
    found = await projector.fold([at for fact in facts for at in log.command((name, fact))])
    (row,) = found.settled().values()
    return row


async def test_rows_show_the_original_moments() -> None:
    team = await rows(TEAMS, TEAM, TEAM_CREATED, MARK)
    assert (team["created_at"], team["updated_at"], team["version"]) == (MADE, CHANGED, 2)
    key = await rows(KEYS, KEY, KEY_GENERATED, MARK)
    assert (key["created_by"], key["updated_by"], key["created_at"]) == ("ann", "bob", MADE)


async def test_rows_show_who_deleted_it_then() -> None:
    ended = TeamDeleted(settings=TeamSettings(), members_total=0)
    team = await rows(TEAMS, TEAM, TEAM_CREATED, ended, GONE)
    assert (team["deleted_at"], team["deleted_by"]) == (CHANGED, "cleo")
    assert team["deleted_by_key"] == "hash"
    key = await rows(KEYS, KEY, KEY_GENERATED, KeyDeleted(settings=KEY_GENERATED.settings), GONE)
    assert (key["deleted_at"], key["deleted_by"]) == (CHANGED, "cleo")


async def test_the_mark_of_another_kind_of_thing_is_nothing_to_a_team_of_that_id() -> None:
    log, team, user = History(), stream(TEAM, "x"), stream(USER, "x")
    found = await TEAMS.fold([*log.command((team, TEAM_CREATED)), *log.command((user, MARK))])
    ((key, row),) = found.settled().items()
    assert (key, row["created_at"]) == (("x", 1), START + timedelta(seconds=1))

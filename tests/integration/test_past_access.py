"""Could somebody use a model then: what /v1/decide said at that moment, and by which facts."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.key import KeyModelsChanged
from events.team import (
    MemberAdded,
    MemberRemoved,
    TeamBlocked,
    TeamBudgetChanged,
    TeamModelsChanged,
)
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.deciding import Deciding, deciding
from tests.support.facts import budget
from tests.support.postgres import fresh_database
from tests.support.reading import key, team
from tests.support.stories import (
    HAPPENINGS,
    LINKED,
    MEMBER,
    NEW,
    OLD,
    OWN,
    begin,
    happenings,
    secret,
)

ROUTE = "/v1/access"
KEYS = (MEMBER, OWN, LINKED, OLD, NEW, "unknown")
_stories = count()
Verdict = tuple[bool, str | None]
"""Whether it is allowed, and the check that is not passed."""


@pytest.fixture(scope="module")
async def desk(postgres_server: EmbeddedServer) -> AsyncIterator[Deciding]:
    with fresh_database(postgres_server) as url:
        async with deciding(url) as opened:
            opened.world.clock = lambda: datetime.now(UTC)
            yield opened


async def decided(desk: Deciding, name: str) -> dict[str, Verdict]:
    found = {}
    for which in KEYS:
        said = await desk.decide(secret(name, which), "o3")
        found[which] = said["allowed"], said.get("denial", {}).get("check")
    return found


async def asked(desk: Deciding, **query: Any) -> dict[str, Any]:  # noqa: ANN401
    answered: dict[str, Any] = await desk.world.ok(ROUTE, model="o3", **query)
    return answered


def verdict(answered: dict[str, Any]) -> Verdict:
    reason = answered["reason"]
    return answered["allowed"], None if reason is None else reason["check"]


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(st.sampled_from(HAPPENINGS), min_size=2, max_size=5))
async def test_what_was_decided_then_is_answered(desk: Deciding, steps: list[str]) -> None:
    name, world = f"story-{next(_stories)}", desk.world
    begin(world, name)
    facts = happenings(name)
    await world.settled()
    told = {world.history.position: await decided(desk, name)}
    for what in steps:
        world.tell(*facts[what])
        await world.settled()
        told[world.history.position] = await decided(desk, name)
    for position, expected in told.items():
        found = {
            which: verdict(await asked(desk, key=secret(name, which), as_of=position))
            for which in KEYS
        }
        assert found == expected, position


async def test_who_spent_it_all_could_not_and_could_before(desk: Deciding) -> None:
    world = desk.world
    world.team("poor", {"ann": "user"}, budget=budget(10))
    world.key("sk-poor", team_id="poor", user_id="ann")
    before = world.history.position
    await desk.spend("10.5", key="sk-poor", team="poor", user="ann")
    moment = datetime.now(UTC).isoformat()
    [raised] = world.tell((team("poor"), TeamBudgetChanged(before=budget(10), after=budget(20))))
    assert (await asked(desk, key="sk-poor", as_of=before))["allowed"]
    refused = await asked(desk, key="sk-poor", as_of=moment)
    assert refused["reason"] == {
        "check": "team_budget",
        "status": 400,
        "message": "Budget has been exceeded! Team=poor Current cost: 10.5, Max budget: 10.0",
    }
    assert [(one["max_budget"], one["spend"]) for one in refused["budgets"]] == [(10.0, 10.5)]
    now = await asked(desk, key="sk-poor")
    assert now["allowed"]
    assert [(one["max_budget"], one["spend"]) for one in now["budgets"]] == [(20.0, 10.5)]
    set_by = next(fact for fact in now["facts"] if fact["about"] == "team_budget")
    assert (set_by["event_id"], set_by["position"]) == (raised.event_id, raised.position)
    assert (set_by["type"], set_by["by"]) == ("team.budget_changed", "default_user_id")


async def test_a_person_could_as_long_as_he_was_in_the_team(desk: Deciding) -> None:
    world = desk.world
    await world.user("eve")
    world.team("club", {}, models=["o3"])
    position, start = {}, world.history.position
    [joined] = world.tell((team("club"), MemberAdded(user_id="eve", role="user")))
    position["in"] = world.history.position
    world.key("sk-eve-club", team_id="club", user_id="eve", models=["gpt-4o"])
    world.tell((team("club"), TeamModelsChanged(before=["o3"], after=["gpt-4o"])))
    position["other models"] = world.history.position
    world.tell((team("club"), MemberRemoved(user_id="eve", role="user")))
    query = {"user": "eve", "team": "club"}
    told = [verdict(await asked(desk, **query, as_of=at)) for at in (start, *position.values())]
    assert told == [(False, "no_member"), (True, None), (False, "team_model")]
    assert verdict(await asked(desk, **query)) == (False, "no_member")
    assert verdict(await asked(desk, user="eve")) == (True, None)
    assert verdict(await asked(desk, user="nobody")) == (False, "no_user")
    assert verdict(await asked(desk, user="eve", team="nothing")) == (False, "no_team")
    found = await asked(desk, **query, as_of=position["in"])
    by_about = {fact["about"]: fact["event_id"] for fact in found["facts"]}
    assert by_about["membership"] == joined.event_id
    assert set(by_about) == {"team", "membership", "user"}
    assert (found["user_id"], found["team_id"], found["key_hash"]) == ("eve", "club", None)
    found = await asked(desk, **query, as_of=position["other models"])
    assert [(one["key_hash"], one["reason"]["check"]) for one in found["keys"]] == [
        (hash_key("sk-eve-club"), "key_model")
    ]


async def test_a_secret_that_was_rotated_stands_for_the_new_one(desk: Deciding) -> None:
    world = desk.world
    world.key("sk-first")
    before = world.history.position
    world.rotate("sk-first", "sk-second")
    assert verdict(await asked(desk, key="sk-first", as_of=before)) == (True, None)
    assert verdict(await asked(desk, key="sk-second", as_of=before)) == (False, "unknown_key")
    assert verdict(await asked(desk, key="sk-first")) == (False, "unknown_key")
    assert verdict(await asked(desk, key="sk-second")) == (True, None)
    last = (await asked(desk, key="sk-first"))["facts"]
    assert [(fact["about"], fact["type"]) for fact in last] == [("key", "key.rotated")]


async def test_admins_of_a_team_ask_about_it_alone(desk: Deciding) -> None:
    world = desk.world
    for name in ("ada", "ben"):
        await world.user(name)
        world.key(f"sk-{name}", user_id=name)
    world.team("adas", {"ada": "admin", "ben": "user"})
    world.team("other", {"ben": "admin"})
    world.key("sk-adas", team_id="adas", user_id="ben")
    world.key("sk-other", team_id="other", user_id="ben")
    world.tell((team("adas"), TeamBlocked()))

    async def by_ada(**query: str) -> Any:  # noqa: ANN401
        return await world.ok(ROUTE, "sk-ada", model="o3", **query)

    assert (await by_ada(key="sk-adas", team="adas"))["reason"]["check"] == "team_blocked"
    assert verdict(await by_ada(key="sk-other", team="adas")) == (False, "unknown_key")
    assert (await by_ada(key="sk-other", team="adas"))["facts"] == []
    of_ben = await by_ada(user="ben", team="adas")
    assert of_ben["reason"]["check"] == "team_blocked"
    assert "user" not in {fact["about"] for fact in of_ben["facts"]}
    for query in ({"key": "sk-adas"}, {"user": "ben"}, {"user": "ben", "team": "other"}):
        status, _ = await refused(desk, "sk-ada", **query)
        assert status == 403, query
    stranger = await refused(desk, "sk-ben", user="ben", team="adas")
    assert stranger == (403, stranger[1].replace("nothing", "adas"))
    unknown = await refused(desk, "sk-ben", user="ben", team="nothing")
    assert unknown == (403, stranger[1].replace("adas", "nothing"))


async def test_a_key_of_another_team_is_told_from_one_that_is_not_there(desk: Deciding) -> None:
    world = desk.world
    world.team("mine")
    world.key("sk-mine", team_id="mine")
    assert verdict(await asked(desk, key="sk-mine", team="yours")) == (False, "other_team")
    assert verdict(await asked(desk, key="sk-none", team="yours")) == (False, "unknown_key")
    world.tell((key("sk-mine"), KeyModelsChanged(before=[], after=["gpt-4o"])))
    assert verdict(await asked(desk, key="sk-mine", team="mine")) == (False, "key_model")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"model": "o3"}, "give either user or key"),
        ({"model": "o3", "user": "a", "key": "b"}, "give either user or key"),
        ({"user": "a"}, "give the model"),
    ],
)
async def test_a_question_that_lacks_something_is_a_problem(
    desk: Deciding, query: dict[str, str], text: str
) -> None:
    answered = await desk.world.get(ROUTE, headers=None, **query)
    assert (answered.status_code, answered.json()["detail"]) == (400, text)
    assert answered.headers["content-type"] == "application/problem+json"


async def refused(desk: Deciding, by: str, **query: str) -> tuple[int, str]:
    answered = await desk.world.get(ROUTE, by, None, model="o3", **query)
    return answered.status_code, answered.json()["detail"]


async def test_spend_is_shown_as_it_was_known_then(desk: Deciding) -> None:
    """Calls that were reported later do not count, whenever they began."""
    world = desk.world
    await world.user("sue")
    world.team("spent", {"sue": "user"}, budget=budget(100, duration="30d"))
    token = world.key("sk-sue", team_id="spent", user_id="sue", budget_duration="7d", max_budget=9)
    asked_for: list[tuple[str, dict[str, str]]] = [
        ("/team/info", {"team_id": "spent"}),
        ("/key/info", {"key": token}),
        ("/user/info", {"user_id": "sue"}),
        ("/team/list", {"user_id": "sue"}),
        ("/v2/team/list", {"team_id": "spent"}),
    ]
    paid: dict[str, Any] = {"key": "sk-sue", "team": "spent", "user": "sue"}
    await desk.spend("1.25", **paid)
    told = [(await world.get(path, headers=None, **query)).text for path, query in asked_for]
    assert all("1.25" in text for text in told)
    moment = datetime.now(UTC)
    await desk.spend("2", **paid)
    await desk.spend("4", **paid, at=moment - timedelta(minutes=1))
    await desk.spend("8", **paid, at=moment - timedelta(days=2))
    again = [
        (await world.get(path, headers=None, **query, as_of=moment.isoformat())).text
        for path, query in asked_for
    ]
    assert again == told

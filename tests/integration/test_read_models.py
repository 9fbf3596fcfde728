"""GET /v1/models and /models: the models that the calling key may use, in OpenAI's shape."""

from collections.abc import AsyncIterator

import pytest

from events.key import KeyModelsChanged
from events.team import TeamModelsChanged
from events.user import UserModelsChanged
from services.database.embedded import EmbeddedServer
from tests.support.postgres import fresh_database
from tests.support.reading import World, key, reading, team, user

SERVED = ("gpt-4o", "claude")
ROUTES = ["/v1/models", "/models"]


@pytest.fixture(scope="module")
async def world(postgres_server: EmbeddedServer) -> AsyncIterator[World]:
    """Ann is in the team `t` of two models and an alias; eve in none."""
    with fresh_database(postgres_server) as url:
        async with reading(url, models=SERVED) as world:
            await world.user("ann")
            await world.user("eve")
            world.team("t", {"ann": "user"}, models=["mini", "claude"], model_aliases={"m": "mini"})
            world.team("open", {"ann": "user"})
            world.key("sk-ann-t", user_id="ann", team_id="t", models=["all-team-models"])
            world.key("sk-ann-mini", user_id="ann", team_id="t", models=["mini", "gpt-4o"])
            world.key("sk-ann-open", user_id="ann", team_id="open")
            world.key("sk-service", team_id="t", allowed_routes=["llm_api_routes"])
            world.key("sk-eve", user_id="eve")
            world.key("sk-lone", models=["claude"])
            yield world


async def ids(world: World, by: str, route: str = "/v1/models") -> list[str]:
    body = await world.ok(route, by)
    assert list(body) == ["data", "object"]
    assert body["object"] == "list"
    of_a_model = {"object": "model", "created": 1677610602, "owned_by": "openai"}
    for model in body["data"]:
        assert model == {"id": model["id"], **of_a_model}
    return [model["id"] for model in body["data"]]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("sk-1234-test-master", ["gpt-4o", "claude"]),
        ("sk-ann-t", ["mini", "claude", "m"]),
        ("sk-ann-mini", ["mini", "m"]),
        ("sk-ann-open", ["gpt-4o", "claude"]),
        ("sk-service", ["mini", "claude", "m"]),
        ("sk-eve", ["gpt-4o", "claude"]),
        ("sk-lone", ["claude"]),
    ],
)
async def test_a_key_is_told_what_it_may_be_used_for(
    world: World, route: str, by: str, expected: list[str]
) -> None:
    assert await ids(world, by, route) == expected


@pytest.mark.parametrize("by", [None, "sk-unknown", "example"])
async def test_others_are_told_nothing(world: World, by: str | None) -> None:
    """In the shape that OpenAI's clients read, as no other refusal under /v1."""
    for route in ROUTES:
        answered = await world.get(route, by)
        assert (answered.status_code, list(answered.json())) == (401, ["error"])


async def test_what_changes_is_told_at_once(world: World) -> None:
    world.tell((team("t"), TeamModelsChanged(before=["mini", "claude"], after=["claude"])))
    assert await ids(world, "sk-service") == ["claude", "m"]
    world.tell((key("sk-lone"), KeyModelsChanged(before=["claude"], after=["own"])))
    assert await ids(world, "sk-lone") == ["own"]
    world.tell((user("eve"), UserModelsChanged(before=[], after=["no-default-models"])))
    assert await ids(world, "sk-eve") == []
    assert await ids(world, "sk-ann-open") == ["gpt-4o", "claude"]

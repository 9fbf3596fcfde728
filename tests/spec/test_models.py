"""Which models a list allows: auth.md 5.1."""

import pytest

from events.models import allows
from services.access.model_rule import Model, permits, resolved


@pytest.mark.parametrize(
    ("allowed", "model", "expected"),
    [
        ([], "gpt-4o", True),
        (["*"], "gpt-4o", True),
        (["all-proxy-models", "x"], "gpt-4o", True),
        (["gpt-4o"], "gpt-4o", True),
        (["gpt-4o"], "gpt-4o-mini", False),
        (["openai/*"], "openai/gpt-4o", True),
        (["openai/*"], "azure/gpt-4o", False),
        (["gpt-4?"], "gpt-4o", False),
        (["[g]pt*"], "gpt", False),
        (["[g]pt*"], "[g]pt-4", True),
        (["no-default-models"], "gpt-4o", False),
    ],
)
def test_a_model_is_allowed(allowed: list[str], model: str, expected: bool) -> None:  # noqa: FBT001
    assert allows(allowed, model) is expected


def test_an_alias_of_the_team_is_allowed_by_itself() -> None:
    assert allows(["gpt-4o"], "fast", {"fast": "gpt-4o"})
    assert not allows(["gpt-4o"], "slow", {"fast": "gpt-4o"})


FAST = {"fast": "gpt-4o"}


@pytest.mark.parametrize(
    ("allowed", "model", "expected"),
    [
        (["openai/*"], Model("gpt-4o", provider="openai"), True),
        (["openai/*"], Model("gpt-4o", provider="azure"), False),
        (["openai/gpt-4o"], Model("gpt-4o", provider="openai"), True),
        (["beta"], Model("gpt-4o", access_groups=("alpha", "beta")), True),
        (["beta"], Model("gpt-4o", access_groups=("alpha",)), False),
        (["beta"], Model("gpt-4o"), False),
        (["o3"], Model("fast"), True),
        (["o3"], Model("granted", access_groups=("group-1",)), True),
        (["all-team-models"], Model("gpt-4o"), False),
        (["no-default-models"], Model("gpt-4o"), False),
    ],
)
def test_a_call_is_permitted(allowed: list[str], model: Model, expected: bool) -> None:  # noqa: FBT001
    assert permits(allowed, model, FAST, ["group-1"]) is expected


def test_names_stand_for_what_the_team_says_and_then_the_key() -> None:
    assert resolved("fast", FAST, {"gpt-4o": "azure/gpt-4o"}) == "azure/gpt-4o"
    assert resolved("fast", {}, {"fast": "o3"}) == "o3"
    assert resolved("o3", FAST, {"fast": "gpt-4o"}) == "o3"
    assert resolved("odd", {"odd": {"not": "a name"}}) == "odd"

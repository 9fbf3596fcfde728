"""Which models a key may use by name: auth.md 2 rows 11, 17, 18, and 5.1."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.access.models import ModelLists

SERVED = ["gpt-4o", "openai/o3", "openai/o4", "claude"]


def usable(served: Sequence[str] = SERVED, **lists: Any) -> list[str]:  # noqa: ANN401
    return ModelLists(**lists).usable(served)


@pytest.mark.parametrize("every", [[], ["*"], ["all-proxy-models"], ["all-proxy-models", "own"]])
def test_who_may_use_all_is_told_what_is_served(every: list[str]) -> None:
    own = ["own"] if "own" in every else []
    assert usable(key=every) == [*own, *SERVED]
    assert usable(team=every) == [*own, *SERVED]
    assert usable([], key=every) == own


def test_a_key_uses_what_it_and_its_team_allow() -> None:
    assert usable(key=["b", "a", "c"], team=["a", "b", "d"]) == ["b", "a"]
    assert usable(key=["a"]) == ["a"]
    assert usable(team=["a", "b"]) == ["a", "b"]
    assert usable(key=["a"], team=["b"]) == []


@pytest.mark.parametrize("key", [["all-team-models"], ["all-team-models", "x"], []])
def test_a_key_of_all_its_teams_models_is_bounded_by_the_team_alone(key: list[str]) -> None:
    assert usable(key=key, team=["a", "b"]) == ["a", "b"]


def test_a_pattern_stands_for_what_is_served_or_named_elsewhere() -> None:
    assert usable(key=["openai/*"]) == ["openai/o3", "openai/o4"]
    assert usable(key=["openai/*"], team=["openai/own", "claude"]) == ["openai/own"]
    assert usable([], key=["openai/*"]) == []


def test_no_models_are_none() -> None:
    assert usable(key=["no-default-models"]) == []
    assert usable(team=["no-default-models"]) == []
    assert usable(user=["no-default-models", "gpt-4o"]) == []


def test_the_user_bounds_a_key_of_no_team() -> None:
    assert usable(user=["claude"]) == ["claude"]
    assert usable(key=["claude", "gpt-4o"], user=["claude"]) == ["claude"]


def test_an_alias_of_the_team_is_a_model_if_the_key_allows_it_or_what_it_stands_for() -> None:
    aliases = {"fast": "gpt-4o-mini"}
    assert usable(team=["gpt-4o"], aliases=aliases) == ["gpt-4o", "fast"]
    for key in (["fast"], ["gpt-4o-mini"]):
        assert "fast" in usable(key=key, team=["gpt-4o"], aliases=aliases)
    assert usable(key=["gpt-4o"], team=["gpt-4o"], aliases=aliases) == ["gpt-4o"]


def test_an_access_group_keeps_its_name() -> None:
    assert usable(key=["beta-models"], team=["beta-models", "a"]) == ["beta-models"]

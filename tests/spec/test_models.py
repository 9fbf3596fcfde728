"""Which models a list allows: auth.md 5.1."""

import pytest

from events.models import allows


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

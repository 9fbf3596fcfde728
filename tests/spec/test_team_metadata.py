"""A team's metadata: the client's keys beside those with fields of their own (D11, 1.6)."""

import pytest

from events.team import SERVER_KEYS, TeamMetadataChanged, TeamRouterSettingsChanged
from events.values import JsonObject
from services.command.domain.errors import TooLarge
from services.command.domain.limits import MAX_SETTINGS_BYTES
from services.command.domain.team import UpdateTeam
from tests.support.decider import given, team_after
from tests.support.facts import created

TEAM = created(metadata={"own": 1, "tags": ["a"], "guardrails": ["g"]})


def change(single: JsonObject, replacement: JsonObject | None = None) -> UpdateTeam:
    """Single keys to set, null to take one out; and what is to replace the client's own keys."""
    return UpdateTeam("core", {"metadata": (replacement, single)})


def test_d11_a_field_kept_in_metadata_leaves_the_other_keys() -> None:
    sent = change({"tags": ["b"]})
    changed = TeamMetadataChanged(before={"tags": ["a"]}, after={"tags": ["b"]})
    given(TEAM).when(sent).then(changed)
    assert team_after(TEAM, changed).settings.metadata == {
        "own": 1,
        "tags": ["b"],
        "guardrails": ["g"],
    }


def test_d11_metadata_replaces_the_clients_keys_only() -> None:
    changed = TeamMetadataChanged(before={"own": 1}, after={"other": 2})
    given(TEAM).when(change({}, {"other": 2})).then(changed)
    assert team_after(TEAM, changed).settings.metadata == {
        "tags": ["a"],
        "guardrails": ["g"],
        "other": 2,
    }


@pytest.mark.parametrize("key", sorted(SERVER_KEYS))
def test_d11_no_key_with_a_field_of_its_own_is_lost(key: str) -> None:
    team = created(metadata={key: {"kept": True}, "own": 1})
    given(team).when(change({}, {})).then(TeamMetadataChanged(before={"own": 1}, after={}))


def test_null_takes_a_single_key_out_of_metadata() -> None:
    given(TEAM).when(change({"tags": None, "policies": None})).then(
        TeamMetadataChanged(before={"tags": ["a"]}, after={})
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, True), (False, 0), ([1], [True]), ({"a": 0}, {"a": False}), (None, False)],
)
def test_a_value_of_another_json_type_is_another_value(before: object, after: object) -> None:
    given(created(metadata={"k": before})).when(change({}, {"k": after})).then(
        TeamMetadataChanged(before={"k": before}, after={"k": after})
    )
    outcome = given(created(metadata={"k": before})).when(change({}, {"k": after}))
    assert isinstance(outcome.facts[0], TeamMetadataChanged)
    assert repr(outcome.facts[0].after) == repr({"k": after})
    given(created(router_settings={"k": before})).when(
        UpdateTeam("core", {"router_settings": {"k": after}})
    ).then(TeamRouterSettingsChanged(before={"k": before}, after={"k": after}))


def test_settings_do_not_outgrow_one_fact_by_small_steps() -> None:
    nearly = created(metadata={"a": "x" * (MAX_SETTINGS_BYTES - 2000)})
    small = change({"b": "x" * 1000})
    given(nearly).when(small).then(TeamMetadataChanged(before={}, after={"b": "x" * 1000}))
    given(nearly).when(change({"b": "x" * 3000})).then_raises(TooLarge)

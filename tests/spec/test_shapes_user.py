"""Users in answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from events.key import KeySettings
from events.user import UserSettings
from events.values import RateLimits
from services.edge.shapes.key import KeyView
from services.edge.shapes.user import UserView, new_user_answer, user, user_row
from tests.contract.cases import load

ANSWERS: dict[str, Any] = {case.name: case.response["body"] for case in load() if case.response}
NOW = datetime(2026, 11, 23, 9, 53, tzinfo=UTC)
INVITED = ANSWERS["061-member-add-new-email"]["updated_users"][0]
ROW = ANSWERS["215-user-info-after-team-deletes"]["user_info"]
NEW = ANSWERS["049-user-new-u2"]


def view_of(recorded: dict[str, Any], **given: object) -> UserView:
    """A user with the recorded id, address, role, teams and times, and whatever else is given."""
    settings = {"person": "p-1", "user_role": recorded["user_role"], **given}
    return UserView(
        recorded["user_id"],
        UserSettings.model_validate(settings).model_dump(mode="json"),
        recorded["user_email"],
        recorded["user_alias"],
        recorded["teams"] or [],
        datetime.fromisoformat(recorded["created_at"] or INVITED["created_at"]),
        datetime.fromisoformat(recorded["updated_at"] or INVITED["updated_at"]),
        budget_since=datetime.fromisoformat(recorded["created_at"] or INVITED["created_at"]),
        version=1,
    )


def test_a_user_who_came_with_a_team_is_the_recorded_one() -> None:
    assert json.dumps(user(view_of(INVITED), NOW, UTC)) == json.dumps(INVITED)


def test_a_role_that_was_never_given_stays_null() -> None:
    recorded = ANSWERS["063-member-add-with-budget"]["updated_users"][0]
    assert recorded["user_role"] is None
    assert json.dumps(user(view_of(recorded), NOW, UTC)) == json.dumps(recorded)


def test_user_info_is_the_recorded_row() -> None:
    assert json.dumps(user_row(view_of(ROW), NOW, UTC)) == json.dumps(ROW)


def test_a_new_user_without_a_key_is_the_recorded_answer() -> None:
    assert json.dumps(new_user_answer(view_of(NEW), None)) == json.dumps(NEW)


def test_a_new_user_with_a_key_is_told_the_key_and_when_it_expires() -> None:
    expires = datetime(2027, 1, 1, tzinfo=UTC)
    settings = KeySettings(key_name="sk-...abcd", user_id="u2", team_id="t", expires=expires)
    key = KeyView("hash", settings.model_dump(mode="json"), NOW, "admin", NOW, "admin", NOW)
    answer = new_user_answer(view_of(NEW), key, "sk-secret")
    told = {"key": "sk-secret", "expires": "2027-01-01T00:00:00Z", "team_id": "t"}
    assert answer == {**NEW, **told}


def test_limits_are_numbers_and_the_budget_resets_in_its_window() -> None:
    view = view_of(
        ROW,
        max_budget=Decimal("12.50"),
        budget_duration="1d",
        limits=RateLimits(tpm_limit=5, rpm_limit=6),
        max_parallel_requests=2,
    )
    for answer in (user(view, NOW, UTC, spend=Decimal("0.1")), user_row(view, NOW, UTC)):
        assert (answer["max_budget"], answer["tpm_limit"], answer["rpm_limit"]) == (12.5, 5, 6)
        assert answer["budget_reset_at"] == "2026-11-24T00:00:00Z"
    assert user(view, NOW, UTC, spend=Decimal("0.1"))["spend"] == 0.1
    assert user_row(view, NOW, UTC)["max_parallel_requests"] == 2


def test_fields_without_a_typed_place_come_back_under_their_names() -> None:
    view = view_of(ROW, extra={"sso_user_id": "sso-1", "allowed_cache_controls": ["no-store"]})
    assert user(view, NOW, UTC)["sso_user_id"] == "sso-1"
    assert user_row(view, NOW, UTC)["sso_user_id"] == "sso-1"
    assert user_row(view, NOW, UTC)["allowed_cache_controls"] == ["no-store"]


def test_nothing_under_seal_is_answered() -> None:
    view = replace(view_of(ROW), email="ann@example.com", alias="Ann")
    sealed = {"person": "p-1", "box": "c2VhbGVk"}
    view = replace(view, settings={**view.settings, "email": sealed, "user_alias": sealed})
    for answer in (user(view, NOW, UTC), user_row(view, NOW, UTC), new_user_answer(view, None)):
        assert (answer["user_email"], answer["user_alias"]) == ("ann@example.com", "Ann")
        assert "c2VhbGVk" not in json.dumps(answer)
        assert "p-1" not in json.dumps(answer)

"""What lists show of a key, of permissions and of a ledger (2.6, 3.17, 3.19)."""

from datetime import UTC, datetime
from decimal import Decimal

from events.values import JsonObject
from services.edge.shapes.activity import NOTHING, Metrics, daily_activity
from services.edge.shapes.key import KeyView
from services.edge.shapes.key_list import deleted_key, listed_key, person
from services.edge.shapes.permissions import permissions_list
from services.edge.shapes.team import Deletion
from tests.support.facts import key_settings

THEN = datetime(2026, 3, 11, 13, 27, 45, tzinfo=UTC)
NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
ANN: JsonObject = {"user_id": "ann", "user_email": "ann@example.com", "user_alias": None}


def view(**values: object) -> KeyView:
    settings = key_settings(**values).model_dump(mode="json")
    return KeyView("h-1", settings, THEN, "root", THEN, "root", THEN)


def test_a_listed_key_has_its_hash_and_what_a_principal_has() -> None:
    permission: JsonObject = {"mcp_servers": ["s"]}
    key = view(organization_id="o", extra={"object_permission": permission})
    item = listed_key(key, NOW, UTC, user=ANN)
    assert (item["token"], item["org_id"], item["organization_id"]) == ("h-1", "o", "o")
    assert item["object_permission"] == permission
    assert (item["user"], item["created_by_user"]) == (ANN, None)
    assert [item[name] for name in ("team_alias", "user_role", "api_key")] == [None] * 3
    assert (item["team_models"], item["team_blocked"]) == ([], False)


def test_people_are_named_and_no_more() -> None:
    assert person("ann", "ann@example.com", None) == ANN


def test_a_deleted_key_is_shown_as_of_its_end() -> None:
    key = view(budget_duration="30d")
    end = Deletion("e-1", THEN, "root", "h-root", "boss")
    item = deleted_key(key, end, UTC)
    assert item["budget_reset_at"] == "2026-04-01T00:00:00Z"
    assert [item[name] for name in ("id", "deleted_at", "deleted_by", "deleted_by_api_key")] == [
        *("e-1", "2026-03-11T13:27:45Z", "root", "h-root")
    ]
    assert item["litellm_changed_by"] == "boss"
    assert "team_models" not in item


def test_d18_an_empty_list_is_the_default_and_says_so() -> None:
    default = permissions_list("t", [])
    effective = ["/key/info", "/key/health"]
    assert (default["team_member_permissions"], default["is_default"]) == ([], True)
    assert default["effective_permissions"] == effective
    own = permissions_list("t", effective)
    assert own == {**default, "team_member_permissions": effective, "is_default": False}
    assert default["all_available_permissions"][-1] == "/key/health"


def test_sums_of_a_range_are_computed_and_pages_know_whether_more_follow() -> None:
    totals = Metrics(Decimal("1.25"), 10, 5, 3, 2, successful_requests=4, failed_requests=1)
    metadata = daily_activity([{"date": "2026-03-01"}], totals, 1, 2)["metadata"]
    assert metadata == {
        "total_spend": 1.25,
        "total_prompt_tokens": 10,
        "total_completion_tokens": 5,
        "total_tokens": 15,
        "total_api_requests": 5,
        "total_successful_requests": 4,
        "total_failed_requests": 1,
        "total_cache_read_input_tokens": 3,
        "total_cache_creation_input_tokens": 2,
        "page": 1,
        "total_pages": 2,
        "has_more": True,
    }
    last = daily_activity([], NOTHING, 2, 2)["metadata"]
    assert (last["has_more"], last["total_spend"]) == (False, 0.0)

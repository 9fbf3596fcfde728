"""If-Match, ETag and dry_run: what every POST understands (architecture, section 4)."""

from typing import Any

import httpx
import pytest

from tests.support.ledger import Ledger, bearer
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY

SOMEBODY = [{"user_id": "x", "role": "user"}]


def rehearse(ledger: Ledger, path: str, body: object, key: str = MASTER_KEY) -> Any:  # noqa: ANN401
    """What a call would do; it has to be accepted, and to leave nothing behind."""
    with ledger.nothing_stored():
        answered = ledger.http.post(f"{path}?dry_run=true", json=body, headers=bearer(key))
    assert answered.status_code == 200, answered.text
    return answered.json()


def etag(ledger: Ledger, team_id: str) -> str:
    return ledger.get("/team/info", team_id=team_id).headers["etag"]


def update(ledger: Ledger, team_id: str, tag: str, **fields: object) -> httpx.Response:
    return ledger.post("/team/update", {"team_id": team_id, **fields}, if_match=tag)


def test_a_write_tells_the_version_that_a_read_tells(ledger: Ledger) -> None:
    made = ledger.post("/team/new", {"team_id": "tagged"})
    assert made.headers["etag"] == etag(ledger, "tagged")
    changed = ledger.post("/team/block", {"team_id": "tagged"})
    assert changed.headers["etag"] == etag(ledger, "tagged") != made.headers["etag"]


def test_a_change_of_what_was_read_is_accepted_once(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "once"})
    tag = etag(ledger, "once")
    assert update(ledger, "once", f'"0", {tag}', max_budget=1).status_code == 200
    with ledger.nothing_stored():
        late = update(ledger, "once", tag, max_budget=2)
        text = f"If-Match does not name the current version, which is {etag(ledger, 'once')}"
        assert_refused(late, 412, "B", text)


def test_any_version_will_do_where_there_is_one(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "any"})
    assert update(ledger, "any", "*", max_budget=1).status_code == 200
    with ledger.nothing_stored():
        fresh = ledger.post("/team/new", {"team_id": "not there"}, if_match="*")
        assert_refused(fresh, 412, "B", "If-Match does not name")


def test_a_weak_or_foreign_tag_is_never_current(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "weak"})
    for tag in (f"W/{etag(ledger, 'weak')}", '"other"', '""'):
        assert_refused(update(ledger, "weak", tag, max_budget=1), 412, "B", "If-Match")


@pytest.mark.parametrize("tag", ["7", '"7', "", '"7",', "'7'", '"7" "8"', '"' + "x" * 5_000 + '"'])
def test_a_header_that_is_no_list_of_tags_is_refused(ledger: Ledger, tag: str) -> None:
    assert_refused(update(ledger, "once", tag, max_budget=1), 400, "B", "If-Match must be")


def test_what_is_wrong_without_the_condition_is_told_first(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "first"})
    negative = update(ledger, "first", '"0"', max_budget=-1)
    assert_refused(negative, 400, "B", "max_budget cannot be negative")
    stranger = ledger.user("stranger")
    member = {"team_id": "first", "member": {"user_id": "x", "role": "user"}}
    refused = ledger.post("/team/member_add", member, stranger, if_match='"0"')
    assert_refused(refused, 403, "A", "Call not allowed")


def test_a_call_about_several_things_has_no_version(ledger: Ledger) -> None:
    for team_id in ("one", "two"):
        ledger.done("/team/new", {"team_id": team_id})
    with ledger.nothing_stored():
        both = ledger.post("/team/delete", {"team_ids": ["one", "two"]}, if_match="*")
        assert_refused(both, 400, "B", "If-Match can only be used on a call about one thing")
    alone = ledger.post("/team/delete", {"team_ids": ["one"]}, if_match=etag(ledger, "one"))
    assert alone.status_code == 200
    assert "etag" not in alone.headers


def test_keys_have_versions_too(ledger: Ledger) -> None:
    secret = ledger.key()
    changed = ledger.post("/key/update", {"key": secret, "models": ["a"]}, if_match='"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert ledger.get("/key/info", key=secret).headers["etag"] == '"2"'
    late = ledger.post("/key/block", {"key": secret}, if_match='"1"')
    assert_refused(late, 412, "B", 'which is "2"')


def test_a_rehearsal_tells_events_changes_and_answer(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "stage", "max_budget": 5})
    told = rehearse(ledger, "/team/update", {"team_id": "stage", "max_budget": 7})
    assert told["dry_run"] is True
    assert [event["type"] for event in told["events"]] == ["team.budget_changed"]
    [change] = told["changes"]
    assert (change["stream"], change["before"]["budget"]["max_budget"]) == ("team-stage", "5")
    assert change["after"]["budget"]["max_budget"] == "7"
    assert told["answer"]["data"]["max_budget"] == 7.0
    assert ledger.shown("/team/info", team_id="stage")["team_info"]["max_budget"] == 5.0


def test_a_rehearsal_shows_no_sealed_data_but_whom_it_concerns(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "people"})
    member = {"user_email": "eve@example.com", "role": "user"}
    told = rehearse(ledger, "/team/member_add", {"team_id": "people", "member": member})
    created, reserved, added = told["events"]
    assert created["data"]["settings"]["email"] == "(sealed)"
    assert (reserved["type"], added["type"]) == ("name.reserved", "team.member_added")
    joined = told["changes"][-1]["after"]["members_with_roles"]
    assert joined == {added["data"]["user_id"]: {"role": "user", "limits": None}}


def test_a_rehearsal_is_refused_like_the_call(ledger: Ledger) -> None:
    for body, status in (({"team_id": "no"}, 404), ({"team_id": "stage", "max_budget": -1}, 400)):
        with ledger.nothing_stored():
            refused = ledger.http.post(
                "/team/update?dry_run=1", json=body, headers=bearer(MASTER_KEY)
            )
        assert refused.status_code == status
    odd = ledger.http.post("/team/new?dry_run=maybe", json={}, headers=bearer(MASTER_KEY))
    assert_refused(odd, 422, "C", "query.dry_run: Input should be true or false")
    nobody = ledger.http.post("/team/new?dry_run=true", json={})
    assert_refused(nobody, 401, "B", "No api key passed in")


def test_a_rehearsal_is_not_remembered_under_its_repeat_key(ledger: Ledger) -> None:
    headers = {**bearer(MASTER_KEY), "idempotency-key": "rehearsed"}
    for _ in range(2):
        told = ledger.http.post(
            "/team/new?dry_run=true", json={"team_id": "later"}, headers=headers
        )
        assert told.json()["dry_run"] is True
    made = ledger.http.post("/team/new", json={"team_id": "later"}, headers=headers)
    assert made.json()["team_id"] == "later"
    repeated = ledger.http.post("/team/new", json={"team_id": "later"}, headers=headers)
    assert repeated.json() == made.json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/team/new", {"team_id": "never"}),
        ("/team/delete", {"team_ids": ["stage"]}),
        ("/team/block", {"team_id": "stage"}),
        ("/team/model/add", {"team_id": "stage", "models": ["m"]}),
        ("/team/bulk_member_add", {"team_id": "stage", "members": SOMEBODY}),
        ("/team/stage/callback", {"callback_name": "langfuse", "callback_vars": {}}),
        ("/user/new", {"user_id": "never"}),
        ("/key/generate", {"team_id": "stage"}),
    ],
)
def test_every_command_can_be_rehearsed(ledger: Ledger, path: str, body: object) -> None:
    assert rehearse(ledger, path, body)["events"]

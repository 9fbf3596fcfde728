"""The audit log as a file: complete, harmless to spreadsheets, and audited, as reviews are."""

import csv
import json
from io import StringIO
from typing import Any

import pytest

from tests.support.auditor import Auditor
from tests.support.ledger import Ledger, bearer
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY

EXPORT, REVIEW = "/v1/audit/export", "/v1/access/review"
AUDIT_TABLE = "LiteLLM_AuditLog"
FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def auditor(ledger: Ledger) -> Auditor:
    """More entries than are read at once, one of them about a team with a hostile name."""
    for n in range(70):
        ledger.done("/team/new", {"team_id": f"team-{n}"})
        ledger.done("/team/block", {"team_id": f"team-{n}"})
        ledger.done("/team/delete", {"team_ids": [f"team-{n}"]})
    ledger.done("/team/new", {"team_id": FORMULA, "team_alias": FORMULA})
    ledger.user("ann", user_email="ann@example.com")
    return Auditor(ledger)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def every_entry(ledger: Ledger, **query: str) -> list[dict[str, Any]]:
    """All pages of /audit, the oldest entry first."""
    asked: dict[str, str | int] = {
        "page_size": 100,
        "sort_by": "position",
        "sort_order": "asc",
        **query,
    }
    first = ledger.shown("/audit", **asked)
    rest = range(2, first["total_pages"] + 1)
    pages = [first, *(ledger.shown("/audit", **asked, page=page) for page in rest)]
    return [entry for page in pages for entry in page["audit_logs"]]


def test_lines_are_the_entries_of_the_audit_log(auditor: Auditor) -> None:
    ledger = auditor.ledger
    expected = every_entry(ledger)
    exported = ledger.get(EXPORT)
    assert exported.headers["content-type"] == "application/jsonl"
    assert lines(exported.text) == expected
    assert int(exported.headers["x-total-count"]) == len(expected) > 200
    assert "content-length" not in exported.headers


@pytest.mark.parametrize(
    "query",
    [
        {"action": "blocked"},
        {"object_id": "team-3"},
        {"object_team_id": "team-1"},
        {"table_name": "LiteLLM_UserTable"},
        {"changed_by": "nobody"},
        {"action": "deleted", "object_id": "team-5"},
    ],
)
def test_filters_are_those_of_the_audit_log(auditor: Auditor, query: dict[str, str]) -> None:
    expected = every_entry(auditor.ledger, **query)
    assert lines(auditor.ledger.get(EXPORT, **query).text) == expected


def test_moments_are_inclusive(auditor: Auditor) -> None:
    ledger = auditor.ledger
    entries = every_entry(ledger)
    since, until = entries[10]["updated_at"], entries[20]["updated_at"]
    found = lines(ledger.get(EXPORT, **{"from": since, "to": until}).text)
    assert found == [e for e in entries if since <= e["updated_at"] <= until]
    assert found[0] == entries[10]


def test_csv_is_the_same_and_computes_nothing(auditor: Auditor) -> None:
    ledger = auditor.ledger
    expected = every_entry(ledger, object_id=FORMULA)
    answered = ledger.get(EXPORT, format="csv", object_id=FORMULA)
    assert answered.headers["content-type"].startswith("text/csv")
    [row] = csv.DictReader(StringIO(answered.text))
    assert list(row) == list(expected[0])
    assert row["object_id"] == f"'{FORMULA}"
    assert json.loads(row["updated_values"]) == expected[0]["updated_values"]
    assert row["position"] == str(expected[0]["position"])
    for cells in csv.reader(StringIO(ledger.get(EXPORT, format="csv").text)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_an_export_is_itself_audited_before_it_is_sent(auditor: Auditor) -> None:
    ledger = auditor.ledger
    viewer = ledger.user("victor", "proxy_admin_viewer")
    query = {"action": "blocked", "format": "csv", "to": "2099-01-01T00:00:00Z"}
    named = {"x-request-id": "req-export", "litellm-changed-by": "boss@example.com"}
    exported = ledger.http.get(EXPORT, params=query, headers={**bearer(viewer), **named})
    assert exported.status_code == 200
    entry = every_entry(ledger)[-1]
    assert (entry["action"], entry["table_name"], entry["object_id"]) == (
        "created",
        AUDIT_TABLE,
        "copies",
    )
    assert (entry["actor"], entry["on_behalf_of"]) == ("victor", "boss@example.com")
    assert entry["updated_values"] == {
        "format": "csv",
        "action": "blocked",
        "to": "2099-01-01T00:00:00Z",
        "entries": 70,
        "until": int(exported.headers["x-event-position"]),
    }
    assert entry["position"] == entry["updated_values"]["until"] + 1


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_review_of_access_is_itself_audited(auditor: Auditor, form: str) -> None:
    ledger = auditor.ledger
    vera = ledger.user(f"vera-{form}", "proxy_admin_viewer")
    then = ledger.position()
    ledger.done("/team/new", {"team_id": f"after-{form}"})
    before = ledger.position()
    named = {**bearer(vera), "litellm-changed-by": "boss@example.com"}
    asked: dict[str, str | int] = {"as_of": then, "format": form}
    answered = ledger.http.get(REVIEW, params=asked, headers=named)
    assert answered.status_code == 200
    [entry] = auditor.since(before)
    assert entry["position"] == before + 1
    assert (entry["action"], entry["table_name"], entry["object_id"]) == (
        "created",
        AUDIT_TABLE,
        "copies",
    )
    assert (entry["actor"], entry["on_behalf_of"]) == (f"vera-{form}", "boss@example.com")
    assert entry["command"] == "ReviewAccess"
    found = entry["updated_values"]
    lines_of = csv.DictReader(StringIO(answered.text)) if form == "csv" else ()
    rights = list(lines_of) or answered.json()["rights"]
    assert (found["format"], found["until"], found["entries"]) == (form, then, len(rights))
    assert f"after-{form}" not in answered.text


def test_each_review_is_one_fact_and_the_same_answer(auditor: Auditor) -> None:
    ledger = auditor.ledger
    then = before = ledger.position()
    first, second = (ledger.get(REVIEW, as_of=then) for _ in range(2))
    assert first.text == second.text
    assert [each["command"] for each in auditor.since(before)] == ["ReviewAccess"] * 2


def test_a_review_by_an_admin_of_organizations_names_them(auditor: Auditor) -> None:
    ledger = auditor.ledger
    lea = ledger.user("lea")
    ledger.done("/organization/new", {"organization_id": "acme", "organization_alias": "acme"})
    member = {"user_id": "lea", "role": "org_admin"}
    ledger.done("/organization/member_add", {"organization_id": "acme", "member": member})
    before = ledger.position()
    assert ledger.get(REVIEW, lea).status_code == 200
    [entry] = auditor.since(before)
    assert (entry["actor"], entry["updated_values"]["organizations"]) == ("lea", ["acme"])


def test_an_address_that_was_asked_for_is_under_seal(auditor: Auditor) -> None:
    ledger = auditor.ledger
    assert ledger.get(EXPORT, changed_by="ann@example.com").text == ""
    row = ledger.database.execute(
        "SELECT convert_from(state, 'UTF8') FROM events.stored_events "
        "WHERE topic = 'audit.exported' ORDER BY notification_id DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    assert "ann@example.com" not in row[0]
    assert every_entry(ledger)[-1]["updated_values"]["changed_by"] == "ann@example.com"
    ledger.done("/v1/users/ann/forget", {})
    shown = [e for e in every_entry(ledger) if e["table_name"] == AUDIT_TABLE]
    assert shown[-1]["updated_values"]["changed_by"] is None
    assert "ann@example.com" not in ledger.get(EXPORT).text


def test_forgetting_is_audited(auditor: Auditor) -> None:
    ledger = auditor.ledger
    ledger.user("dora", user_email="dora@example.com")
    entries = auditor.after("/v1/users/dora/forget", {})
    forgotten = [e for e in entries if e["object_id"] == "dora"]
    assert forgotten[-1]["updated_values"]["forgotten"] is True
    assert forgotten[-1]["actor"] == "default_user_id"


def test_who_is_no_auditor_exports_nothing_and_leaves_no_trace(auditor: Auditor) -> None:
    ledger = auditor.ledger
    bob = ledger.user("bob", "internal_user")
    with ledger.nothing_stored():
        refused = ledger.get(EXPORT, bob)
        invalid = ledger.get(EXPORT, format="xml")
        no_reviewer = ledger.get(REVIEW, bob)
        no_moment = ledger.get(REVIEW, as_of="yesterday")
    assert (no_reviewer.status_code, no_moment.status_code) == (403, 400)
    assert_refused(refused, 403, "problem", "Only proxy admins and viewers may do this.")
    assert_refused(invalid, 422, "problem", "format")


def test_without_a_key_nothing_is_exported(auditor: Auditor) -> None:
    assert auditor.ledger.get(EXPORT, None).status_code == 401
    assert auditor.ledger.get(EXPORT, MASTER_KEY, object_id="none").text == ""

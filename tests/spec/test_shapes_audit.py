"""Entries of the audit log, and moments as answers write them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from services.edge.shapes.audit import audit_log
from services.edge.shapes.times import iso, iso_with_offset

HASH = "4e995fcfb69d74571b990f24ec9c3b5a6419e85b54429a8f17a482bd2406ac4c"


def row(**given: object) -> dict[str, Any]:
    plain = {
        "id": "e-1",
        "updated_at": datetime(2026, 11, 23, 9, 52, 47, 855_000, tzinfo=UTC),
        "actor": "ann",
        "actor_role": "proxy_admin",
        "on_behalf_of": None,
        "changed_by_api_key": HASH,
        "action": "updated",
        "table_name": "LiteLLM_TeamTable",
        "object_id": "team-a",
        "before_value": None,
        "updated_values": {"team_alias": "Alpha"},
        "command": "UpdateTeam",
        "position": 7,
    }
    return {**plain, **given}


def test_an_entry_has_the_fields_of_the_contract_and_then_ours() -> None:
    assert list(audit_log(row()).items()) == [
        ("id", "e-1"),
        ("updated_at", "2026-11-23T09:52:47.855000Z"),
        ("changed_by", "ann"),
        ("changed_by_api_key", HASH),
        ("action", "updated"),
        ("table_name", "LiteLLM_TeamTable"),
        ("object_id", "team-a"),
        ("before_value", None),
        ("updated_values", {"team_alias": "Alpha"}),
        ("actor", "ann"),
        ("on_behalf_of", None),
        ("command", "UpdateTeam"),
        ("position", 7),
    ]


@pytest.mark.parametrize(
    ("actor", "role", "claim", "changed_by"),
    [
        ("ann", "proxy_admin", "bob", "bob"),
        ("ann", "internal_user", "bob", "ann"),
        ("ann", "proxy_admin_viewer", "bob", "ann"),
        ("ann", "proxy_admin", None, "ann"),
        ("ann", "proxy_admin", "", "ann"),
        (None, None, None, ""),
        (None, None, "bob", ""),
    ],
)
def test_a_claim_counts_only_when_a_proxy_admin_makes_it(
    actor: str | None, role: str | None, claim: str | None, changed_by: str
) -> None:
    entry = audit_log(row(actor=actor, actor_role=role, on_behalf_of=claim))
    assert entry["changed_by"] == changed_by
    assert (entry["actor"], entry["on_behalf_of"]) == (actor, claim)


def test_an_entry_without_a_credential_says_so_with_empty_text() -> None:
    assert audit_log(row(changed_by_api_key=None))["changed_by_api_key"] == ""


@pytest.mark.parametrize("name", ["key", "api_key", "langfuse-secret-key", "KEY_alias"])
def test_texts_under_a_key_are_masked(name: str) -> None:
    values = {name: "sk-1234567890abcdef"}
    assert audit_log(row(updated_values=values))["updated_values"] == {name: "sk-1****cdef"}
    assert audit_log(row(before_value=values))["before_value"] == {name: "sk-1****cdef"}


@pytest.mark.parametrize("name", ["monkey", "keys", "token", "team_alias"])
def test_texts_under_other_names_are_shown(name: str) -> None:
    values = {name: "sk-1234567890abcdef"}
    assert audit_log(row(updated_values=values))["updated_values"] == values


@pytest.mark.parametrize("secret", ["", "a", "sk-12345", "sk-123456789"])
def test_a_short_text_under_a_key_is_hidden_as_a_whole(secret: str) -> None:
    entry = audit_log(row(updated_values={"api_key": secret}))
    assert entry["updated_values"] == {"api_key": "****"}


def test_masking_goes_into_objects_and_lists_and_leaves_the_row_alone() -> None:
    values = {
        "metadata": {
            "logging": [{"callback_vars": {"secret_key": "0123456789abcdef", "host": "h"}}]
        },
        "api_key": ["0123456789abcdef", 7, None],
    }
    given = row(updated_values=values)
    assert audit_log(given)["updated_values"] == {
        "metadata": {"logging": [{"callback_vars": {"secret_key": "0123****cdef", "host": "h"}}]},
        "api_key": ["0123****cdef", 7, None],
    }
    assert given["updated_values"]["api_key"][0] == "0123456789abcdef"


def test_what_the_entry_is_about_is_never_masked() -> None:
    assert audit_log(row(object_id=HASH))["object_id"] == HASH


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12-01T00:00:00"),
        (datetime(2026, 11, 23, 9, 45, 58, 491_966, tzinfo=UTC), "2026-11-23T09:45:58.491966"),
        (datetime(2026, 11, 23, 9, 45, 58, 7, tzinfo=UTC), "2026-11-23T09:45:58.000007"),
        (
            datetime(2026, 12, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-30T23:30:00",
        ),
    ],
)
def test_moments_are_utc_with_microseconds_only_where_there_are_any(
    moment: datetime, text: str
) -> None:
    assert iso(moment) == f"{text}Z"
    assert iso_with_offset(moment) == f"{text}+00:00"

"""Refused calls of privileged routes are kept, without secrets, as far as there is room."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import Start

MOST = 20
SECRET = "sk-secret-of-nobody"


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    env = {"TEAMLEDGER_SECURITY_LOG_ENTRIES": str(MOST)}
    with running_ledger(postgres_server, start_service, **env) as running:
        yield running


@pytest.fixture(scope="module")
def bob(ledger: Ledger) -> str:
    return ledger.user("bob", "internal_user")


def entries(ledger: Ledger, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger.shown("/v1/security-log", **query)["entries"]
    return found


def test_refused_writes_are_told_with_who_has_the_key(ledger: Ledger, bob: str) -> None:
    for name in ("req-first", "req-last"):
        ledger.post("/team/new", {"team_id": "x"}, bob, x_request_id=name)
    ledger.post("/v1/users/ann@example.com/forget", {}, bob)
    found = entries(ledger, key_hash=hash_key(bob))
    assert [
        (row["method"], row["route"], row["status"], row["user_id"], row["times"]) for row in found
    ] == [
        ("POST", "/v1/users/{user_id:path}/forget", 403, "bob", 1),
        ("POST", "/team/new", 401, "bob", 2),
    ]
    assert {row["key_hash_prefix"] for row in found} == {hash_key(bob)[:16]}
    assert (found[1]["reason"], found[1]["correlation_id"]) == ("auth_error", "req-last")
    assert "ann@example.com" not in str(found)


def test_wrong_keys_are_told_and_what_is_no_key_is_not_kept(ledger: Ledger) -> None:
    ledger.post("/team/delete", {"team_ids": ["x"]}, SECRET)
    ledger.post("/team/delete", {"team_ids": ["x"]}, "my-password")
    ledger.post("/team/delete", {"team_ids": ["x"]}, None)
    found = [row for row in entries(ledger) if row["route"] == "/team/delete"]
    assert [(row["key_hash_prefix"], row["reason"], row["user_id"]) for row in found] == [
        (None, found[0]["reason"], None),
        (hash_key(SECRET)[:16], "token_not_found_in_db", None),
    ]
    kept = "".join(
        row[0] for row in ledger.database.execute("SELECT l::text FROM ops.security_log l")
    )
    assert SECRET not in kept
    assert hash_key(SECRET) not in kept
    assert hash_key("my-password")[:16] not in kept


def test_reads_for_admins_are_watched_and_other_reads_are_not(ledger: Ledger, bob: str) -> None:
    before = len(entries(ledger))
    ledger.get("/audit", bob)
    ledger.get("/v1/security-log", bob)
    ledger.get("/team/info", bob, team_id="none")
    ledger.get("/team/list", bob)
    new = entries(ledger)[: len(entries(ledger)) - before]
    assert [row["route"] for row in new] == ["/v1/security-log", "/audit"]


def test_who_is_no_admin_does_not_read_it(ledger: Ledger, bob: str) -> None:
    text = "Only proxy admins and viewers may do this. Route=/v1/security-log. Your role="
    assert_refused(ledger.get("/v1/security-log", bob), 403, "problem", f"{text}internal_user")
    viewer = ledger.user("victor", "proxy_admin_viewer")
    assert ledger.get("/v1/security-log", viewer).status_code == 200


def test_it_is_a_ring_and_read_in_pages(ledger: Ledger) -> None:
    for n in range(8):
        key = ledger.user(f"user-{n}", "internal_user")
        for route in ("/team/new", "/team/block", "/budget/new", "/audit"):
            method = "GET" if route == "/audit" else "POST"
            ledger.send(method, route, {"team_id": "x"}, key)
    found = entries(ledger)
    assert len(found) == MOST
    assert found[0]["user_id"] == "user-7"
    paged: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = ledger.shown("/v1/security-log", limit=7, **after)
        paged += page["entries"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert paged == found


def test_what_is_too_old_goes(ledger: Ledger, bob: str) -> None:
    old = "UPDATE ops.security_log SET last_at = now() - interval '91 days'"
    ledger.database.execute(old)
    ledger.post("/team/unblock", {"team_id": "x"}, bob)
    assert [row["route"] for row in entries(ledger)] == ["/team/unblock"]

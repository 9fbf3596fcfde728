"""Logs of a running service: found by request, and without anything that nobody may know."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from services.database.connections import SERVICE_NAME
from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, bearer, running_ledger
from tests.support.receiver import receiving
from tests.support.service import MASTER_KEY, ROOT_KEY, Start

WRONG, OWN = "sk-wrong-but-somebodys-1", "sk-chosen-by-ann-2"
EMAIL, NAME = "ann.private@example.com", "Ann Private"
CALLBACK_SECRET, HOOK_TOKEN = "sk-lf-callback-secret-3", "hook-token-4"
PASSWORD = "Basic YW5uOnBhc3N3b3JkLTU="


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    told = {"TEAMLEDGER_LOG_LEVEL": "debug", "TEAMLEDGER_WEBHOOK_PRIVATE_TARGETS": "true"}
    with running_ledger(postgres_server, start_service, **told) as ledger:
        yield ledger


def lines(ledger: Ledger) -> list[dict[str, Any]]:
    """All lines but those for whoever started it."""
    text = ledger.service.log.read_text().splitlines()
    return [json.loads(line) for line in text if not line.startswith("teamledger listens on ")]


def of_request(ledger: Ledger, identity: str) -> list[dict[str, Any]]:
    return [line for line in lines(ledger) if line.get("correlation_id") == identity]


def test_every_line_says_when_how_bad_where_and_what(ledger: Ledger) -> None:
    ledger.shown("/team/list")
    for line in lines(ledger):
        assert line.keys() >= {"timestamp", "level", "logger", "event"}, line
        assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


def test_a_request_is_found_by_its_id(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "found"}, x_request_id="look-me-up")
    ledger.position()  # an answer is on its way before its line is written
    [line] = of_request(ledger, "look-me-up")
    assert (line["event"], line["level"]) == ("request_answered", "debug")
    assert (line["method"], line["route"], line["status"]) == ("POST", "/team/new", 200)
    assert line["logger"] == "services.edge.app"


def test_a_batch_is_found_by_its_requests(ledger: Ledger) -> None:
    """Connections are cut: the commit under way tells whose it is, and is done all the same."""
    with psycopg.connect(ledger.database_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            (SERVICE_NAME,),
        )
    ledger.done("/team/new", {"team_id": "cut off"}, x_request_id="in-a-batch")
    interrupted = [line for line in lines(ledger) if line["event"] == "append interrupted"]
    assert ["in-a-batch"] in [line["correlation_ids"] for line in interrupted]
    assert {line["logger"] for line in interrupted} == {"services.command.application.commit"}


def use(ledger: Ledger) -> list[str]:
    """Everything that comes with something private; the secrets that were made meanwhile."""
    ledger.get("/team/list", WRONG)
    ledger.get("/team/list", None)
    ledger.http.get("/team/list", headers={"authorization": PASSWORD})
    ledger.http.get("/team/list", headers={"x-api-key": WRONG, "api-key": OWN})
    ledger.post("/team/new", {"team_id": 7, "metadata": {"password": WRONG}})
    ledger.http.post(
        "/key/generate", content=f'{{"key": "{OWN}"'.encode(), headers=bearer(MASTER_KEY)
    )
    ledger.http.post("/v1/usage", content=EMAIL.encode(), headers=bearer(WRONG))
    made = [ledger.key(key=OWN), ledger.key()]
    made.append(ledger.user("ann", user_email=EMAIL, user_alias=NAME))
    made.append(str(ledger.done("/key/regenerate", {"key": made[1]})["key"]))
    ledger.done("/team/new", {"team_id": "a", "team_alias": "A"}, litellm_changed_by=EMAIL)
    ledger.post("/team/member_add", {"team_id": "a", "member": {"user_email": EMAIL}})
    ledger.post("/team/member_add", {"team_id": "a", "member": {"user_email": EMAIL}})
    ledger.get("/user/list", user_email=EMAIL)
    ledger.get(f"/v1/users/{EMAIL}/history")
    ledger.get(f"/nowhere/{EMAIL}/{WRONG}")
    ledger.get(f"/v1/keys/{OWN}/history")
    ledger.post("/user/delete", {"user_ids": [EMAIL]})
    callback = {"callback_name": "langfuse", "callback_vars": {}}
    callback["callback_vars"] = {"langfuse_secret_key": CALLBACK_SECRET}
    ledger.post("/team/a/callback", callback)
    gateway = ledger.key(key_type="gateway", key_alias="eu")
    made.append(gateway)
    call = {"id": "1", "key": OWN, "model": "m", "cost": 1, "started_at": "yesterday"}
    ledger.post("/v1/usage", [call, {**call, "started_at": "2026-11-26T00:00:00Z"}], gateway)
    ledger.post("/v1/decide", {"key": WRONG, "model": "m", "user": EMAIL}, gateway)
    return made


def test_nothing_secret_or_personal_is_logged(ledger: Ledger) -> None:
    made = use(ledger)
    with receiving() as receiver:
        address = f"{receiver.url}/{HOOK_TOKEN}"
        hook = ledger.done("/v1/webhooks", {"url": address})
        ledger.done(f"/v1/webhooks/{hook['webhook_id']}/test", {})
        receiver.wait_for(1)
    keys = [MASTER_KEY, WRONG, OWN, *made]
    hashes = [sha256(key.encode()).hexdigest()[:16] for key in keys]
    others = [EMAIL, NAME, "ann.private", CALLBACK_SECRET, HOOK_TOKEN, PASSWORD, ROOT_KEY]
    told = ledger.service.log.read_text()
    for private in (*keys, *hashes, *others, hook["secret"], ledger.database_url):
        assert private not in told, private
    assert told.count("request_answered") > 20

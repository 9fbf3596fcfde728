"""The examples of the description, sent in an order that works, are answered as it says."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
import pytest

from services.command.api.described.usage import GATEWAY
from services.edge.openapi.callers import KEY, TEAM
from services.edge.openapi.examples import MESSAGE_ID, USER, WEBHOOK
from services.projection.api.described.gateways import RESERVATION
from services.projection.api.described.others import ENTRY
from tests.e2e.provoked import levelled
from tests.support.auditor import token
from tests.support.described import Described, operations
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

ORDER = [
    *(("POST", path) for path in ("/team/new", "/user/new", "/team/member_add", "/key/generate")),
    *(("POST", path) for path in ("/team/update", "/team/member_update", "/team/model/add")),
    *(("POST", path) for path in ("/team/permissions_update", "/team/{team_id}/callback")),
    *(("POST", path) for path in ("/budget/new", "/organization/new", "/organization/member_add")),
    *(("POST", path) for path in ("/v1/usage", "/v1/decide")),
    ("DELETE", "/v1/reservations/{reservation_id}"),
    *(("POST", path) for path in ("/key/{key}/reset_spend", "/global/spend/reset")),
    ("POST", "/team/{team_id}/member/{user_id}/reset_spend"),
    ("POST", "/v1/teams/{team_id}/members/{user_id}/reset_spend"),
    *(("POST", path) for path in ("/v1/webhooks", "/v1/webhooks/{webhook_id}/test")),
    *(name for name in operations() if name[0] == "GET"),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{message_id}/retry"),
    ("POST", "/v1/webhooks/{webhook_id}/rotate"),
    *((method, "/v1/webhooks/{webhook_id}") for method in ("PATCH", "DELETE")),
    *(("POST", f"/v1/usage/quarantine/{{id}}/{decision}") for decision in ("book", "discard")),
    *(("POST", path) for path in ("/organization/info", "/budget/info", "/budget/update")),
    *(("PATCH", path) for path in ("/organization/update", "/organization/member_update")),
    *(("DELETE", path) for path in ("/organization/member_delete", "/organization/delete")),
    ("POST", "/budget/delete"),
    *(("POST", path) for path in ("/team/{team_id}/disable_logging", "/team/model/delete")),
    *(("POST", path) for path in ("/team/block", "/team/unblock", "/team/member_delete")),
    *(("POST", path) for path in ("/team/bulk_member_add", "/key/service-account/generate")),
    *(("POST", path) for path in ("/key/regenerate", "/key/{key}/regenerate")),
    *(("POST", path) for path in ("/v2/key/info", "/key/bulk_update", "/key/update", "/key/block")),
    *(("POST", path) for path in ("/key/unblock", "/key/delete", "/v1/teams/{team_id}/revert")),
    *(("POST", path) for path in ("/team/delete", "/v1/teams/{team_id}/restore")),
    *(("POST", path) for path in ("/user/update", "/user/bulk_update", "/user/delete")),
    ("POST", "/v1/users/{user_id}/forget"),
]
"""Commands of which each finds what it needs, and all reads in between."""


SEALED_SECONDS = MADE_SECONDS = 30
OF_GATEWAY = "sk-example-gateway"
FOR_GATEWAYS = {"report_usage", "decide", "end_reservation"}
"""Operations at which its key is presented, and not the master key."""

UNAUDITED = {
    "report_usage": "the ledger is its own record: who reported what, and when",
    "decide": "it holds an estimate for a while, and changes nothing",
    "end_reservation": "it gives back what was held",
    "get_keys": "it reads, and is asked by a body",
    "get_organizations": "it reads, and is asked by a body",
    "get_budgets": "it reads, and is asked by a body",
}
"""Operations other than GET that leave no row in the audit log, and why."""

_BEFORE: Mapping[str, tuple[str, dict[str, object]]] = {
    "update_key": ("/key/update", {"key": KEY, "max_budget": 15}),
    "bulk_update_users": ("/user/update", {"user_id": USER, "max_budget": 45}),
}
"""What is to be different before an example changes it."""

_ROWS = """
SELECT count(*) FROM read.audit_1 a JOIN events.stored_events e ON e.notification_id = a.position
WHERE a.correlation_id = %s
    AND convert_from(e.state, 'UTF8')::json -> 'meta' ->> 'correlation_id' = a.correlation_id
"""

ABOUT_SEVERAL = dict.fromkeys(("/key/bulk_update", "/global/spend/reset"), "several_things")
"""What those refuse a condition with whose example is about several things."""


def test_every_example_is_sent() -> None:
    assert sorted(ORDER) == sorted(operations())


@pytest.fixture(scope="module", autouse=True)
def _example_key(ledger: Ledger) -> None:
    for key in (KEY, "sk-example-old1", "sk-example-old2"):
        ledger.key(key=key)
    deadline = time.monotonic() + SEALED_SECONDS
    while ledger.get("/v1/proof/checkpoint").status_code != 200:  # each look is a request
        assert time.monotonic() < deadline
    ledger.key(key=OF_GATEWAY, key_type="gateway", key_alias=GATEWAY)
    held = "INSERT INTO usage.reservations VALUES (%s, '{}', 1, %s, now(), now() + '1 hour')"
    ledger.database.execute(held, (RESERVATION, GATEWAY))


def _real(ledger: Ledger, path: str) -> str:
    """The path with ids that were drawn at random where the example has others."""
    if path.startswith("/audit/"):
        path = path.replace(ENTRY, ledger.shown("/audit")["audit_logs"][0]["id"])
    if WEBHOOK in path:
        [webhook] = ledger.shown("/v1/webhooks")["webhooks"]
        path = path.replace(WEBHOOK, webhook["webhook_id"])
    if MESSAGE_ID in path:
        deliveries = f"{path.partition('/deliveries')[0]}/deliveries"
        deadline = time.monotonic() + MADE_SECONDS
        while not (made := ledger.shown(deliveries)["deliveries"]):  # each look is a request
            assert time.monotonic() < deadline
        path = path.replace(MESSAGE_ID, made[0]["message_id"])
    return path


def _check_headers(operation: Described, response: httpx.Response) -> None:
    described = {name.lower() for name in operation.operation["responses"]["200"]["headers"]}
    ours = {"x-request-id", "x-event-position", "x-total-count", "etag", "retry-after"}
    ours |= {"server-timing"}
    assert ours & response.headers.keys() == described


@pytest.mark.parametrize("name", ORDER, ids=" ".join)
def test_the_example(ledger: Ledger, name: tuple[str, str]) -> None:
    operation = operations()[name]
    named = operation.operation["operationId"]
    path, body, query = operation.example_request()
    path = _real(ledger, path)
    _differ(ledger, named)
    if name[0] == "GET":
        done = ledger.get(path, **query)
    elif "DryRun" not in str(operation.operation["parameters"]):
        by = OF_GATEWAY if named in FOR_GATEWAYS else MASTER_KEY
        done = ledger.send(name[0], path, body, by, x_request_id=named)
    else:
        _rehearse(ledger, operation, path, body)
        done = ledger.send(name[0], path, body, idempotency_key=named, x_request_id=named)
        _repeat(ledger, operation, path, body, done)
    assert done.status_code == 200, done.text
    told = done.json() if "json" in done.headers["content-type"] else done.text
    assert operation.problems(operation.answer_schema, told) == []
    _check_headers(operation, done)
    if name[0] != "GET":
        assert (_rows(ledger, named) > 0) == (named not in UNAUDITED)


def test_what_leaves_no_row_is_there() -> None:
    writes = {o.operation["operationId"] for name, o in operations().items() if name[0] != "GET"}
    assert UNAUDITED.keys() <= writes


def _differ(ledger: Ledger, named: str) -> None:
    """Have the example find something to change."""
    if named in _BEFORE:
        ledger.done(*_BEFORE[named])
    elif "reset" in named:
        key = KEY if named == "reset_key_spend" else ledger.key(user_id=USER, team_id=TEAM)
        call = {"id": named, "key_hash": token(key), "model": "gpt-4o", "cost": 1}
        call |= {"started_at": datetime.now(UTC).isoformat()}
        assert ledger.done("/v1/usage", [call], OF_GATEWAY)["accepted"] == 1


def _rows(ledger: Ledger, correlation_id: str) -> int:
    """How many rows of the audit log a request left, each with the event it stands for."""
    ledger.shown("/audit", page_size=1)
    row = ledger.database.execute(_ROWS, (correlation_id,)).fetchone()
    assert row is not None
    return int(row[0])


def _rehearse(ledger: Ledger, operation: Described, path: str, body: object) -> None:
    method = operation.method.upper()
    with ledger.nothing_stored():
        rehearsed = ledger.send(method, f"{path}?dry_run=true", body)
        assert rehearsed.json()["dry_run"] is True, rehearsed.text
        operation.check(200, rehearsed.json())
        outdated = ledger.send(method, path, body, if_match='"999999"')
        status, refused = operation.refusals[ABOUT_SEVERAL.get(operation.path, "not_expected")]
        assert outdated.status_code == status, outdated.text
        assert levelled(outdated.json()) == levelled(refused)


def _repeat(
    ledger: Ledger, operation: Described, path: str, body: object, done: httpx.Response
) -> None:
    key, method = operation.operation["operationId"], operation.method.upper()
    with ledger.nothing_stored():
        assert ledger.done(f"{method} {path}", body, idempotency_key=key) == done.json()
        other = {**(body if isinstance(body, dict) else {}), "another": True}
        refused = ledger.send(method, path, other, idempotency_key=key)
    status, example = operation.refusals["repeated_otherwise"]
    told = json.loads(refused.text.replace(key, "example"))
    assert (refused.status_code, told) == (status, example)

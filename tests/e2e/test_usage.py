"""Usage over HTTP: booked once, with a result for each item, and only from gateways."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.edge.usage.cloudevents import RECORDED
from tests.spec.test_usage_deliveries import ANY_ITEM, EVENT_1
from tests.support.ledger import Ledger, bearer, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, Start

USAGE = "/v1/usage"
NUMBERS = count()
BOOKED = """
SELECT coalesce(sum(d.cost), 0), coalesce(sum(d.requests), 0)::int
FROM usage.days d JOIN usage.accounts a USING (account) WHERE a.kind = %s AND a.id = %s
"""


@pytest.fixture(scope="module")
def gateway(ledger: Ledger) -> str:
    return ledger.key(key_type="gateway", key_alias="eu")


@pytest.fixture(scope="module")
def key(ledger: Ledger) -> str:
    """The key of ann in the team "core" of an organization."""
    ledger.done("/organization/new", {"organization_id": "acme", "organization_alias": "Acme"})
    members = [{"user_id": "ann", "role": "user"}]
    team = {"team_id": "core", "organization_id": "acme", "members_with_roles": members}
    ledger.done("/team/new", team)
    return ledger.key(user_id="ann", team_id="core", key_alias="ann-laptop")


def call(**fields: object) -> dict[str, Any]:
    """A call of a model that nobody else calls, under an id that nobody else has."""
    number = next(NUMBERS)
    return {
        "id": f"call-{number}",
        "started_at": time.time(),
        "model": f"model-{number}",
        "cost": 0.1,
        **fields,
    }


def statuses(report: dict[str, Any]) -> list[str]:
    return [item["status"] for item in report["items"]]


def booked(ledger: Ledger, kind: str, identity: str) -> tuple[Decimal, int]:
    """Cost and number of calls on an account, from its sums by day."""
    row = ledger.database.execute(BOOKED, (kind, identity)).fetchone()
    assert row is not None
    return row[0], row[1]


def test_a_call_is_booked_on_all_whom_it_concerns(ledger: Ledger, gateway: str, key: str) -> None:
    before = booked(ledger, "team", "core")
    sent = call(key=key, cost=1.35e-05, model_group="gpt")
    answered = ledger.post(USAGE, sent, gateway)
    assert answered.headers["x-event-position"] == str(ledger.position())
    report = answered.json()
    assert report.pop("position") > 0
    assert report == {
        "accepted": 1,
        "duplicates": 0,
        "quarantined": 0,
        "refused": 0,
        "items": [{"index": 0, "id": sent["id"], "status": "recorded", "attributed": True}],
    }
    expected = {"organization": "acme", "team": "core", "user": "ann", "key": hash_key(key)}
    for kind, identity in expected.items():
        assert booked(ledger, kind, identity)[0] >= Decimal("0.0000135")
    after = booked(ledger, "team", "core")
    assert (after[0] - before[0], after[1] - before[1]) == (Decimal("0.0000135"), 1)
    assert booked(ledger, "member", "core") == after


def test_ten_thousand_calls_at_once(ledger: Ledger, gateway: str, key: str) -> None:
    shared = {"model": "ten-thousand", "key_hash": hash_key(key)}
    sent = [call(**shared, cost=f"0.{n % 97:018}") for n in range(10_000)]
    report = ledger.done(USAGE, sent, gateway)
    assert report["accepted"] == len(report["items"]) == 10_000
    assert [item["index"] for item in report["items"]] == list(range(10_000))
    expected = sum((Decimal(each["cost"]) for each in sent), Decimal(0))
    assert booked(ledger, "model", "ten-thousand") == (expected, 10_000)
    again = ledger.done(USAGE, sent, gateway)
    assert (again["accepted"], again["duplicates"]) == (0, 10_000)
    assert booked(ledger, "model", "ten-thousand") == (expected, 10_000)
    too_many = ledger.post(USAGE, [*sent, call()], gateway)
    assert_refused(too_many, 422, "problem", "an array must have 1 to 10000 items, not 10001")


def test_a_bad_item_is_refused_and_stands_in_nobodys_way(ledger: Ledger, gateway: str) -> None:
    good, model = call(), "among-bad"
    bad = [
        call(cost=-1, model=model),
        "text",
        call(costs=1, model=model),
        {"id": "x"},
        {"id": "fix", "corrects": "never booked", "cost": 1},
    ]
    report = ledger.done(USAGE, [*bad[:2], good, *bad[2:]], gateway)
    assert statuses(report) == ["refused", "refused", "recorded", *["refused"] * 3]
    assert (report["accepted"], report["refused"]) == (1, 5)
    reasons = [item.get("reason") for item in report["items"]]
    assert reasons == [
        "cost: Input should be greater than or equal to 0",
        "an item must be an object",
        "neither key nor team nor user",
        "costs: is not known here",
        "started_at: Field required; model: Field required",
        "corrects a record that was not booked from this source",
    ]
    assert booked(ledger, "model", model) == (Decimal(0), 0)


def test_what_is_sent_again_is_known_and_told_if_it_differs(ledger: Ledger, gateway: str) -> None:
    first, other = call(cost=1), call(cost=2)
    assert statuses(ledger.done(USAGE, [first, first], gateway)) == ["recorded", "duplicate"]
    changed = {**first, "cost": 5}
    report = ledger.done(USAGE, [first, changed, other], gateway)
    assert statuses(report) == ["duplicate", "duplicate", "recorded"]
    assert [item.get("altered") for item in report["items"]] == [None, True, None]
    assert booked(ledger, "model", first["model"]) == (Decimal(1), 1)


def test_parallel_senders_book_each_call_once(ledger: Ledger, gateway: str) -> None:
    sent = [call(model="in-parallel") for _ in range(200)]

    def send(turn: int) -> int:
        with httpx.Client(base_url=ledger.service.base_url, timeout=30) as http:
            part = sent[turn * 10 :] + sent[: turn * 10]
            return int(http.post(USAGE, json=part, headers=bearer(gateway)).json()["accepted"])

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(send, range(8))) == 200
    assert booked(ledger, "model", "in-parallel") == (Decimal(20), 200)


def test_ids_are_those_of_one_gateway(ledger: Ledger, gateway: str) -> None:
    other = ledger.key(key_type="gateway", key_alias="us")
    sent = call()
    for by in (gateway, other):
        assert statuses(ledger.done(USAGE, sent, by)) == ["recorded"]
    fix = {"id": "fix-of-us", "corrects": sent["id"], "cost": -0.05}
    assert statuses(ledger.done(USAGE, fix, other)) == ["recorded"]
    assert booked(ledger, "model", sent["model"]) == (Decimal("0.15"), 2)


def test_a_correction_counts_where_its_original_did(ledger: Ledger, gateway: str) -> None:
    wrong = call(cost=5, prompt_tokens=100)
    ledger.done(USAGE, wrong, gateway)
    fix = {"id": f"fix-{wrong['id']}", "corrects": wrong["id"], "cost": -1.5}
    report = ledger.done(USAGE, [fix, fix], gateway)
    assert statuses(report) == ["recorded", "duplicate"]
    assert "attributed" not in report["items"][0]
    assert booked(ledger, "model", wrong["model"]) == (Decimal("3.5"), 1)


def test_what_the_payloads_of_litellm_tell_is_booked(
    ledger: Ledger, gateway: str, key: str
) -> None:
    payloads = json.loads(Path("tests/contract/generic_api_batch.json").read_text("utf-8"))
    for number, payload in enumerate(payloads):
        moved = {"startTime": time.time() - 1, "endTime": time.time()}
        payload |= {"id": f"litellm-{number}", "model_group": "of-litellm", **moved}
        payload["metadata"]["user_api_key_hash"] = hash_key(key)
    before = booked(ledger, "team", "core")
    report = ledger.done(USAGE, payloads, gateway)
    assert statuses(report) == ["recorded"] * 3
    assert booked(ledger, "model", "of-litellm") == (Decimal("0.0000171"), 3)
    after = booked(ledger, "team", "core")
    assert (after[0] - before[0], after[1] - before[1]) == (Decimal("0.0000171"), 3)


def test_events_in_every_mode(ledger: Ledger, gateway: str) -> None:
    def event(**attributes: object) -> dict[str, Any]:
        data = call(model="by-event")
        return {**EVENT_1, "id": data["id"], "data": data, **attributes}

    def send(body: object, content: str, **headers: str) -> list[str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**bearer(gateway), "content-type": content, **named}
        answered = ledger.http.post(USAGE, content=json.dumps(body), headers=sent)
        assert answered.status_code == 200, answered.text
        return statuses(answered.json())

    batch = [event(), event(source="us"), event(type="x")]
    events = "application/cloudevents-batch+json"
    assert send(batch, events) == ["recorded", "refused", "refused"]
    assert send(event(), "application/cloudevents+json") == ["recorded"]
    binary = {"ce_specversion": "1.0", "ce_type": RECORDED, "ce_source": "eu", "ce_id": "b-1"}
    assert send(call(model="by-event"), "application/json", **binary) == ["recorded"]
    assert booked(ledger, "model", "by-event") == (Decimal("0.3"), 3)


def test_a_packed_body(ledger: Ledger, gateway: str) -> None:
    packed = gzip.compress(json.dumps([call() for _ in range(100)]).encode())
    headers = {**bearer(gateway), "content-encoding": "gzip"}
    assert ledger.http.post(USAGE, content=packed, headers=headers).json()["accepted"] == 100


def test_usage_may_be_large_and_nothing_else(ledger: Ledger, gateway: str) -> None:
    padded = [call(), " " * 3 * 2**20]
    assert statuses(ledger.done(USAGE, padded, gateway)) == ["recorded", "refused"]
    large = ledger.http.post(USAGE, content=b" " * (2**24 + 1), headers=bearer(gateway))
    assert_refused(large, 413, "problem", "Request body too large. Limit: 16777216 bytes")
    for path in ("/team/new", "/v1/usage/quarantine/x/book"):
        refused = ledger.http.post(path, content=b" " * (2**20 + 1), headers=bearer(MASTER_KEY))
        assert (refused.status_code, "1048576" in refused.text) == (413, True)


def test_an_installation_may_take_less(
    postgres_server: EmbeddedServer, start_service: Start
) -> None:
    env = {"TEAMLEDGER_MAX_USAGE_ITEMS": "2", "TEAMLEDGER_MAX_USAGE_BYTES": "2048"}
    with running_ledger(postgres_server, start_service, **env) as small:
        gateway = small.key(key_type="gateway", key_alias="eu")
        assert small.done(USAGE, [call(), call()], gateway)["accepted"] == 2
        assert small.post(USAGE, [call()] * 3, gateway).status_code == 422
        assert small.post(USAGE, [call(), "x" * 2_048], gateway).status_code == 413
        packed = gzip.compress(b"[" + b" " * 4_096 + b"1]")
        headers = {**bearer(gateway), "content-encoding": "gzip"}
        assert small.http.post(USAGE, content=packed, headers=headers).status_code == 413


# What nobody owns


def test_unknown_keys_and_teams_are_counted_and_listed(ledger: Ledger, gateway: str) -> None:
    unknown, model = "ab" * 32, "of-nobody"
    sent = [
        call(key_hash=unknown, team_id="missing", model=model, prompt_tokens=3),
        call(key_hash=unknown, team_id="missing", model=model, status="failure", cost=0),
        call(team_id="nowhere", model=model),
        call(user_id="nobody", model=model),
        call(team_id="core", model=model),
    ]
    report = ledger.done(USAGE, sent, gateway)
    assert [item["attributed"] for item in report["items"]] == [False] * 4 + [True]
    assert [item.get("reason") for item in report["items"]] == [
        *["unknown key"] * 2,
        "unknown team",
        "unknown user",
        None,
    ]
    groups = {
        (each["key_hash"], each["team_id"], each["user_id"]): each
        for each in pages(ledger, "unattributed", 2)
        if each["source"] == "eu"
    }
    by_key = groups[unknown, "missing", None]
    assert (by_key["cost"], by_key["reason"], by_key["prompt_tokens"]) == (0.1, "unknown key", 3)
    assert (by_key["successful_requests"], by_key["failed_requests"]) == (1, 1)
    assert groups[None, "nowhere", None]["reason"] == "unknown team"
    assert groups[None, None, "nobody"]["reason"] == "unknown user"
    assert (None, "core", None) not in groups


def pages(ledger: Ledger, name: str, size: int, key: str = MASTER_KEY) -> Iterator[Any]:
    """All entries of a list, page by page."""
    after: dict[str, str] = {}
    while True:
        page = ledger.shown(f"{USAGE}/{name}", key, limit=size, **after)
        assert len(page[name]) <= size
        yield from page[name]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


# Quarantine


def test_what_waits_is_booked_or_discarded_and_audited(ledger: Ledger, gateway: str) -> None:
    model = "of-long-ago"
    late = [call(started_at="2026-01-01T00:00:00Z", model=model) for _ in range(5)]
    early = call(started_at=time.time() + 3_600, model=model)
    report = ledger.done(USAGE, [*late, early], gateway)
    assert statuses(report) == ["quarantined"] * 6
    assert report["items"][5]["reason"] == "begins more than 5 minutes after it was reported"
    waiting = [each for each in pages(ledger, "quarantine", 2) if each["usage"]["model"] == model]
    assert {each["request_id"] for each in waiting} == {each["id"] for each in [*late, early]}
    assert waiting[0]["usage"]["cost"] == 0.1
    by_call = {each["request_id"]: each["id"] for each in waiting}
    ids = [by_call[each["id"]] for each in late]
    now = time.time()
    with_start = ledger.done(f"{USAGE}/quarantine/{ids[0]}/book", {"started_at": now})
    assert (with_start["status"], with_start["started_at"][:4]) == ("booked", "2026")
    as_reported = ledger.done(f"{USAGE}/quarantine/{ids[1]}/book", {})
    assert as_reported["started_at"] == "2026-01-01T00:00:00Z"
    discarded = ledger.done(f"{USAGE}/quarantine/{ids[2]}/discard", {})
    assert (discarded["status"], discarded["request_id"]) == ("discarded", late[2]["id"])
    assert booked(ledger, "model", model) == (Decimal("0.2"), 2)
    left = [each["id"] for each in pages(ledger, "quarantine", 100)]
    assert set(left) & set(ids) == set(ids[3:])
    again = ledger.done(USAGE, late[:3], gateway)
    assert statuses(again) == ["duplicate", "duplicate", "quarantined"]
    entries = {each["object_id"]: each for each in _audited(ledger)}
    assert [entries[each]["command"] for each in ids[:3]] == [
        *["BookQuarantinedUsage"] * 2,
        "DiscardQuarantinedUsage",
    ]
    assert entries[ids[0]]["updated_values"]["usage"]["id"] == late[0]["id"]
    assert entries[ids[2]]["before_value"]["usage"]["id"] == late[2]["id"]


def _audited(ledger: Ledger) -> Any:  # noqa: ANN401
    return ledger.shown("/audit", table_name="LiteLLM_SpendLogs", page_size=100)["audit_logs"]


def test_a_decision_holds_and_may_be_repeated(ledger: Ledger, gateway: str) -> None:
    sent = call(started_at=0)
    ledger.done(USAGE, sent, gateway)
    [waiting] = [
        each for each in pages(ledger, "quarantine", 100) if each["request_id"] == sent["id"]
    ]
    path = f"{USAGE}/quarantine/{waiting['id']}"
    with ledger.nothing_stored():
        rehearsed = ledger.done(f"{path}/book?dry_run=true", {})
        assert [each["type"] for each in rehearsed["events"]] == ["usage.quarantine_booked"]
        assert booked(ledger, "model", sent["model"])[1] == 0
        bad = ledger.post(f"{path}/book", {"started_at": "soon"})
        assert_refused(bad, 422, "problem", "body.started_at: Value error, must be a moment")
    first = ledger.done(f"{path}/book", {}, idempotency_key="book-it")
    with ledger.nothing_stored():
        assert ledger.done(f"{path}/book", {}, idempotency_key="book-it") == first
        assert ledger.done(f"{path}/book", None) == first
        assert_refused(ledger.post(f"{path}/discard", {}), 409, "problem", "was settled in another")
        other = ledger.post(f"{path}/book", {"started_at": 1})
        assert_refused(other, 409, "problem", "was settled in another way already")
    assert booked(ledger, "model", sent["model"]) == (Decimal("0.1"), 1)


def test_who_reads_and_decides(ledger: Ledger, gateway: str, key: str) -> None:
    viewer = ledger.user("victor", "proxy_admin_viewer")
    for name in ("quarantine", "unattributed"):
        assert ledger.get(f"{USAGE}/{name}", viewer).status_code == 200
        for by in (gateway, key):
            assert_refused(ledger.get(f"{USAGE}/{name}", by), 403, "problem", "")
    for by in (viewer, gateway, key):
        for identity in ("0" * 32, "x"):
            refused = ledger.post(f"{USAGE}/quarantine/{identity}/book", {}, by)
            assert_refused(refused, 403, "problem", "")


# Who reports


def test_only_gateways_report(ledger: Ledger, key: str) -> None:
    admin = ledger.user("pat", "proxy_admin")
    for by in (MASTER_KEY, admin, key):
        refused = ledger.post(USAGE, call(), by)
        assert_refused(refused, 403, "problem", "Only the key of a gateway may be used here.")


def test_a_gateway_is_let_in_nowhere_else(ledger: Ledger, gateway: str) -> None:
    reads = ("/team/list", "/v2/team/list", "/key/info", "/key/list", "/user/info", "/audit")
    for path in reads:
        assert ledger.get(path, gateway).status_code in (401, 403), path
    for path in ("/team/new", "/key/generate", "/key/update", "/user/new", "/v2/key/info"):
        body = {"keys": [], "key": "sk-x", "team_id": "of-gateway"}
        assert ledger.post(path, body, gateway).status_code in (401, 403), path


def test_what_ends_a_key_ends_its_reports_with_the_next_request(ledger: Ledger) -> None:
    gateway = ledger.key(key_type="gateway", key_alias="ending")
    assert ledger.done(USAGE, call(), gateway)["accepted"] == 1
    ledger.done("/key/block", {"key": gateway})
    assert_refused(ledger.post(USAGE, call(), gateway), 401, "problem", "Key is blocked")
    ledger.done("/key/unblock", {"key": gateway})
    assert ledger.done(USAGE, call(), gateway)["accepted"] == 1
    ledger.done("/key/delete", {"keys": [gateway]})
    refused = ledger.post(USAGE, call(), gateway)
    assert_refused(refused, 401, "problem", "Invalid proxy server token passed")


def test_a_new_secret_is_the_same_gateway(ledger: Ledger) -> None:
    old = ledger.key(key_type="gateway", key_alias="rotating")
    sent = call()
    ledger.done(USAGE, sent, old)
    new = ledger.done("/key/regenerate", {"key": old, "grace_period": "1h"})["key"]
    for by in (old, new):
        assert statuses(ledger.done(USAGE, [sent, call()], by)) == ["duplicate", "recorded"]
    changes: list[dict[str, object]] = [
        {"key_alias": "renamed"},
        {"allowed_routes": []},
        {"team_id": "core"},
    ]
    for change in changes:
        for path in ("/key/update", "/key/regenerate"):
            refused = ledger.post(path, {"key": new, **change})
            assert_refused(refused, 400, "B", "The key of a gateway")


def test_nothing_else_becomes_a_gateway(ledger: Ledger, key: str) -> None:
    routes = {"allowed_routes": ["gateway_routes"]}
    ann = ledger.user("gina", "internal_user")
    attempts: list[tuple[str, dict[str, Any], str]] = [
        ("/key/generate", {**routes, "key_alias": "g"}, ann),
        ("/key/generate", {"key_type": "gateway", "key_alias": "g"}, ann),
        ("/key/generate", {"key_type": "gateway"}, MASTER_KEY),
        ("/key/generate", {"key_type": "gateway", "key_alias": ""}, MASTER_KEY),
        ("/key/generate", {**routes, "key_alias": "g", "user_id": "ann"}, MASTER_KEY),
        ("/key/generate", {"key_type": "gateway", "key_alias": "g", "team_id": "core"}, MASTER_KEY),
        (
            "/key/generate",
            {"key_type": "gateway", "key_alias": "g", "allowed_routes": ["/team/info"]},
            MASTER_KEY,
        ),
        (
            "/key/service-account/generate",
            {"key_type": "gateway", "key_alias": "g", "team_id": "core"},
            MASTER_KEY,
        ),
        ("/key/update", {"key": key, **routes}, MASTER_KEY),
        ("/key/update", {"key": ann, **routes}, ann),
        ("/key/regenerate", {"key": key, **routes}, MASTER_KEY),
        (f"/key/{hash_key(key)}/regenerate", routes, MASTER_KEY),
    ]
    with ledger.nothing_stored():
        for path, body, by in attempts:
            refused = ledger.post(path, body, by)
            assert refused.status_code in (400, 403), f"{path} {body}: {refused.text}"
    bulk = ledger.done("/key/bulk_update", {"keys": [{"key": key, **routes}]})
    assert bulk["successful_updates"][0]["key_info"]["allowed_routes"] == []
    made = ledger.user("gus", "internal_user", key_type="gateway", key_alias="gus", **routes)
    for by in (key, made):
        assert ledger.post(USAGE, call(), by).status_code == 403


def test_a_key_is_nowhere_to_be_found(ledger: Ledger, gateway: str, key: str) -> None:
    secrets = [key, "sk-of-nobody-at-all"]
    sent = [call(key=each) for each in secrets]
    late = [call(key=each, started_at=1) for each in secrets]
    wrong = [call(key=each, key_hash="ab" * 32) for each in secrets]
    answered = ledger.post(USAGE, [*sent, *late, *wrong], gateway)
    kept = ledger.database.execute(
        "SELECT string_agg(t::text, '') FROM usage.series t UNION ALL"
        " SELECT string_agg(t::text, '') FROM usage.quarantine t UNION ALL"
        " SELECT string_agg(t::text, '') FROM usage.records t"
    ).fetchall()
    log = ledger.service.log.read_text()
    for secret in (*secrets, gateway):
        assert secret not in answered.text
        assert secret not in str(kept)
        assert secret not in log
    assert Counter(statuses(answered.json())) == {"recorded": 2, "quarantined": 2, "refused": 2}


def test_whatever_is_reported_is_no_defect(ledger: Ledger, gateway: str) -> None:
    found: Counter[int] = Counter()

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(ANY_ITEM)
    def check(item: object) -> None:
        content = json.dumps([item, call(model="between-odd")]).encode()
        answered = ledger.http.post(USAGE, content=content, headers=bearer(gateway))
        assert answered.status_code == 200, answered.text
        assert answered.json()["items"][1]["status"] == "recorded"
        found[200] += 1

    check()
    assert booked(ledger, "model", "between-odd")[1] == found[200]

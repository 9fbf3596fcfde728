"""Hostile requests get the contract's refusal, with a text that says why, and store nothing."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from services.database.embedded import EmbeddedServer
from tests.e2e.hostile import (
    FIELDS,
    HEADERS,
    JSON,
    MALFORMED,
    MANY,
    NO_OBJECT,
    ODD_IDS,
    ONE,
    ORG,
    QUERIES,
    TEAM,
    Body,
    Case,
)
from tests.e2e.routes import (
    BODILESS,
    BY_METHOD,
    GETS,
    OPTIONAL,
    OTHERS,
    OUR_DELETES,
    OUR_GETS,
    OUR_PATCHES,
    OUR_POSTS,
    POSTS,
    PUBLIC,
    READS,
)
from tests.support.ledger import Ledger, bearer, running_ledger
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, Start


@pytest.fixture(scope="module", autouse=True)
def _team(ledger: Ledger) -> None:
    make_world(ledger)


def make_world(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": TEAM})
    ledger.done("/organization/new", {"organization_id": ORG, "organization_alias": ORG})
    ledger.done("/budget/new", {"budget_id": ORG})


def templated(path: str) -> str:
    path = path.replace("/audit/some-id", "/audit/{id}").replace("/key/some-id", "/key/{key}")
    path = path.replace("/quarantine/some-id", "/quarantine/{id}")
    path = path.replace("/keys/some-id", "/keys/{key}").replace("some-user", "{user_id}")
    path = path.replace("some-org", "{organization_id}")
    path = path.replace("some-hook", "{webhook_id}").replace("some-message", "{message_id}")
    path = path.replace("/reservations/some-id", "/reservations/{reservation_id}")
    path = path.replace("/users/some-id", "/users/{user_id}")
    return path.replace("some-id", "{team_id}")


def taking(body: Body) -> list[tuple[str, str]]:
    """The routes, by method, that have to refuse a body, or headers."""
    without = {b"", b"null"}
    if body in HEADERS:
        posts = [*POSTS, *OPTIONAL]
    else:
        posts = [*POSTS, *READS, *([] if body.content in without else OPTIONAL)]
    return [*(("POST", path) for path in posts), *OTHERS]


def test_every_route_is_gone_through(ledger: Ledger) -> None:
    served = {
        (method, path)
        for path, methods in ledger.shown("/openapi.json")["paths"].items()
        for method in methods
    }
    gets = {templated(path) for path in (*GETS, *OUR_GETS)} | {*PUBLIC}
    posts = {templated(path) for path in (*POSTS, *OPTIONAL, *READS, *BODILESS, *OUR_POSTS)}
    others = {(method.lower(), path) for method, path in OTHERS}
    others |= {("delete", templated(path)) for path in OUR_DELETES}
    others |= {("patch", templated(path)) for path in OUR_PATCHES}
    assert served == {("post", p) for p in posts} | {("get", p) for p in gets} | others


@pytest.mark.parametrize("body", [*MALFORMED, *NO_OBJECT, *HEADERS], ids=str)
def test_no_route_takes(ledger: Ledger, body: Body) -> None:
    headers = {**bearer(MASTER_KEY), **body.headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    with ledger.nothing_stored():
        for method, path in taking(body):
            response = ledger.http.request(method, path, content=body.content, headers=raw)
            assert_refused(response, body.status, body.shape, body.says)


@pytest.mark.parametrize("body", MALFORMED, ids=str)
def test_what_is_no_json_is_refused_whoever_calls(ledger: Ledger, body: Body) -> None:
    for method, path in taking(body):
        response = ledger.http.request(method, path, content=body.content, headers=body.headers)
        assert_refused(response, body.status, body.shape, body.says)


@pytest.mark.parametrize("body", NO_OBJECT, ids=str)
def test_strangers_learn_nothing_of_fields(ledger: Ledger, body: Body) -> None:
    for method, path in BY_METHOD:
        response = ledger.http.request(method, path, content=body.content, headers=body.headers)
        assert_refused(response, 401, "B", "No api key passed in.")


@pytest.mark.parametrize("path", [*GETS, "/team/info?team_id=%00", "/audit?page=x", "/audit/%00"])
def test_strangers_learn_nothing_of_queries(ledger: Ledger, path: str) -> None:
    assert_refused(ledger.get(path, None), 401, "B", "No api key passed in.")


OURS = [
    *(("GET", path) for path in OUR_GETS),
    *(("POST", path) for path in OUR_POSTS),
    *(("DELETE", path) for path in OUR_DELETES),
    *(("PATCH", path) for path in OUR_PATCHES),
]


@pytest.mark.parametrize(("method", "path"), OURS)
def test_strangers_learn_nothing_of_routes_of_our_own(
    ledger: Ledger, method: str, path: str
) -> None:
    refused = ledger.http.request(method, f"{path}?limit=0&after=x", content=b'{"started_at": 0}')
    assert_refused(refused, 401, "problem", "No api key passed in.")


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/decide"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"x" * 2**25])
def test_what_strangers_report_is_not_even_read(ledger: Ledger, content: bytes, path: str) -> None:
    for key, status in ((None, 401), ("sk-nobody", 401), (MASTER_KEY, 403)):
        refused = ledger.http.post(path, content=content, headers=bearer(key))
        assert_refused(refused, status, "problem", "")


@pytest.mark.parametrize(("method", "path"), BY_METHOD)
def test_a_stream_is_cut_off_where_it_is_too_long(ledger: Ledger, method: str, path: str) -> None:
    def endless() -> Iterator[bytes]:
        yield from (b"[" * 65_536 for _ in range(64))

    with ledger.nothing_stored():
        headers = bearer(MASTER_KEY)
        response = ledger.http.request(method, path, content=endless(), headers=headers)
        assert_refused(response, 413, "B", "Request body too large. Limit: 1048576 bytes")


@pytest.mark.parametrize("case", FIELDS, ids=str)
def test_a_field_is_refused(ledger: Ledger, case: Case) -> None:
    with ledger.nothing_stored():
        refused = ledger.send(case.method, case.path, case.fields)
        assert_refused(refused, case.status, case.shape, case.says)


@pytest.mark.parametrize("case", QUERIES, ids=str)
def test_a_query_is_refused(ledger: Ledger, case: Case) -> None:
    with ledger.nothing_stored():
        assert_refused(ledger.get(case.path), case.status, case.shape, case.says)


@pytest.mark.parametrize("team_id", ODD_IDS)
def test_an_odd_id_is_as_good_as_any(ledger: Ledger, team_id: str) -> None:
    ledger.done("/team/new", {"team_id": team_id, "team_alias": team_id})
    ledger.done("/team/member_add", {"team_id": team_id, "member": {**ONE, "user_id": "odd"}})
    query = urlencode({"team_id": team_id}, quote_via=quote)
    info = ledger.shown(f"/team/info?{query}")
    assert [m["user_id"] for m in info["team_info"]["members_with_roles"]][-1] == "odd"
    assert [t["team_id"] for t in ledger.shown(f"/v2/team/list?{query}")["teams"]] == [team_id]
    entries = ledger.shown("/audit", object_id=team_id)["audit_logs"]
    assert [entry["action"] for entry in entries] == ["updated", "created"]
    assert ledger.done("/team/delete", {"team_ids": [team_id]}) == {"deleted_teams": [team_id]}
    assert ledger.get(f"/team/info?{query}").status_code == 404


def test_of_repeated_names_the_last_one_counts(ledger: Ledger) -> None:
    content = b'{"team_id": "first", "max_budget": 1, "team_id": "second", "max_budget": 2}'
    headers = {**JSON, **bearer(MASTER_KEY)}
    made = ledger.http.post("/team/new", content=content, headers=headers).json()
    assert (made["team_id"], made["max_budget"]) == ("second", 2.0)
    assert ledger.get("/team/info", team_id="first").status_code == 404


@pytest.mark.parametrize("sent", ["x" * 10_000, "a b", "<script>"], ids=["long", "spaces", "html"])
def test_a_hostile_request_id_is_replaced(ledger: Ledger, sent: str) -> None:
    answered = ledger.http.get("/health/liveliness", headers={"x-request-id": sent})
    assert answered.status_code == 200
    assert answered.headers["x-request-id"] not in ("", sent)


@pytest.mark.parametrize("host", ["a?b", "a/team/delete?", "a#b", "[", "\xff", ""])
def test_a_hostile_host_changes_nothing(ledger: Ledger, host: str) -> None:
    headers = {**bearer(MASTER_KEY), "host": host}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    blocked = ledger.http.post("/team/block", json={"team_id": "no"}, headers=raw)
    assert_refused(blocked, 404, "A", "passed team_id=no")
    assert ledger.http.get("/team/list", headers=raw).status_code == 200


@pytest.mark.parametrize("sent", ["-1", "1e3", str(2**64), "\xb2"])
def test_a_position_to_wait_for_has_to_be_one(ledger: Ledger, sent: str) -> None:
    headers = {**bearer(MASTER_KEY), "x-min-position": sent}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answered = ledger.http.get("/team/list", headers=raw)
    assert_refused(answered, 422, "C", "header.x-min-position: Input should be a position")


def test_a_repeat_key_belongs_to_one_request(ledger: Ledger) -> None:
    made = ledger.done("/team/new", {"team_id": "repeated"}, idempotency_key="r")
    with ledger.nothing_stored():
        assert ledger.done("/team/new", {"team_id": "repeated"}, idempotency_key="r") == made
        for path, team_id in (("/team/new", "other"), ("/team/block", "repeated")):
            reused = ledger.post(path, {"team_id": team_id}, idempotency_key="r")
            assert_refused(reused, 422, "B", "Idempotency-Key r was used before")


def test_in_strict_mode_the_same_is_refused(
    postgres_server: EmbeddedServer, start_service: Start
) -> None:
    with running_ledger(postgres_server, start_service, TEAMLEDGER_COMPAT="strict") as strict:
        make_world(strict)
        with strict.nothing_stored():
            for case in FIELDS:
                refused = strict.send(case.method, case.path, case.fields)
                assert_refused(refused, case.status, case.shape, "")
            for case in QUERIES:
                assert_refused(strict.get(case.path), case.status, case.shape, "")


def test_what_was_sent_is_not_echoed_without_end(ledger: Ledger) -> None:
    long = ledger.post("/team/member_add", {"team_id": TEAM, "member": MANY})
    assert (len(long.request.content) > 300_000, len(long.content) < 2_000) == (True, True)
    many = ledger.post("/team/delete", {"team_ids": [[]] * 499})
    assert many.json()["detail"][-1]["msg"] == "399 more errors are not shown"

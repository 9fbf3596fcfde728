"""Whom a credential lets in: A01, A07 and A09 over HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.routes import BODILESS, BY_METHOD, GETS
from tests.support.auditor import token
from tests.support.ledger import Ledger, bearer
from tests.support.postgres import running_server
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, Start, on_database
from tests.support.statements import Statements

ROUTES = [*BY_METHOD, *(("POST", path) for path in BODILESS), *(("GET", path) for path in GETS)]


@pytest.fixture(scope="module")
def chief(ledger: Ledger) -> str:
    """The key of an admin of the organization `a01`, in which `a01-mate` is too."""
    key = ledger.user("a01-chief")
    ledger.user("a01-mate")
    ledger.user("a01-other")
    ledger.done("/organization/new", {"organization_id": "a01", "organization_alias": "a01"})
    for user_id, role in (("a01-chief", "org_admin"), ("a01-mate", "internal_user")):
        member = {"user_id": user_id, "role": role}
        ledger.done("/organization/member_add", {"organization_id": "a01", "member": member})
    return key


@pytest.mark.parametrize("user_id", ["a01-chief", "a01-mate", "a01-other", "a01-unknown"])
@pytest.mark.parametrize(
    "fields",
    [{"user_role": "proxy_admin"}, {"max_budget": 10**6}, {"tpm_limit": None, "rpm_limit": 10**6}],
)
def test_a01_an_admin_of_an_organization_raises_nobody(
    ledger: Ledger, chief: str, user_id: str, fields: dict[str, object]
) -> None:
    """Neither himself nor others, whichever organization the request names, wherever it does."""
    with ledger.nothing_stored():
        refused = ledger.http.post(
            "/user/update?organization_id=a01",
            json={"user_id": user_id, **fields, "organization_id": "a01", "organizations": ["a01"]},
            headers=bearer(chief),
        )
        assert_refused(refused, 403, "B", "")


def test_a01_an_admin_of_an_organization_deletes_no_users(ledger: Ledger, chief: str) -> None:
    for user_id in ("a01-mate", "a01-other", "a01-unknown"):
        body = {"user_ids": [user_id], "organization_id": "a01", "organizations": ["a01"]}
        with ledger.nothing_stored():
            refused = ledger.post("/user/delete?organization_id=a01", body, chief)
            assert_refused(refused, 401, "B", "Only proxy admin can be used")


@pytest.fixture
def orphan(data_dir: Path, start: Start) -> Iterator[tuple[str, str]]:
    """A service that has lost its database: its address, and a key that it knew."""
    env = {"TEAMLEDGER_ALLOW_REQUESTS_ON_DB_UNAVAILABLE": "true"}
    with running_server(data_dir) as server:
        service = start({**on_database(server.conninfo()), **env})
        with service.client() as http:
            made = http.post("/user/new", json={"user_id": "a07", "user_role": "proxy_admin"})
            key = made.json()["key"]
        with service.client(key) as known:
            assert known.get("/team/list").status_code == 200
        server.stop(force=True)
        yield service.base_url, key
        assert service.stop() == 0


def test_a07_without_a_database_nobody_is_let_in(orphan: tuple[str, str]) -> None:
    address, known = orphan
    asked = [(*route, key) for route in ROUTES for key in (known, "sk-unknown")]
    asked.append(("POST", "/team/new", MASTER_KEY))
    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(base_url=address, timeout=60, limits=limits) as http,
        ThreadPoolExecutor(len(asked)) as pool,
    ):

        def answer(method: str, path: str, key: str) -> tuple[int, bool]:
            body: dict[str, str] | None = None if method == "GET" else {}
            answered = http.request(method, path, json=body, headers=bearer(key))
            return answered.status_code, "retry-after" in answered.headers

        assert set(pool.map(answer, *zip(*asked, strict=True))) == {(503, True)}


HOSTILE = ["sk-' OR '1'='1", "sk-'; DROP TABLE read.keys_1; --", 'sk-"', "sk-%s %(key)s", "sk-\\'"]


@pytest.mark.parametrize("secret", HOSTILE)
def test_a09_a_key_is_a_parameter_and_never_part_of_a_statement(
    ledger: Ledger, statements: Statements, secret: str
) -> None:
    real = ledger.key(key_alias=f"a09 {secret}")
    with statements.sent() as sent:
        for key in (secret, real):
            ledger.get("/key/info", key)
            ledger.post("/key/generate", {}, key)
            ledger.get("/key/info", key=key)
            ledger.get("/key/list", key_hash=key)
            ledger.get("/key/list", key_alias=f"a09 {key}")
            ledger.post("/key/update", {"key": key, "max_budget": 1})
    assert sent
    for text in (secret, token(secret), real, token(real)):
        assert [statement for statement in sent if text in statement] == []
    refused = ledger.get("/key/info", secret)
    assert_refused(refused, 401, "B", "Invalid proxy server token passed.")
    assert ledger.shown("/key/list", key_hash=secret)["keys"] == []
    assert ledger.shown("/key/list", key_alias=f"a09 {secret}")["keys"] == [token(real)]

"""Every refusal that the description shows can be provoked, and looks as it is shown."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime

import httpx
import pytest

from services.access.principal import DASHBOARD_TEAM
from services.command.api.described.usage import GATEWAY
from services.database.embedded import EmbeddedServer
from services.edge.openapi.callers import KEY
from tests.e2e.provocation import OPEN, Provocation
from tests.e2e.provoked import COMMON, ELSEWHERE, SPECIAL, levelled
from tests.e2e.provoked_history import with_a_past
from tests.e2e.provoking import (
    BOOKED,
    CLOSED_TEAM,
    COLLEAGUE,
    DISCARDED,
    KEYLESS_USER,
    LEADER,
    MEMBER,
    OUTSIDER,
    SESSION,
    STRANGER,
)
from tests.support.described import Described, operations
from tests.support.ledger import Ledger, bearer, running_ledger
from tests.support.service import MASTER_KEY, Start

Keys = Mapping[str, str | None]

SHOWN = [
    pytest.param(operation, name, id=f"{operation} {name}")
    for operation in operations().values()
    for name in operation.refusals
    if name not in ELSEWHERE
]


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    env = {"TEAMLEDGER_AVAILABLE_TEAMS": "core"}
    with running_ledger(postgres_server, start_service, **env) as running:
        yield running


@pytest.fixture(scope="module")
def keys(ledger: Ledger) -> Keys:
    """Keys by the name of what is wrong with them, or of their owner; last, what else is there."""
    expired = ledger.done("/key/generate", {"duration": "1s"})
    ledger.done("/team/new", {"team_id": "core", "models": ["gpt-4o"], "max_budget": 100})
    logger = {"callback_name": "langfuse", "callback_vars": {}}
    ledger.done("/team/core/callback", logger)
    ledger.done("/team/new", {"team_id": CLOSED_TEAM})
    in_closed = ledger.key(team_id=CLOSED_TEAM)
    ledger.done("/team/block", {"team_id": CLOSED_TEAM})
    blocked = ledger.key()
    ledger.done("/key/block", {"key": blocked})
    ledger.user("ann", "internal_user", user_email="ann@example.com", key_alias="ann-laptop")
    ledger.user("bob")
    ledger.key(key=KEY, user_id="ann")
    eve = ledger.user(STRANGER, "internal_user", max_budget=10)
    ledger.key(key="sk-of-eve", user_id=STRANGER)
    mia = ledger.user(MEMBER, "internal_user")
    staff = {"team_id": "staff", "members_with_roles": [{"user_id": MEMBER, "role": "user"}]}
    ledger.done("/team/new", staff)
    ledger.key(key="sk-of-staff", team_id="staff")
    crew = {"team_id": "crew", "members_with_roles": [{"user_id": MEMBER, "role": "admin"}]}
    ledger.done("/team/new", crew)
    pat = ledger.user("pat", "proxy_admin")
    made: Keys = {
        OPEN: MASTER_KEY,
        "no_key": None,
        "no_virtual_key": "example",
        "unknown_key": "sk-nobody-has-it",
        "blocked_key": blocked,
        "blocked_team": in_closed,
        "expired_key": expired["key"],
        "other_routes": ledger.key(user_id="pat", allowed_routes=["/models"]),
        "viewer": ledger.user("victor", "proxy_admin_viewer"),
        "proxy_admin": pat,
        GATEWAY: _reporting(ledger),
        "internal_viewer": ledger.user("iva", "internal_user_viewer"),
        "no_user": ledger.key(),
        STRANGER: eve,
        SESSION: _session(ledger),
        MEMBER: mia,
        **_organized(ledger),
        KEYLESS_USER: ledger.key(user_id=KEYLESS_USER),
    }
    left = datetime.fromisoformat(expired["expires"]).timestamp() - time.time()
    time.sleep(max(left, 0) + 0.01)
    return made


def _reporting(ledger: Ledger) -> str:
    """The key of a gateway, two of whose calls were decided about in quarantine."""
    gateway = ledger.key(key_type="gateway", key_alias=GATEWAY)
    late = {"started_at": "2026-01-01T00:00:00Z", "model": "gpt-4o"}
    ledger.done("/v1/usage", [{"id": name, **late} for name in ("booked", "discarded")], gateway)
    ledger.done(f"/v1/usage/quarantine/{BOOKED}/book", {})
    ledger.done(f"/v1/usage/quarantine/{DISCARDED}/discard", {})
    return gateway


def _organized(ledger: Ledger) -> Keys:
    """Two organizations, teams of one, and the keys of its admin and a mere member of each."""
    budget, limits = {"budget_id": "research-2026"}, {"max_budget": 100, "tpm_limit": 1000}
    ledger.done("/budget/new", {**budget, **limits})
    models = {"models": ["gpt-4o-mini"]}
    research = {"organization_id": "research"}
    ledger.done("/organization/new", {**research, **budget, "organization_alias": "Research"})
    with_a_past(ledger)
    ledger.done("/budget/update", {**budget, "max_budget": 50})
    ledger.done("PATCH /organization/update", {**research, **models})
    ledger.done("/organization/new", {"organization_id": "other", "organization_alias": "Other"})
    ledger.done("/team/new", {"team_id": "busy", **research, **models, "tpm_limit": 900})
    ledger.done("/team/new", {"team_id": "lab", **research, **models})
    made = {name: ledger.user(name, "internal_user") for name in (COLLEAGUE, OUTSIDER, LEADER)}
    joining = (
        *(("research", name, "internal_user") for name in (COLLEAGUE, "ann")),
        *(("research", LEADER, "org_admin"), ("other", OUTSIDER, "internal_user")),
    )
    for organization_id, user_id, role in joining:
        member = {"user_id": user_id, "role": role}
        ledger.done(
            "/organization/member_add", {"organization_id": organization_id, "member": member}
        )
    ledger.key(key="sk-of-ivo", user_id=COLLEAGUE, **research)
    return made


def _session(ledger: Ledger) -> str:
    """A key that is somebody's session at a dashboard."""
    member = {"user_id": STRANGER, "role": "user"}
    ledger.done("/team/new", {"team_id": DASHBOARD_TEAM, "members_with_roles": [member]})
    return ledger.key(team_id=DASHBOARD_TEAM, user_id=STRANGER)


def _provocation(operation: Described, name: str) -> Provocation:
    special = SPECIAL.get((operation.method.upper(), operation.path, name))
    if special is not None:
        return special
    if name == "not_admin":
        return Provocation(key=STRANGER)
    if name == "bad_fields":
        refusal = operation.refusals[name][1]
        entry = (refusal.get("errors") or refusal["detail"])[0]
        no_body = (entry["type"], entry["loc"]) == ("missing", ["body"])
        return Provocation(content=b"") if no_body else Provocation({})
    assert name in COMMON, f"nothing provokes {name} at {operation}"
    return COMMON[name]


def _sent(
    ledger: Ledger, operation: Described, wrong: Provocation, key: str | None
) -> httpx.Response:
    path, body, query = operation.example_request()
    if wrong.path:
        path = operation.path
        for name, value in wrong.path.items():
            path = path.replace(f"{{{name}}}", value)
    body = body if wrong.body is None else wrong.body
    sent = {"json": body} if wrong.content is None else {"content": wrong.content}
    headers = {**bearer(key), "content-type": "application/json", **wrong.headers}
    url = httpx.URL(path, params=query if wrong.query is None else wrong.query)
    if operation.method == "get":
        return ledger.http.get(url, headers=headers)
    return ledger.http.request(operation.method.upper(), url, headers=headers, **sent)


@pytest.mark.parametrize(("operation", "name"), SHOWN)
def test_a_refusal_looks_as_it_is_shown(
    ledger: Ledger, keys: Keys, operation: Described, name: str
) -> None:
    wrong = _provocation(operation, name)
    by = GATEWAY if "no_gateway" in operation.refusals and wrong.key == OPEN else wrong.key
    with ledger.nothing_stored():
        answered = _sent(ledger, operation, wrong, keys[by])
    status, example = operation.refusals[name]
    assert (answered.status_code, levelled(answered.json())) == (status, levelled(example))
    operation.check(status, answered.json())
    headers = operation.operation["responses"][str(status)]["headers"]
    assert {each.lower() for each in headers} <= answered.headers.keys()


def test_nothing_is_provoked_in_vain() -> None:
    shown = {
        (operation.method.upper(), operation.path, name)
        for operation in operations().values()
        for name in operation.refusals
    }
    names = {name for _, _, name in shown}
    assert SPECIAL.keys() - shown == set()
    assert {*COMMON, *ELSEWHERE} - names == set()

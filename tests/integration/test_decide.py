"""POST /v1/decide: what a gateway is told of a call, and who may ask (auth.md 2, 5)."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from events.key import (
    KeyBlocked,
    KeyDeleted,
    KeyExpiryChanged,
    KeyModelsChanged,
    KeyRotated,
    KeyRoutesChanged,
)
from events.registry import DomainEvent
from events.streams import BUDGET, ORGANIZATION, USER, Stream, stream
from events.team import MemberRemoved, TeamBlocked, TeamDeleted, TeamModelsChanged
from events.user import UserModelsChanged
from services.access.credentials import hash_key
from services.database.embedded import EmbeddedServer
from services.edge.shapes.times import iso
from tests.support.deciding import GATEWAY, Deciding, deciding
from tests.support.facts import (
    budget,
    budget_created,
    key_settings,
    limits,
    organization_created,
    settings,
)
from tests.support.postgres import fresh_database
from tests.support.reading import MASTER, key, team

ANN = "sk-ann-in-core"
TOKEN = hash_key(ANN)
WINDOW = {"start": None, "end": None}


@pytest.fixture(scope="module")
async def gate(postgres_server: EmbeddedServer) -> AsyncIterator[Deciding]:
    """Ann in a team of an organization, with a budget at every level."""
    with fresh_database(postgres_server) as url:
        async with deciding(url) as opened:
            world = opened.world
            held = budget_created(max_budget=1_000, tpm_limit=9_000)
            world.tell((stream(BUDGET, "b"), held))
            world.tell((stream(ORGANIZATION, "acme"), organization_created(budget_id="b")))
            await world.user("ann")
            world.team(
                "core",
                {"ann": "user"},
                team_alias="Core",
                organization_id="acme",
                budget=budget(100, 50),
                member_defaults=limits("d", max_budget=40, tpm_limit=500, rpm_limit=5),
                model_aliases={"fast": "gpt-4o-mini"},
                models=["gpt-4o", "gpt-4o-mini"],
                limits={"tpm_limit": 7_000, "rpm_limit": 70},
                metadata={"model_tpm_limit": {"gpt-4o": 100, "o3": 7}},
            )
            world.key(ANN, key_alias="ci", user_id="ann", team_id="core", max_budget=20)
            yield opened


def purse(kind: str, name: str, most: float, soft: float | None = None) -> dict[str, object]:
    spent = {"spend": 1.5, "held": 0.0, "window": WINDOW}
    return {"kind": kind, "id": name, "max_budget": most, "soft_budget": soft, **spent}


def limit(kind: str, name: str, tpm: int | None, rpm: int | None) -> dict[str, object]:
    parallel = {"max_parallel_requests": None}
    return {"kind": kind, "id": name, "tpm_limit": tpm, "rpm_limit": rpm, **parallel}


async def test_what_is_allowed_comes_with_all_that_the_gateway_has_to_know(gate: Deciding) -> None:
    await gate.spend("1.5", ANN, team="core", user="ann", organization="acme")
    verdict = await gate.allowed(ANN, "fast")
    assert verdict.pop("position") == {"events": gate.world.history.position, "usage": 1}
    assert verdict.pop("budgets") == [
        purse("key", TOKEN, 20.0),
        purse("team", "core", 100.0, soft=50.0),
        purse("organization", "acme", 1000.0),
        {**purse("member", "core", 40.0), "member": "ann"},
    ]
    assert verdict == {
        "allowed": True,
        "key_hash": TOKEN,
        "key_alias": "ci",
        "user_id": "ann",
        "team_id": "core",
        "team_alias": "Core",
        "organization_id": "acme",
        "model": "gpt-4o-mini",
        "limits": [
            limit("team", "core", 7_000, 70),
            {**limit("member", "core", 500, 5), "member": "ann"},
            limit("organization", "acme", 9_000, None),
        ],
        "soft_exceeded": [],
        "reservation": None,
    }


async def test_d42_limits_of_members_and_of_the_model_are_told(gate: Deciding) -> None:
    told = (await gate.allowed(ANN))["limits"]
    assert {**limit("member", "core", 500, 5), "member": "ann"} in told
    assert {**limit("team", "core", 100, None), "model": "gpt-4o"} in told
    assert not any(one.get("model") == "o3" for one in told)


async def test_a_key_may_be_named_by_its_hash(gate: Deciding) -> None:
    answered = await gate.ask(key_hash=TOKEN, model="gpt-4o")
    assert answered.json()["key_alias"] == "ci"
    assert answered.headers["server-timing"].startswith("decide;dur=")


async def test_unknown_keys_are_denied_as_litellm_does(gate: Deciding) -> None:
    token = sha256(b"sk-nobody-knows").hexdigest()
    verdict = await gate.decide("sk-nobody-knows")
    text = (
        "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...nows, "
        f"Key Hash (Token) ={token}. Unable to find token in cache or "
        "`LiteLLM_VerificationTokenTable`"
    )
    assert (verdict["status"], verdict["error"]) == (
        401,
        {"message": text, "type": "token_not_found_in_db", "param": "key", "code": "401"},
    )
    denial = verdict["denial"]
    assert (denial["check"], denial["kind"], denial["id"]) == ("unknown_key", "key", token)
    assert denial["event_id"] is None


async def test_what_is_no_key_is_denied_and_not_repeated(gate: Deciding) -> None:
    verdict = await gate.decide("password-of-somebody")
    assert (verdict["status"], verdict["denial"]["check"]) == (401, "malformed_key")
    assert verdict["error"]["message"] == (
        "Authentication Error, LiteLLM Virtual Key expected. Received=pass****body, expected to "
        "start with 'sk-'."
    )


async def test_the_keys_of_master_and_gateways_call_no_models(gate: Deciding) -> None:
    assert (await gate.denied(MASTER))["check"] == "unknown_key"
    denial = await gate.denied(GATEWAY)
    assert (denial["check"], denial["limit"]) == ("key_routes", ["gateway_routes"])


async def test_models_may_be_granted_by_what_the_gateway_knows(gate: Deciding) -> None:
    secret = "sk-by-group"
    gate.world.key(secret, models=["openai/*", "beta"], extra={"access_group_ids": ["g-1"]})
    assert (await gate.denied(secret))["check"] == "key_model"
    for more in ({"provider": "openai"}, {"access_groups": ["alpha", "beta"]}):
        await gate.allowed(secret, **more)
    await gate.allowed(secret, access_groups=["g-1"])


async def test_a_key_renames_what_its_team_has_named(gate: Deciding) -> None:
    secret = "sk-renaming"
    extra = {"aliases": {"gpt-4o-mini": "azure/mini"}}
    gate.world.key(secret, team_id="core", member_since=None, extra=extra)
    assert (await gate.allowed(secret, "fast"))["model"] == "azure/mini"


Change = Callable[[str], tuple[Stream, DomainEvent]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANGES: dict[str, Change] = {
    "key_blocked": lambda name: (key(name), KeyBlocked()),
    "key_model": lambda name: (key(name), KeyModelsChanged(before=[], after=["o3"])),
    "key_expired": lambda name: (key(name), KeyExpiryChanged(before=None, after=NOW)),
    "key_routes": lambda name: (key(name), KeyRoutesChanged(before=[], after=["info_routes"])),
    "team_blocked": lambda name: (team(name), TeamBlocked()),
    "team_model": lambda name: (team(name), TeamModelsChanged(before=[], after=["o3"])),
    "user_model": lambda name: (
        stream(USER, name),
        UserModelsChanged(before=[], after=["o3"]),
    ),
}
COMPARED = {
    "key_model": ["o3"],
    "key_expired": iso(NOW),
    "key_routes": ["info_routes"],
    "team_model": ["o3"],
    "user_model": ["o3"],
}


@pytest.mark.parametrize("check", CHANGES)
async def test_a_denial_says_what_was_set_by_whom_and_when(gate: Deciding, check: str) -> None:
    world, name = gate.world, f"sk-{check}"
    await world.user(name)
    world.team(name)
    owner = {"user_id": name} if check == "user_model" else {"team_id": name}
    world.key(name, **owner)
    await gate.allowed(name)
    [at] = world.tell(CHANGES[check](name))
    denial = await gate.denied(name)
    kind = check.partition("_")[0]
    assert denial == {
        "check": check,
        "kind": kind,
        "id": hash_key(name) if kind == "key" else name,
        "limit": COMPARED.get(check),
        "spend": None,
        "held": None,
        "estimate": None,
        "by_estimate": False,
        "window": None,
        "set_by": "default_user_id",
        "set_at": iso(at.recorded_at),
        "event_id": at.event_id,
    }


END: dict[str, Change] = {
    "deleted": lambda name: (key(name), KeyDeleted(settings=key_settings())),
    "of a deleted team": lambda name: (
        team(name),
        TeamDeleted(settings=settings(), members_total=1),
    ),
    "of a removed member": lambda name: (team(name), MemberRemoved(user_id="ann", role="user")),
}


@pytest.mark.parametrize("ended", END)
async def test_a_key_that_is_void_is_unknown(gate: Deciding, ended: str) -> None:
    world, name = gate.world, f"sk-{ended}"
    world.team(name, {"ann": "user"})
    world.key(name, team_id=name, user_id="ann")
    await gate.allowed(name)
    world.tell(END[ended](name))
    verdict = await gate.decide(name)
    assert verdict["error"]["type"] == "token_not_found_in_db"


async def test_a_rotated_secret_stands_for_its_key_while_it_is_accepted(gate: Deciding) -> None:
    world = gate.world
    for name, until in (("sk-late", NOW), ("sk-early", datetime.now(UTC) + timedelta(hours=1))):
        world.key(name)
        new = f"{name}-new"
        rotated = KeyRotated(settings=key_settings(), successor=hash_key(new), until=until)
        world.tell((key(name), rotated))
        world.key(new, key_alias="new")
    assert (await gate.denied("sk-late"))["check"] == "unknown_key"
    assert (await gate.allowed("sk-early"))["key_hash"] == hash_key("sk-early-new")


async def test_strict_wording_is_what_litellm_says(postgres_server: EmbeddedServer) -> None:
    with fresh_database(postgres_server) as url:
        async with deciding(url, strict=True) as gate:
            gate.world.key("sk-blocked", blocked=True)
            verdict = await gate.decide("sk-blocked")
            assert verdict["error"]["param"] == "None"
            gate.world.key("sk-poor", max_budget=0)
            verdict = await gate.decide("sk-poor")
            assert verdict["error"]["param"] is None


@pytest.mark.parametrize("by", [None, MASTER, ANN, "sk-unknown"])
async def test_only_gateways_may_ask(gate: Deciding, by: str | None) -> None:
    answered = await gate.ask(by, key=ANN, model="gpt-4o")
    assert answered.status_code == (401 if by in {None, "sk-unknown"} else 403)
    assert answered.headers["content-type"] == "application/problem+json"
    assert "allowed" not in answered.json()


BAD: dict[str, dict[str, Any]] = {
    "no model": {"key": ANN},
    "neither key nor hash": {"model": "gpt-4o"},
    "both": {"key": ANN, "key_hash": TOKEN, "model": "gpt-4o"},
    "no hash": {"key_hash": "AB" * 32, "model": "gpt-4o"},
    "a long key": {"key": "sk-" + "x" * 600, "model": "gpt-4o"},
    "a list of models": {"key": ANN, "model": ["gpt-4o"]},
    "a model with a NUL": {"key": ANN, "model": "gpt\0"},
    "an endless model": {"key": ANN, "model": "g" * 256},
    "a negative cost": {"key": ANN, "model": "gpt-4o", "estimated_cost": -1},
    "no number": {"key": ANN, "model": "gpt-4o", "estimated_cost": "NaN"},
    "too much": {"key": ANN, "model": "gpt-4o", "estimated_cost": 1e13},
    "too fine": {"key": ANN, "model": "gpt-4o", "estimated_cost": "1e-19"},
    "nothing to reserve": {"key": ANN, "model": "gpt-4o", "reserve": True},
    "held too long": {"key": ANN, "model": "gpt-4o", "reservation_seconds": 3_601},
    "no route": {"key": ANN, "model": "gpt-4o", "route": "chat"},
    "too many groups": {"key": ANN, "model": "gpt-4o", "access_groups": ["g"] * 501},
}


@pytest.mark.parametrize("what", BAD)
async def test_a_body_that_is_not_valid_is_refused_without_repeating_it(
    gate: Deciding, what: str
) -> None:
    answered = await gate.ask(**BAD[what])
    assert answered.status_code == 422
    problem = answered.json()
    assert problem["errors"][0]["loc"][0] == "body"
    assert ANN not in answered.text


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b'{"key":"\\ud800"}', b"[" * 100_000, b"\xff\xfe"]
)
async def test_what_is_no_json_is_refused(gate: Deciding, raw: bytes) -> None:
    headers = {"Authorization": f"Bearer {GATEWAY}"}
    answered = await gate.world.http.post("/v1/decide", content=raw, headers=headers)
    assert (answered.status_code, answered.json()["title"]) == (422, "Unprocessable Content")


async def test_a_blocked_or_expired_gateway_is_refused(gate: Deciding) -> None:
    world = gate.world
    for name, more, status in (
        ("sk-gone", {"blocked": True}, 401),
        ("sk-over", {"expires": NOW}, 400),
    ):
        world.key(name, key_alias=name, allowed_routes=["gateway_routes"])
        assert (await gate.ask(name, key=ANN, model="gpt-4o")).status_code == 200
        changed = {
            "blocked": KeyBlocked(),
            "expires": KeyExpiryChanged(before=None, after=NOW),
        }
        world.tell((key(name), changed[next(iter(more))]))
        assert (await gate.ask(name, key=ANN, model="gpt-4o")).status_code == status


async def test_nothing_is_decided_on_read_models_that_have_failed(gate: Deciding) -> None:
    await gate.allowed(ANN)
    group = gate.world.context.group
    group.failed = "a fact that cannot be folded"
    try:
        answered = await gate.ask(key=ANN, model="gpt-4o")
    finally:
        group.failed = None
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")

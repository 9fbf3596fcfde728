"""Has teamledger judge every call of this LiteLLM proxy, which keeps no keys itself.

TEAMLEDGER_URL, TEAMLEDGER_GATEWAY_KEY; TEAMLEDGER_HOLD_USD holds as much for each call until its
usage arrives. Whatever keeps teamledger from answering refuses the call with 503.
"""

import os
from collections.abc import Iterator
from typing import Any

import httpx
from fastapi import Request
from litellm.proxy._types import ProxyException, UserAPIKeyAuth
from litellm.proxy.auth.auth_utils import get_model_from_request, get_request_route
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.proxy.common_utils.http_parsing_utils import _read_request_body

SECONDS = 2.0
HOLD = os.environ.get("TEAMLEDGER_HOLD_USD")
ROUTING = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "user_config")
"""What would send a call to models that nobody asked about."""

client = httpx.AsyncClient(
    base_url=os.environ["TEAMLEDGER_URL"],
    headers={"authorization": f"Bearer {os.environ['TEAMLEDGER_GATEWAY_KEY']}"},
    timeout=SECONDS,
)


async def authenticate(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Who calls, under which limits; raises ProxyException with what teamledger refuses him by."""
    route = get_request_route(request)
    if not RouteChecks.is_llm_api_route(route):
        raise ProxyException(f"Not served here: {route}", "auth_error", "route", 403)
    body = await _read_request_body(request)
    for name in ROUTING:
        if body.get(name) is not None:
            raise _bad(f"{name} belongs into the gateway's configuration", name)
    model, *others = _models(body, route)
    for other in others:
        await _decide({"key": api_key, "model": other, "route": route})
    hold = {"estimated_cost": HOLD, "reserve": True} if HOLD else {}
    verdict = await _decide({"key": api_key, "model": model, "route": route, **hold})
    return _principal(api_key, model, verdict)


def _models(body: dict[str, Any], route: str) -> list[str]:
    """All that the call names, in its body and in its path: either may be the one that is run."""
    named = {name: body.get(name) for name in ("model", "target_model_names")}
    for name, value in named.items():
        if value is not None and not isinstance(value, str):
            raise _bad(f"{name} must be a string", name)
    found = [get_model_from_request({name: value}, "") for name, value in named.items()]
    found.append(get_model_from_request({}, route))
    models = list(dict.fromkeys(model for one in found for model in _each(one)))
    if not models:
        raise _bad("The call names no model", "model")
    return models


def _each(found: str | list[str] | None) -> Iterator[str]:
    if found is not None:
        yield from [found] if isinstance(found, str) else found


async def _decide(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = await client.post("/v1/decide", json=asked)
        verdict: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as failed:
        raise _unavailable(type(failed).__name__) from failed
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise _bad("The key or the model cannot be read", "model")
    if answer.status_code != httpx.codes.OK:
        raise _unavailable(f"status {answer.status_code}")
    if verdict["allowed"] is not True:
        error = verdict["error"]
        raise ProxyException(error["message"], error["type"], error["param"], verdict["status"])
    return verdict


def _principal(api_key: str, model: str, verdict: dict[str, Any]) -> UserAPIKeyAuth:
    """Without `team_id`, which the proxy would look up in a database that it does not have."""
    reservation = verdict["reservation"]
    attribution = {
        "team_id": verdict["team_id"],
        "reservation": None if reservation is None else reservation["id"],
    }
    limits, called = verdict["limits"], verdict["model"]
    whole = [limit for limit in limits if "model" not in limit]
    own = [limit for limit in whole if limit["kind"] in {"key", "team", "member"}]
    user = [limit for limit in whole if limit["kind"] == "user"]
    organization = [limit for limit in whole if limit["kind"] == "organization"]
    of_model = [limit for limit in limits if "model" in limit]
    metadata: dict[str, Any] = {"teamledger": attribution}
    for name in ("rpm_limit", "tpm_limit"):
        if (least := _least(of_model, name)) is not None:
            metadata[f"model_{name}"] = {called: least}
    return UserAPIKeyAuth(
        api_key=api_key,
        key_alias=verdict["key_alias"],
        user_id=verdict["user_id"],
        org_id=verdict["organization_id"],
        aliases={} if called == model else {model: called},
        metadata=metadata,
        rpm_limit=_least(own, "rpm_limit"),
        tpm_limit=_least(own, "tpm_limit"),
        max_parallel_requests=_least(own, "max_parallel_requests"),
        user_rpm_limit=_least(user, "rpm_limit"),
        user_tpm_limit=_least(user, "tpm_limit"),
        organization_rpm_limit=_least(organization, "rpm_limit"),
        organization_tpm_limit=_least(organization, "tpm_limit"),
    )


def _least(limits: list[dict[str, Any]], name: str) -> int | None:
    return min((limit[name] for limit in limits if limit[name] is not None), default=None)


def _bad(message: str, param: str) -> ProxyException:
    return ProxyException(message, "invalid_request_error", param, 400)


def _unavailable(reason: str) -> ProxyException:
    text = f"teamledger cannot be asked ({reason}): nobody knows whether this call is allowed"
    return ProxyException(text, "service_unavailable", None, 503)

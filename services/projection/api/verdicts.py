"""What a gateway is answered: a decision with all it was made of, or what stands in the way.

USD are JSON numbers, moments ISO 8601 in UTC.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from events.values import JsonObject
from services.access.decisions import Check, Denied, KeyPolicy
from services.access.funds import Funds, Purse
from services.edge.errors import ShapeB
from services.edge.shapes.money import usd
from services.edge.shapes.times import iso
from services.projection.decisions.decider import Allowed, Held, Refusal
from services.projection.decisions.standing import Origin, ThroughputLimit
from services.projection.head import Heads


def allowed(verdict: Allowed, heads: Heads) -> JsonObject:
    """The call may be made: as which model, under which limits and budgets, for whom."""
    key = verdict.key
    team = key.team
    return {
        "allowed": True,
        "key_hash": key.token,
        "key_alias": key.key_alias,
        "user_id": key.user_id,
        "team_id": None if team is None else team.team_id,
        "team_alias": None if team is None else team.team_alias,
        "organization_id": key.organization_id,
        "model": verdict.model,
        "limits": [_limit(one) for one in verdict.limits],
        "budgets": [budget(one) for one in verdict.funds.values()],
        "soft_exceeded": [_soft(one) for one in verdict.funds.values() if one.soft_exceeded],
        "reservation": None if verdict.held is None else _reservation(verdict.held),
        "position": _position(heads),
    }


def denied(verdict: Refusal, heads: Heads, *, strict: bool) -> JsonObject:
    """The call may not be made: what LiteLLM says to its caller, and beyond that, why."""
    refused = verdict.denied.refused
    told = ShapeB(refused.status, refused.text, refused.kind, refused.param)
    return {
        "allowed": False,
        "status": refused.status,
        **told.body(strict=strict and verdict.denied.funds is None),
        "denial": _denial(verdict),
        "position": _position(heads),
    }


def _denial(verdict: Refusal) -> JsonObject:
    found, origin = verdict.denied, verdict.origin
    funds = found.funds
    kind, name = _whose(verdict)
    return {
        "check": found.check,
        "kind": kind,
        "id": name,
        **({} if funds is None else _places(funds)),
        "limit": _compared(found, verdict.key),
        "spend": None if funds is None else usd(funds.spend),
        "held": None if funds is None else usd(funds.held),
        "estimate": usd(verdict.estimate),
        "by_estimate": found.by_estimate,
        "window": None if funds is None else _window(funds.start, funds.end),
        **_origin(origin),
    }


_OF_TEAM = (Check.TEAM_BLOCKED, Check.TEAM_MODEL)


def _whose(verdict: Refusal) -> tuple[str, str | None]:
    found, key = verdict.denied, verdict.key
    if found.funds is not None:
        return found.funds.purse, found.funds.id
    if key is not None and key.team is not None and found.check in _OF_TEAM:
        return Purse.TEAM, key.team.team_id
    if key is not None and found.check is Check.USER_MODEL:
        return Purse.USER, key.user_id
    return Purse.KEY, verdict.token


def _compared(found: Denied, key: KeyPolicy | None) -> object:
    """What was set: USD, models, routes, a moment; None where it is no limit."""
    if found.funds is not None:
        return usd(found.funds.max_budget)
    compare = _COMPARED.get(found.check)
    return None if key is None or compare is None else compare(key)


_COMPARED: Mapping[Check, Callable[[KeyPolicy], object]] = {
    Check.KEY_MODEL: lambda key: list(key.models),
    Check.TEAM_MODEL: lambda key: None if key.team is None else list(key.team.models),
    Check.USER_MODEL: lambda key: list(key.user_models or ()),
    Check.KEY_ROUTES: lambda key: list(key.allowed_routes),
    Check.KEY_EXPIRED: lambda key: _moment(key.expires),
}


def _origin(origin: Origin | None) -> JsonObject:
    if origin is None:
        return {"set_by": None, "set_at": None, "event_id": None}
    return {"set_by": origin.by, "set_at": iso(origin.at), "event_id": origin.event_id}


def _limit(limit: ThroughputLimit) -> JsonObject:
    told: JsonObject = {
        "kind": limit.kind,
        "id": limit.id,
        "tpm_limit": limit.tpm_limit,
        "rpm_limit": limit.rpm_limit,
        "max_parallel_requests": limit.max_parallel_requests,
    }
    if limit.member is not None:
        told["member"] = limit.member
    if limit.model is not None:
        told["model"] = limit.model
    return told


def budget(funds: Funds) -> JsonObject:
    """A budget that a call was compared with."""
    return {
        "kind": funds.purse,
        "id": funds.id,
        **_places(funds),
        "max_budget": usd(funds.max_budget),
        "soft_budget": usd(funds.soft_budget),
        "spend": usd(funds.spend),
        "held": usd(funds.held),
        "window": _window(funds.start, funds.end),
    }


def _soft(funds: Funds) -> JsonObject:
    return {
        "kind": funds.purse,
        "id": funds.id,
        "soft_budget": usd(funds.soft_budget),
        "spend": usd(funds.spend),
    }


def _places(funds: Funds) -> JsonObject:
    """The member of a team, or the model of a key, where it is a budget of one."""
    named = {"member": funds.member, "model": funds.model}
    return {name: value for name, value in named.items() if value is not None}


@lru_cache(maxsize=4_096)
def _window(start: datetime | None, end: datetime | None) -> Mapping[str, str | None]:
    """Nearly all budgets have the same few windows."""
    return {"start": _moment(start), "end": _moment(end)}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _reservation(held: Held) -> JsonObject:
    amount: Decimal = held.amount
    return {"id": str(held.id), "amount": usd(amount), "expires_at": iso(held.expires_at)}


def _position(heads: Heads) -> JsonObject:
    return {"events": heads.position, "usage": heads.ledger.position}

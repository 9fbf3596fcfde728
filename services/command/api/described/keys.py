"""Routes on virtual keys (supporting-api.md 2)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from events.key import GATEWAY_ROUTES, KeySettings
from services.access.principal import AccessRefused
from services.command.api.build_key import NO_MASTER_KEY, NOT_A_KEY, TEAM_REQUIRED
from services.command.api.described.common import SEVERAL, command
from services.command.api.described.teams import NO_ORGANIZATION, NO_TEAM
from services.command.api.refusals import answer_for
from services.command.application.key_organizations import no_keys_there, stays_there
from services.command.application.store import LINKS_SHOWN
from services.command.domain.errors import (
    AlreadyExists,
    NegativeLimit,
    NotAGateway,
    NotAssigned,
    NotFound,
    OtherOrganization,
    OverAllowance,
    OverOwnBudget,
    OverTeamLimit,
    TooManyKeys,
)
from services.command.domain.gateway import check_gateway
from services.edge.errors import MANAGEMENT, ShapeA, ShapeB
from services.edge.openapi import examples
from services.edge.openapi.answers.key import (
    BlockedKey,
    ChangedKey,
    DeletedKeys,
    GeneratedKey,
    UpdatedKey,
    UpdatedKeys,
)
from services.edge.openapi.callers import KEY, ORGANIZATION, STRANGER, TEAM
from services.edge.openapi.examples import ALIAS, KEY_VIEW, MODEL, USER
from services.edge.openapi.operation import Operation
from services.edge.requests import key as requests
from services.edge.shapes.key import generated

_ROTATED, _ROTATED_LATER = "sk-example-old1", "sk-example-old2"
"""Keys that the examples give a new secret: others need the one that most of them name."""

_NO_KEY = NotFound("key", "sk-missing")
_NEGATIVE = NegativeLimit("max_budget", Decimal(-1))
_OVER_OWN = OverOwnBudget(Decimal(20), Decimal(10))
_ALIAS_TAKEN = AlreadyExists("key_alias", ALIAS)


def _not_a_gateway(before: KeySettings | None, **after: Any) -> NotAGateway:  # noqa: ANN401
    try:
        check_gateway(before, KeySettings(key_name="", **after))
    except NotAGateway as error:
        return error
    raise AssertionError("these settings are allowed")


_NAMELESS_GATEWAY = _not_a_gateway(None, allowed_routes=[GATEWAY_ROUTES])
_OWNED_GATEWAY = _not_a_gateway(
    None, allowed_routes=[GATEWAY_ROUTES], key_alias=ALIAS, team_id=TEAM
)
_BECOMES_GATEWAY = _not_a_gateway(KeySettings(key_name=""), allowed_routes=[GATEWAY_ROUTES])
_IN_ORGANIZATION = (
    OtherOrganization("other", "lab", ORGANIZATION),
    OverAllowance("TPM", 0, 1001, 1000, "Key", "organization"),
    TooManyKeys("team", LINKS_SHOWN),
)
_INTO = {"no_keys_there": no_keys_there(STRANGER, ORGANIZATION)}
_INTO_AND_OUT = {**_INTO, "stays_there": stays_there(ORGANIZATION)}
_BAD_KEY = ShapeB(
    400,
    "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: secr****",
    family=MANAGEMENT,
)
_FOR_ANOTHER = AccessRefused(
    403,
    f"User can only create keys for themselves. Got user_id={USER}, Your ID={STRANGER}",
)


def _blocking(route: str, id: str, answer: type[ChangedKey], **example: object) -> Operation:  # noqa: A002
    return command(
        route,
        id,
        answer,
        body=requests.KeyRef,
        sent={"key": KEY},
        example={**examples.key_row(), **example},
        domain=(_NO_KEY,),
        others={
            "bad_key": ShapeB(400, "Invalid key format.", family=MANAGEMENT),
            "not_owner": AccessRefused(
                403, f"You are not authorized to {route.removeprefix('/key/')} this key"
            ),
        },
    )


def _regenerating(route: str, id: str, path: Mapping[str, str]) -> Operation:  # noqa: A002
    """Without a path the key is named by the body, or by the query."""
    others = {
        "bad_key": ShapeB(400, NOT_A_KEY, family=MANAGEMENT),
        "no_master_key": ShapeB(400, NO_MASTER_KEY, family=MANAGEMENT),
        "not_owner": AccessRefused(403, "You are not authorized to regenerate this key"),
        **_INTO_AND_OUT,
    }
    if not path:
        others["no_key_named"] = ShapeB(400, "No key passed in.", family=MANAGEMENT)
    return command(
        route,
        id,
        GeneratedKey,
        body=requests.RegenerateKey,
        sent={**({} if path else {"key": _ROTATED}), "grace_period": "1d", "max_budget": 20},
        example={**generated(KEY_VIEW, KEY), "max_budget": 20.0},
        path=path,
        domain=(
            _NO_KEY,
            NO_TEAM,
            NO_ORGANIZATION,
            _ALIAS_TAKEN,
            AlreadyExists("key", f"sk-...{KEY[-4:]}"),
            _NEGATIVE,
            _BECOMES_GATEWAY,
            *_IN_ORGANIZATION,
        ),
        others=others,
        versioned=False,
        needs_body=False,
    )


OPERATIONS: Mapping[str, Operation] = {
    "/key/generate": command(
        "/key/generate",
        "generate_key",
        GeneratedKey,
        body=requests.GenerateKey,
        sent={
            "key_alias": ALIAS,
            "user_id": USER,
            "team_id": TEAM,
            "models": [MODEL],
            "max_budget": 10,
            "duration": "30d",
        },
        example=generated(KEY_VIEW, KEY),
        domain=(
            NO_TEAM,
            NO_ORGANIZATION,
            _ALIAS_TAKEN,
            AlreadyExists("key", f"sk-...{KEY[-4:]}"),
            NotAssigned(STRANGER, TEAM),
            _NEGATIVE,
            _OVER_OWN,
            _NAMELESS_GATEWAY,
            *_IN_ORGANIZATION,
        ),
        others={
            "bad_key": _BAD_KEY,
            "for_another": _FOR_ANOTHER,
            "for_gateway": AccessRefused(403, "Only proxy admin can make the key of a gateway"),
            **_INTO,
        },
    ),
    "/key/service-account/generate": command(
        "/key/service-account/generate",
        "generate_service_key",
        GeneratedKey,
        body=requests.GenerateKey,
        sent={"team_id": TEAM, "models": [MODEL]},
        example={**generated(KEY_VIEW, KEY), "user_id": None},
        domain=(
            NO_TEAM,
            NO_ORGANIZATION,
            _ALIAS_TAKEN,
            AlreadyExists("key", f"sk-...{KEY[-4:]}"),
            NotAssigned(STRANGER, TEAM),
            _NEGATIVE,
            _OWNED_GATEWAY,
            *_IN_ORGANIZATION,
        ),
        others={
            "bad_key": _BAD_KEY,
            "no_team_named": ShapeA(400, TEAM_REQUIRED, key=None),
            **_INTO,
        },
    ),
    "/key/regenerate": _regenerating("/key/regenerate", "regenerate_key", {}),
    "/key/{key}/regenerate": _regenerating(
        "/key/{key}/regenerate", "regenerate_named_key", {"key": _ROTATED_LATER}
    ),
    "/key/bulk_update": command(
        "/key/bulk_update",
        "update_keys",
        UpdatedKeys,
        body=requests.BulkUpdateKeys,
        sent={"keys": [{"key": KEY, "max_budget": 20}, {"key": "sk-missing", "max_budget": 20}]},
        example={
            "total_requested": 2,
            "successful_updates": [
                {"key": KEY, "key_info": {**examples.key_row(), "max_budget": 20.0}}
            ],
            "failed_updates": [
                {
                    "key": "sk-missing",
                    "key_info": None,
                    "failed_reason": str(answer_for("/key/update", _NO_KEY).detail),
                }
            ],
        },
        others={
            "nobody": ShapeB(400, "No keys provided for update", family=MANAGEMENT),
            "too_many": ShapeB(
                400, "Maximum 500 keys can be updated at once. Found 501 keys.", family=MANAGEMENT
            ),
            "not_proxy_admin": AccessRefused(403, "Only proxy admins can perform bulk key updates"),
            **SEVERAL,
        },
        versioned=False,
    ),
    "/key/update": command(
        "/key/update",
        "update_key",
        UpdatedKey,
        body=requests.UpdateKey,
        sent={"key": KEY, "max_budget": 20},
        example={"key": KEY, **examples.key_row(), "max_budget": 20.0},
        domain=(
            _NO_KEY,
            NO_TEAM,
            NO_ORGANIZATION,
            _ALIAS_TAKEN,
            _NEGATIVE,
            _OVER_OWN,
            OverTeamLimit("max_budget", Decimal(200), Decimal(100)),
            _BECOMES_GATEWAY,
            *_IN_ORGANIZATION,
        ),
        others={
            "not_owner": AccessRefused(403, "You are not authorized to update this key"),
            **_INTO_AND_OUT,
        },
    ),
    "/key/delete": command(
        "/key/delete",
        "delete_keys",
        DeletedKeys,
        body=requests.DeleteKeys,
        sent={"keys": [KEY]},
        example={"deleted_keys": [KEY]},
        domain=(_NO_KEY,),
        others={
            "not_owner": AccessRefused(403, "You are not authorized to delete this key"),
            **SEVERAL,
        },
        versioned=False,
    ),
    "/key/block": _blocking("/key/block", "block_key", BlockedKey, blocked=True, org_id=None),
    "/key/unblock": _blocking("/key/unblock", "unblock_key", ChangedKey, blocked=False),
}

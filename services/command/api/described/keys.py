"""Routes on virtual keys (supporting-api.md 2)."""

from collections.abc import Mapping
from decimal import Decimal

from services.access.principal import AccessRefused
from services.command.api.described.common import SEVERAL, command
from services.command.api.described.teams import NO_ORGANIZATION, NO_TEAM
from services.command.domain.errors import (
    AlreadyExists,
    NegativeLimit,
    NotAssigned,
    NotFound,
    OverOwnBudget,
    OverTeamLimit,
)
from services.edge.errors import MANAGEMENT, ShapeB
from services.edge.openapi import examples
from services.edge.openapi.answers.key import ChangedKey, DeletedKeys, GeneratedKey, UpdatedKey
from services.edge.openapi.callers import KEY, STRANGER, TEAM
from services.edge.openapi.examples import ALIAS, KEY_VIEW, MODEL, USER
from services.edge.openapi.operation import Operation
from services.edge.requests import key as requests
from services.edge.shapes.key import generated

_NO_KEY = NotFound("key", "sk-missing")
_NEGATIVE = NegativeLimit("max_budget", Decimal(-1))
_OVER_OWN = OverOwnBudget(Decimal(20), Decimal(10))
_ALIAS_TAKEN = AlreadyExists("key_alias", ALIAS)
_BAD_KEY = ShapeB(
    400,
    "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: secr****",
    family=MANAGEMENT,
)
_FOR_ANOTHER = AccessRefused(
    403,
    f"User can only create keys for themselves. Got user_id={USER}, Your ID={STRANGER}",
)


def _blocking(route: str, id: str, *, blocked: bool) -> Operation:  # noqa: A002
    return command(
        route,
        id,
        ChangedKey,
        body=requests.KeyRef,
        sent={"key": KEY},
        example={**examples.key_row(), "blocked": blocked},
        domain=(_NO_KEY,),
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
        ),
        others={"bad_key": _BAD_KEY, "for_another": _FOR_ANOTHER},
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
        ),
        others={"not_owner": AccessRefused(403, "You are not authorized to update this key")},
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
    "/key/block": _blocking("/key/block", "block_key", blocked=True),
    "/key/unblock": _blocking("/key/unblock", "unblock_key", blocked=False),
}

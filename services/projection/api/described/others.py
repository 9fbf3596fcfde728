"""Reads about keys and the audit log (supporting-api.md 2, 7), and health."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from services.access.principal import INTERNAL_USER, MASTER_USER, Principal
from services.access.visibility import check_keys_in, check_keys_of
from services.edge.claim import claim_too_long
from services.edge.errors import MANAGEMENT, ShapeA, ShapeB, unexpected
from services.edge.health import COMPATIBLE_WITH, unhealthy
from services.edge.openapi.answers.key import AliasPage, KeyInfo, KeyInfos, KeyPage
from services.edge.openapi.answers.report import AuditEntry, AuditPage, Healthy
from services.edge.openapi.callers import KEY, TEAM, refused_by, somebody
from services.edge.openapi.components import EVENT_POSITION, TOTAL_COUNT
from services.edge.openapi.examples import ALIAS, KEY_VIEW, NOW, USER
from services.edge.openapi.operation import CORRELATION_ID, Operation, Refusal
from services.edge.shapes.audit import audit_log, csv_head, csv_line
from services.edge.shapes.key import key_info, key_infos
from services.edge.shapes.money import NOTHING_SPENT
from services.projection.api.described.common import read
from services.projection.api.recorded import not_recorded
from services.projection.api.routes.audit_export import MEDIA_TYPES

ENTRY = "019cdd1f-7a63-7c5b-9c0f-2a61d5f0b7e4"
"""The id of the entry in the example of /audit/{id}."""

_EVE, _KEYLESS = somebody(INTERNAL_USER), somebody(INTERNAL_USER, None)
_ENTRY = audit_log(
    {
        "id": ENTRY,
        "updated_at": NOW,
        "actor": MASTER_USER,
        "actor_role": "proxy_admin",
        "on_behalf_of": None,
        "changed_by_api_key": KEY_VIEW.token,
        "action": "updated",
        "table_name": "LiteLLM_TeamTable",
        "object_id": TEAM,
        "before_value": {"max_budget": 100},
        "updated_values": {"max_budget": 250},
        "command": "UpdateTeam",
        "position": 7,
    }
)


def _public(id: str, answers: Any, example: object, **refusals: Refusal) -> Operation:  # noqa: A002, ANN401
    refused = {**refusals, "unexpected": unexpected(CORRELATION_ID)}
    return Operation(id, answers, example, refusals=refused, public=True)


def _keys_of(caller: Principal, user_id: str | None) -> None:
    check_keys_of(caller, user_id, None, user_known=True)


def _bad(text: str) -> ShapeB:
    return ShapeB(400, text, family=MANAGEMENT)


POSTS: Mapping[str, Operation] = {
    "/v2/key/info": read(
        "/v2/key/info",
        "get_keys",
        KeyInfos,
        sent={"keys": [KEY]},
        example=key_infos({KEY: (KEY_VIEW, NOTHING_SPENT)}, NOW, UTC),
    ),
}
"""What is read, and asked for by POST."""

_EXPORT = replace(
    read(
        "/v1/audit/export",
        "export_audit_log",
        AuditEntry,
        query={"object_id": TEAM, "action": "created", "format": "jsonl"},
        example=_ENTRY,
        refusals={"not_recorded": not_recorded(), "long_claim": claim_too_long()},
    ),
    headers=(EVENT_POSITION, TOTAL_COUNT),
    media_type=MEDIA_TYPES["jsonl"],
    csv=csv_head() + csv_line(_ENTRY),
)

OPERATIONS: Mapping[str, Operation] = {
    "/key/aliases": read(
        "/key/aliases",
        "list_key_aliases",
        AliasPage,
        query={"search": "ann", "page": 1, "size": 50},
        example={
            "aliases": [ALIAS],
            "total_count": 1,
            "current_page": 1,
            "total_pages": 1,
            "size": 50,
        },
        refusals={
            "no_user": refused_by(lambda: check_keys_of(_KEYLESS, None, None, user_known=True))
        },
    ),
    "/key/info": read(
        "/key/info",
        "get_key",
        KeyInfo,
        past=True,
        query={"key": KEY},
        example=key_info(KEY_VIEW, KEY, NOW, UTC),
        versioned=True,
        refusals={
            "no_key_found": ShapeB(
                404, "Key not found in database", "not_found_error", family=MANAGEMENT
            ),
            "not_for_him": ShapeB(
                403,
                "You are not allowed to access this key's info. Your role=internal_user",
                family=MANAGEMENT,
            ),
        },
    ),
    "/key/list": read(
        "/key/list",
        "list_keys",
        KeyPage,
        query={"team_id": TEAM, "page": 1, "size": 10},
        example={
            "keys": [KEY_VIEW.token],
            "total_count": 1,
            "current_page": 1,
            "total_pages": 1,
        },
        refusals={
            "bad_status": _bad("Invalid status value. Currently only 'deleted' is supported."),
            "bad_order": _bad("Invalid sort order. Must be 'asc' or 'desc'"),
            "not_his_own": refused_by(lambda: _keys_of(_EVE, USER)),
            "not_his_team": refused_by(lambda: check_keys_in(_EVE, in_team=False)),
        },
    ),
    "/audit": read(
        "/audit",
        "list_audit_entries",
        AuditPage,
        query={"object_id": TEAM, "page": 1, "page_size": 10},
        example={
            "audit_logs": [_ENTRY],
            "total": 1,
            "page": 1,
            "page_size": 10,
            "total_pages": 1,
        },
    ),
    "/audit/{id}": read(
        "/audit/{id}",
        "get_audit_entry",
        AuditEntry,
        path={"id": ENTRY},
        example=_ENTRY,
        refusals={
            "no_entry": ShapeA(404, "Audit log with ID missing not found", key="message"),
        },
    ),
    "/v1/audit/export": _EXPORT,
    "/metrics": replace(
        _public("get_metrics", str, "teamledger_log_position 4711.0\n"), media_type="text/plain"
    ),
    "/health/liveliness": _public("get_liveliness", str, "I'm alive!"),
    "/health/liveness": _public("get_liveness", str, "I'm alive!"),
    "/health/readiness": _public(
        "get_readiness",
        Healthy,
        {"status": "healthy", "position": 7, "litellm_version": COMPATIBLE_WITH},
        unhealthy=unhealthy("commands", "commands are not taken"),
    ),
}

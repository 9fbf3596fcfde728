"""What GET /key/list shows of a key (supporting-api.md 2.6), besides its hash."""

from datetime import datetime, tzinfo

from events.values import JsonObject
from services.edge.shapes.key import KeyView, key_row
from services.edge.shapes.money import NOTHING_SPENT, Spent
from services.edge.shapes.team import Deletion
from services.edge.shapes.times import iso

_OF_A_PRINCIPAL: JsonObject = {
    "team_spend": None,
    "team_alias": None,
    "team_tpm_limit": None,
    "team_rpm_limit": None,
    "team_max_budget": None,
    "team_soft_budget": None,
    "team_models": [],
    "team_blocked": False,
    "soft_budget": None,
    "team_model_aliases": None,
    "team_member": None,
    "team_metadata": None,
    "team_object_permission_id": None,
    "team_member_spend": None,
    "team_member_tpm_limit": None,
    "team_member_rpm_limit": None,
    "end_user_id": None,
    "end_user_tpm_limit": None,
    "end_user_rpm_limit": None,
    "end_user_max_budget": None,
    "end_user_model_max_budget": None,
    "organization_max_budget": None,
    "organization_tpm_limit": None,
    "organization_rpm_limit": None,
    "organization_metadata": None,
    "project_metadata": None,
    "last_refreshed_at": None,
    "api_key": None,
    "user_role": None,
    "allowed_model_region": None,
    "parent_otel_span": None,
    "rpm_limit_per_model": None,
    "tpm_limit_per_model": None,
    "user_tpm_limit": None,
    "user_rpm_limit": None,
    "user_email": None,
    "user_spend": None,
    "user_max_budget": None,
    "request_route": None,
    "end_user_object_permission": None,
}
"""What LiteLLM's object has beside the columns of a key; a list fills none of it."""


def person(user_id: str, email: str | None, alias: str | None) -> JsonObject:
    """A user as `expand=user` shows him: who he is, and nothing of his limits or roles."""
    return {"user_id": user_id, "user_email": email, "user_alias": alias}


def listed_key(  # noqa: PLR0913 - what a list shows of a key and beside it
    view: KeyView,
    now: datetime,
    zone: tzinfo,
    *,
    spend: Spent = NOTHING_SPENT,
    user: JsonObject | None = None,
    created_by_user: JsonObject | None = None,
) -> JsonObject:
    """A key with its hash, as an authenticated principal would hold it."""
    return {
        **_columns(view, now, zone, spend),
        **_OF_A_PRINCIPAL,
        "user": user,
        "created_by_user": created_by_user,
    }


def deleted_key(
    view: KeyView, deletion: Deletion, zone: tzinfo, *, spend: Spent = NOTHING_SPENT
) -> JsonObject:
    """A key as it last was, and how it ended; its budget window is the one it ended in."""
    return {
        **_columns(view, deletion.at, zone, spend),
        "id": deletion.id,
        "deleted_at": iso(deletion.at),
        "deleted_by": deletion.by,
        "deleted_by_api_key": deletion.by_api_key,
        "litellm_changed_by": deletion.changed_by,
    }


def _columns(view: KeyView, now: datetime, zone: tzinfo, spend: Spent) -> JsonObject:
    row = key_row(view, now, zone, with_token=True, spend=spend)
    row["org_id"] = view.organization_id
    row["object_permission"] = view.settings["extra"].get("object_permission")
    return row

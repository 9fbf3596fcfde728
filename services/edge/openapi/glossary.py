"""What fields mean, by name: once for all bodies and answers.

A name that means something else in one place is described there.
"""

from collections.abc import Mapping

from services.edge.openapi.glossary_history import HISTORY
from services.edge.openapi.glossary_reports import REPORTS, UNUSED, USAGE
from services.edge.openapi.glossary_webhooks import WEBHOOKS

ALWAYS_NULL = "Always null; the name is LiteLLM's."
"""A field that is there for those who look it up."""

_USD = "USD; null is no limit."
_TOKENS = "Tokens per minute; null is no limit."
_REQUESTS = "Requests per minute; null is no limit."

MONEY_AND_LIMITS: Mapping[str, str] = {
    "max_budget": f"What may be spent in a budget period. {_USD}",
    "soft_budget": f"Where to warn, below `max_budget`; refuses nothing. {_USD}",
    "spend": "USD spent in the current budget period.",
    "total_spend": "USD.",
    "reset_to": "USD that spend is to go on from: from 0 to what it is, and to what may be spent.",
    "max_budget_in_team": f"What one member may spend in the team. {_USD}",
    "team_member_budget": f"What each member may spend who has no budget of his own. {_USD}",
    "temp_budget_increase": "USD on top of `max_budget`, until `temp_budget_expiry`.",
    "temp_budget_expiry": "When the increase ends: ISO 8601 with an offset.",
    "budget_duration": "How long a budget period is: `1d`, `7d` (from Monday), `30d` or `1mo` "
    "(from the first), other numbers of `s`, `m`, `h`, `d`, `w`, `mo`, `y`; null is for ever.",
    "team_member_budget_duration": "The period of `team_member_budget`; absent, that of the team.",
    "budget_reset_at": "When the current budget period ends.",
    "tpm_limit": _TOKENS,
    "rpm_limit": _REQUESTS,
    "team_member_tpm_limit": f"For each member without limits of his own. {_TOKENS}",
    "team_member_rpm_limit": f"For each member without limits of his own. {_REQUESTS}",
    "model_tpm_limit": "Tokens per minute, by model.",
    "model_rpm_limit": "Requests per minute, by model.",
    "tpm_limit_type": "Whether tokens per minute are guaranteed or best effort.",
    "rpm_limit_type": "Whether requests per minute are guaranteed or best effort.",
    "max_parallel_requests": "Requests at the same time; null is no limit.",
    "model_max_budget": "Budgets by model.",
    "model_spend": "USD spent, by model.",
    "budget_id": "Names the limits; null where there are none.",
    "soft_budget_cooldown": "Whether a warning was just sent.",
    "litellm_budget_table": "The limits that hold; null where there are none.",
    "team_member_budget_table": "The limits of members who have none of their own.",
}

TEAMS: Mapping[str, str] = {
    "team_id": "The id of a team: 1 to 255 characters without control characters.",
    "team_ids": "Ids of teams.",
    "team_alias": "What people call the team; not unique.",
    "team_info": "The team.",
    "teams": "Teams.",
    "admins": "Kept as sent to `/team/new`; no rule looks at it.",
    "members": "Kept as sent to `/team/new`; no rule looks at it.",
    "member": "One member, or a list of members.",
    "members_with_roles": "The members, in the order in which they joined.",
    "members_total": "How many members there are, where not all of them are shown.",
    "team_memberships": "The members' own spend and limits.",
    "team_member_permissions": "What members may do with the team's keys; empty is the default.",
    "effective_permissions": "What members may do: the team's own list, or the default.",
    "is_default": "Whether the default is in effect because nobody has set anything else.",
    "litellm_version": "The release of LiteLLM whose API is answered.",
    "all_available_permissions": "All that could be given.",
    "team_member_key_duration": "How long keys live that are made for members, such as `30d`.",
    "role": "What somebody is there: `admin` may manage the team, `user` may use it; `org_admin` "
    "may manage the organization.",
    "already_member": "Ids of those in the request who were in the team before.",
    "all_users": "Add every user there is, each as `user`; takes the place of `members`.",
    "updated_users": "The users who were added.",
    "updated_team_memberships": "The memberships that were added.",
    "updated_user": "The user, if he was added.",
    "updated_team_membership": "The membership, if it was added.",
    "updated_team": "The team afterwards; null if nobody was added.",
    "results": "What became of each, in the order sent.",
    "success": "Whether the member was added.",
    "total_requested": "How many members were to be added.",
    "successful_additions": "How many were added.",
    "failed_additions": "How many were not.",
    "models": "Models that may be used; empty means all of them.",
    "model_aliases": "Models by the names they may be asked for under.",
    "model_id": "The id of the model aliases.",
    "litellm_model_table": "The model aliases; null where there are none, or they are not shown.",
    "blocked": "Whether all requests are refused.",
    "metadata": "Whatever belongs to it; at most 64 KiB as JSON.",
    "router_settings": "How requests are routed; kept as sent.",
    "access_group_ids": "Ids of access groups; kept as sent.",
    "deleted_teams": "The ids, as sent.",
    "data": "What it is about.",
    "allow_team_guardrail_config": UNUSED,
    "team_models": UNUSED,
    "team_blocked": UNUSED,
}

PERMISSIONS: Mapping[str, str] = {
    "object_permission": "MCP servers, vector stores, agents and models that may be used.",
    "object_permission_id": "The id of that permission.",
    "mcp_servers": "Ids of MCP servers.",
    "mcp_access_groups": "Names of groups of MCP servers.",
    "mcp_tool_permissions": "Tools that may be called, by MCP server.",
    "vector_stores": "Ids of vector stores.",
    "agents": "Ids of agents.",
    "agent_access_groups": "Names of groups of agents.",
    "allowed_vector_store_indexes": "Indexes and what may be done with them.",
    "index_name": "The name of the index.",
    "index_permissions": "What may be done with it.",
    "guardrails": "Names of guardrails.",
    "disable_global_guardrails": "Whether guardrails that hold for all are off.",
    "policies": "Names of policies.",
    "prompts": "Ids of prompts.",
    "tags": "Tags for reports and routing.",
    "allowed_passthrough_routes": "Pass-through routes that may be called.",
    "secret_manager_settings": "Settings of the secret manager; kept as sent.",
    "enforced_batch_output_expires_after": "After what time outputs of batches expire.",
    "enforced_file_expires_after": "After what time uploaded files expire.",
    "allowed_routes": "Routes that the key is narrowed to; empty is no narrowing.",
    "allowed_cache_controls": "Cache controls that may be sent.",
    "permissions": "Kept as sent.",
}

CALLBACKS: Mapping[str, str] = {
    "callback_name": "Where to log to, such as `langfuse`.",
    "callback_type": "Which calls are logged.",
    "callback_vars": "Variables by name; answers show the secret ones masked.",
    "success_callbacks": "Where successful calls are logged to.",
    "failure_callbacks": "Where failed calls are logged to.",
}

KEYS: Mapping[str, str] = {
    "key": "A virtual key: itself, `sk-` and more, or its sha256 in hex.",
    "keys": "Keys.",
    "keys_total": "How many keys there are, where not all of them are shown.",
    "key_aliases": "Aliases of keys.",
    "key_alias": "What people call the key; unique.",
    "key_name": "The key without its middle: `sk-...` and the last four characters.",
    "key_type": "A set of routes: all, those of models, of management, those that only read, or "
    "those of gateways: such a key is a proxy admin's to make, needs a `key_alias`, the source of "
    "all that it reports, and belongs to no user or team.",
    "token": "The sha256 of the key, in hex.",
    "token_id": "The sha256 of the key, in hex.",
    "deleted_keys": "Those that were there, as sent.",
    "duration": 'How long the key lives, such as `30d`; null or "-1" is for ever.',
    "expires": "When the key stops working; null is never.",
    "aliases": "Models by the names they may be asked for under.",
    "config": "Kept as sent.",
    "agent_id": "Kept as sent.",
    "project_id": "Kept as sent.",
    "enforced_params": "Parameters that requests must have.",
    "auto_rotate": "Kept as sent.",
    "rotation_interval": "Kept as sent, such as `30d`.",
    "rotation_count": UNUSED,
    "last_rotation_at": UNUSED,
    "key_rotation_at": UNUSED,
    "last_active": UNUSED,
    "org_id": "The id of the organization.",
    "send_invite_email": "Without effect.",
    "auto_create_key": "Whether the user gets a key at once.",
    "info": "The key.",
    "key_info": "The key afterwards.",
    "failed_reason": "Why the key is as it was.",
    "successful_updates": "The keys that were changed.",
    "failed_updates": "The keys that were not.",
    "new_key": "The new secret, beginning with `sk-`; drawn at random if absent.",
    "new_master_key": "Refused: the master key is configuration.",
    "grace_period": "How long the old secret is accepted beside the new one, such as `1d`; "
    "without one it is refused at once.",
    "user": "The owner, with `expand=user`.",
    "created_by_user": "Who made the key, with `expand=user`.",
}

USERS: Mapping[str, str] = {
    "user_id": "The id of a user.",
    "user_email": "His e-mail address; null where none is known, or he was forgotten.",
    "user_alias": "What people call him.",
    "user_role": "What he may do; null is `internal_user`.",
    "user_info": "The user.",
    "sso_user_id": "His id at the identity provider.",
    "organization_id": "The id of an organization.",
    "organizations": "Ids of organizations.",
    "organization_memberships": UNUSED,
    "users": "Users.",
    "user_ids": "Ids of users.",
    "user_updates": "The same changes for all users.",
    "key_count": "How many keys in force he owns.",
    "description": "What it allows.",
    "successful_updates": "How many were made.",
    "failed_updates": "How many were not.",
    "ui_label": "What people call it.",
}

ORGANIZATIONS: Mapping[str, str] = {
    "organization_alias": "What people call the organization; not unique.",
    "organization_ids": "Ids of organizations.",
    "max_budget_in_organization": f"What one member may spend in the organization. {_USD}",
    "updated_organization_memberships": "The memberships that were added.",
    "teams_total": "How many teams there are, where not all of them are shown.",
    "budgets": "Ids of budgets.",
    "field_name": "The name of the field.",
    "field_type": "What its values are.",
    "field_description": "What it means.",
    "field_value": "What it is set to; null where it is not.",
    "stored_in_db": "Whether it is set.",
    "premium_field": "Always false; the name is LiteLLM's.",
}


BROUGHT_BACK: Mapping[str, str] = {
    "team": "The team.",
    "left_out": "What could not come back: who is a user no more, keys of theirs, taken aliases.",
    "key_aliases": "Aliases that somebody else has taken.",
    "to_follow": "How much comes in portions, because there is much of it.",
    "reverted_to": "The last fact about the team that had happened by then.",
    "recorded_at": "When it was recorded.",
    "deleted": "Whether the user was still there, and was deleted along.",
    "persons": "How many names his personal data was sealed under.",
    "remains": "What cannot be forgotten, and why; null if there is nothing.",
}

REFUSALS: Mapping[str, str] = {
    "title": "What every such problem is called.",
    "errors": "What of the request is not valid.",
    "error": "What is wrong.",
    "detail": "What is wrong.",
    "message": "What is wrong, or what was done.",
    "type": "Of which kind it is.",
    "param": "What of the request is to blame, if anything in particular.",
    "code": "The status, as text.",
    "loc": "Where it stands in the request.",
    "msg": "What is wrong with it.",
    "input": "What was sent there, shortened where it is long.",
    "ctx": "What the message is made of.",
}

FIELDS: Mapping[str, str] = {
    **HISTORY,
    **WEBHOOKS,
    **BROUGHT_BACK,
    **MONEY_AND_LIMITS,
    **TEAMS,
    **PERMISSIONS,
    **CALLBACKS,
    **KEYS,
    **USERS,
    **ORGANIZATIONS,
    **REPORTS,
    **USAGE,
    **REFUSALS,
}

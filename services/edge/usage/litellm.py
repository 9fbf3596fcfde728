"""What LiteLLM's `generic_api` callback posts (gateway.md), as one of our records.

A success or a failure (that costs nothing), told apart from our own records by fields that only
LiteLLM has. Of the payload only what is named here is looked at: messages, responses and headers
are none of our business. Names that whoever calls may choose, as model, path and tags, are cut and
cleaned to what can be kept: nobody's call goes uncounted for its name.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from events.usage import LONGEST_NAME, MOST_TAGS, Usage
from services.edge.usage.record import Fields, Unusable, usage

_MARKS = frozenset({"call_type", "startTime", "response_cost"})
_SHA256 = 64
_HEX = frozenset("0123456789abcdef")
UNKNOWN_MODEL = "unknown"
"""The model of a failed call that named none."""


def is_payload(item: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether an item is a payload of LiteLLM's logging."""
    return isinstance(item, dict) and item.keys() >= _MARKS


def call(payload: Mapping[str, Any]) -> Usage:
    """The call that a payload tells of; raises Unusable under the names of our own fields."""
    metadata = _object(payload, "metadata")
    own = _object(_object(metadata, "user_api_key_auth_metadata"), "teamledger")
    used = _object(metadata, "usage_object")
    model, group = _name(payload.get("model")), _name(payload.get("model_group"))
    record: Fields = {
        "id": payload.get("id"),
        "started_at": payload.get("startTime"),
        "ended_at": payload.get("endTime"),
        **_key(metadata.get("user_api_key_hash")),
        "team_id": own.get("team_id") or metadata.get("user_api_key_team_id") or None,
        "user_id": metadata.get("user_api_key_user_id") or None,
        "model": model or group or UNKNOWN_MODEL,
        "model_group": group,
        "provider": _name(payload.get("custom_llm_provider")),
        "endpoint": _name(metadata.get("user_api_key_request_route")),
        "mcp_tool": _mcp_tool(metadata),
        "status": payload.get("status"),
        "cost": payload.get("response_cost"),
        "prompt_tokens": payload.get("prompt_tokens"),
        "completion_tokens": payload.get("completion_tokens"),
        "cache_read_tokens": _cached(used, "cache_read_input_tokens", "cached_tokens"),
        "cache_creation_tokens": _cached(
            used, "cache_creation_input_tokens", "cache_creation_tokens"
        ),
        "tags": _tags(payload.get("request_tags")),
        "reservation": own.get("reservation"),
    }
    return usage(record)


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An inner object; nothing where there is none."""
    value = parent.get(name)
    if value is not None and not isinstance(value, dict):
        raise Unusable(f"{name}: must be an object")
    return value or {}


def _key(presented: object) -> Fields:
    """LiteLLM gives the sha256 of a key, and some name in place of its master key."""
    if not isinstance(presented, str):
        return {}
    if presented.startswith("sk-"):
        return {"key": presented}
    is_hash = len(presented) == _SHA256 and _HEX.issuperset(presented)
    return {"key_hash": presented} if is_hash else {}


def _name(value: object) -> str | None:
    """A text without what cannot be kept; None for what has none."""
    if not isinstance(value, str):
        return None
    text = value if value.isascii() else value.encode(errors="replace").decode()
    return text.replace("\0", "")[:LONGEST_NAME] or None


def _mcp_tool(metadata: Mapping[str, Any]) -> str | None:
    called = _object(metadata, "mcp_tool_call_metadata")
    return _name(called.get("namespaced_tool_name")) or _name(called.get("name"))


def _cached(used: Mapping[str, Any], anthropic: str, openai: str) -> object:
    """Tokens of a cache, as one provider or another counts them."""
    found = used.get(anthropic)
    return _object(used, "prompt_tokens_details").get(openai) if found is None else found


def _tags(given: object) -> object:
    names = map(_name, given if isinstance(given, list) else ())
    return [name for name in dict.fromkeys(names) if name is not None][:MOST_TAGS]

"""One entry of the audit log (team-api.md 1.8, supporting-api.md 7) and what is masked in it."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from events.values import JsonObject
from services.edge.shapes.csv_lines import harmless, line
from services.edge.shapes.secrets import masked_secret
from services.edge.shapes.times import iso

COLUMNS = (
    *("id", "updated_at", "changed_by", "changed_by_api_key", "action", "table_name", "object_id"),
    *("before_value", "updated_values", "actor", "on_behalf_of", "command", "position"),
)
"""What an entry has, in its order."""

_SEGMENTS = re.compile(r"[_-]")


def audit_log(row: Mapping[str, Any]) -> JsonObject:
    """The contract's fields, then ours: `actor`, `on_behalf_of`, `command` and `position`.

    The row has `id`, `updated_at` (a datetime), `actor` (user id), `actor_role`, `on_behalf_of`
    (the opened claim), `changed_by_api_key` (sha256), `action`, `table_name`, `object_id`,
    `before_value`, `updated_values`, `command` and `position`. `changed_by` answers the claim only
    where a proxy admin made it (D46). In the values, texts under a key with a segment `key` are
    masked; `object_id` is not, being what the entry is about.
    """
    return {
        "id": row["id"],
        "updated_at": iso(row["updated_at"]),
        "changed_by": _changed_by(row),
        "changed_by_api_key": row["changed_by_api_key"] or "",
        "action": row["action"],
        "table_name": row["table_name"],
        "object_id": row["object_id"],
        "before_value": masked(row["before_value"]),
        "updated_values": masked(row["updated_values"]),
        "actor": row["actor"],
        "on_behalf_of": row["on_behalf_of"],
        "command": row["command"],
        "position": row["position"],
    }


def csv_head() -> str:
    """The first line of entries as CSV."""
    return line(COLUMNS)


def csv_line(entry: JsonObject) -> str:
    """One entry as CSV: objects as JSON, and no text that a spreadsheet would compute."""
    return line([_cell(entry[name]) for name in COLUMNS])


def _cell(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, dict) else harmless(value)


def _changed_by(row: Mapping[str, Any]) -> str:
    if row["actor_role"] == "proxy_admin" and row["on_behalf_of"]:
        return str(row["on_behalf_of"])
    return row["actor"] or ""


def masked(value: Any, *, secret: bool = False) -> Any:  # noqa: ANN401
    """The value without texts under a name of which a segment is `key`, such as `api_key`."""
    match value:
        case dict():
            return {name: masked(part, secret=_names_a_key(name)) for name, part in value.items()}
        case list():
            return [masked(part, secret=secret) for part in value]
        case str() if secret:
            return masked_secret(value)
    return value


def _names_a_key(name: str) -> bool:
    return "key" in _SEGMENTS.split(name.lower())

"""Object permissions, which LiteLLM keeps apart from what they belong to."""

from collections.abc import Iterable, Mapping

from events.values import JsonObject, ObjectPermission
from services.cli.litellm.columns import PERMISSIONS
from services.cli.litellm.source import Row, Source
from services.cli.litellm.values import Record

_LISTS = ("mcp_servers", "mcp_access_groups", "vector_stores", "agents", "agent_access_groups")
Permissions = Mapping[str, Row]


def permissions_of(source: Source, rows: Iterable[Row]) -> Permissions:
    """Those that a page refers to, by id."""
    ids = (row.get("object_permission_id") for row in rows)
    return source.by_id(PERMISSIONS, "object_permission_id", ids)


def object_permission(record: Record, known: Permissions) -> ObjectPermission | None:
    """What a record refers to; None, and a note, where that is not there."""
    identity = record.text("object_permission_id")
    if identity is None:
        return None
    row = known.get(identity)
    if row is None:
        record.repaired("object_permission_id", f"{identity} does not exist: left out")
        return None
    held = Record(row)
    permissions: JsonObject = {n: texts for n in _LISTS if (texts := held.texts(n))}
    permissions |= {n: texts for n in ("models", "blocked_tools") if (texts := held.texts(n))}
    if tools := held.document("mcp_tool_permissions"):
        permissions["mcp_tool_permissions"] = tools
    return ObjectPermission(object_permission_id=identity, permissions=permissions)

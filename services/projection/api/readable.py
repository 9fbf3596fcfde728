"""One key, for whom may read it (supporting-api.md 2.3, auth.md 4, A06, A10)."""

from services.access.credentials import hash_key
from services.access.principal import Principal
from services.access.visibility import may_read_key
from services.edge.errors import MANAGEMENT, ShapeB
from services.projection.api.dependencies import Reader
from services.projection.queries.keys import FoundKey


async def readable_key(reader: Reader, token: str) -> tuple[int, FoundKey]:
    """Position and key. Who may not read it gets the same 403 whether there is one (D09)."""
    principal = reader.principal
    position, found = await reader.context.keys.one(principal, token)
    if not principal.reads_everything and (found is None or not may_read(principal, found)):
        text = f"You are not allowed to access this key's info. Your role={principal.shown_role}"
        raise ShapeB(403, text, family=MANAGEMENT)
    if found is None:
        raise ShapeB(404, "Key not found in database", "not_found_error", family=MANAGEMENT)
    return position, found


def may_read(principal: Principal, found: FoundKey) -> bool:
    """Whether the caller may read the key."""
    return may_read_key(
        principal, found.view.token, found.owner, found.team_role, found.permissions
    )


def token_of(key: str) -> str:
    """The sha256 of a key that is named by itself, or by that."""
    return hash_key(key) if key.startswith("sk-") else key.lower()

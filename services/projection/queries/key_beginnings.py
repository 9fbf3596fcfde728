"""Whose keys hashes belong to of which only the beginning was kept."""

from collections.abc import Collection, Mapping

from services.database.connections import Pool
from services.database.security_log import KEY_DIGITS
from services.projection.queries.reading import fetch

_STATEMENT = b"""
SELECT k.token, k.user_id FROM unnest(%(beginnings)s::text[]) q (beginning)
JOIN read.keys_1 k ON k.token >= q.beginning AND k.token < q.beginning || 'g'
"""


async def owners_of(pool: Pool, beginnings: Collection[str]) -> Mapping[str, str | None]:
    """User ids of the keys that are known, gone or not, by the beginning."""
    if not beginnings:
        return {}
    rows = await fetch(pool, _STATEMENT, {"beginnings": list(beginnings)})
    return {token[:KEY_DIGITS]: user_id for token, user_id in rows}

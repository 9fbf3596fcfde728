"""What was used and is nobody's: sums by gateway, key, claim and reason, from the ledger."""

import base64
import binascii

import orjson

from services.database.connections import Pool
from services.edge.shapes.usage import UnattributedView
from services.projection.queries.reading import fetch

Place = tuple[str, str, str, str, str]
"""A group: gateway, key, team, user and reason, "" where there is none."""

FIRST: Place = ("", "", "", "", "")
_GROUP = ("source", "key_hash", "team_id", "user_id", "reason")
_STATEMENT = b"""
WITH unowned AS (
    SELECT series, source COLLATE "C" AS source, coalesce(key_hash, '') COLLATE "C" AS key_hash,
        coalesce(team_id, '') COLLATE "C" AS team_id, coalesce(user_id, '') COLLATE "C" AS user_id,
        unattributed COLLATE "C" AS reason
    FROM usage.series WHERE unattributed IS NOT NULL
), page AS (
    SELECT DISTINCT source, key_hash, team_id, user_id, reason FROM unowned
    WHERE (source, key_hash, team_id, user_id, reason)
        > (%(source)s, %(key_hash)s, %(team_id)s, %(user_id)s, %(reason)s)
    ORDER BY 1, 2, 3, 4, 5 LIMIT %(limit)s
)
SELECT source, nullif(key_hash, ''), nullif(team_id, ''), nullif(user_id, ''), reason,
    coalesce(sum(cost), 0), coalesce(sum(prompt_tokens), 0)::bigint,
    coalesce(sum(completion_tokens), 0)::bigint, coalesce(sum(succeeded), 0)::bigint,
    coalesce(sum(failed), 0)::bigint, min(quarter), max(quarter)
FROM page JOIN unowned USING (source, key_hash, team_id, user_id, reason)
LEFT JOIN usage.quarters USING (series)
GROUP BY page.source, page.key_hash, page.team_id, page.user_id, page.reason
ORDER BY page.source, page.key_hash, page.team_id, page.user_id, page.reason
"""


def written(place: Place) -> str:
    """A place as it is handed to a reader, to go on from."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def read(text: str) -> Place:
    """The inverse of `written`; raises ValueError."""
    try:
        parts = orjson.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != [str] * len(FIRST):
        raise ValueError("is not where a page ended")
    if any("\0" in part for part in parts):
        raise ValueError("is not where a page ended")
    source, key_hash, team_id, user_id, reason = parts
    return source, key_hash, team_id, user_id, reason


async def unattributed_page(
    pool: Pool, after: Place, size: int
) -> tuple[list[UnattributedView], Place | None]:
    """The next `size` groups, and where to go on; None where there are no more."""
    given = {**dict(zip(_GROUP, after, strict=True)), "limit": size + 1}
    found = [UnattributedView(*row) for row in await fetch(pool, _STATEMENT, given)]
    page = found[:size]
    return page, _place(page[-1]) if len(found) > size else None


def _place(view: UnattributedView) -> Place:
    claim = view.key_hash or "", view.team_id or "", view.user_id or ""
    return (view.source, *claim, view.reason)
